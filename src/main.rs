//! The `tadpole` program: calls the command line floor and returns its exit code.

/// Compiling a program and reading a record are many small allocations: with this they take a quarter less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tadpole::cli::main()
}
