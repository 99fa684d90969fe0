//! The `tadpole` program: calls the command line floor and returns its exit code.

fn main() -> std::process::ExitCode {
    tadpole::cli::main()
}
