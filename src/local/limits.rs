//! What this machine lets one process have, and whether that is enough. What libraries cannot go on without is
//! asked for here, since they panic when they do not get it.

/// Files that may be open at once: with fewer, not even the runtime starts.
const FILES: u64 = 32;
/// Files that are asked for, where the limit may be raised.
const FILES_WANTED: u64 = 1024;
/// Bytes of address space. Stacks and the allocator reserve more than they use.
const MEMORY: u64 = 320 << 20;

/// Why this command cannot run, and what helps.
#[derive(Debug)]
pub struct Scarce {
    pub message: String,
    pub help: String,
}

/// Whether there is enough memory for any command.
///
/// # Errors
/// When a limit leaves too little.
pub fn memory() -> Result<(), Scarce> {
    match address_space() {
        Some(bytes) if bytes < MEMORY => Err(Scarce {
            message: format!(
                "this process may have {} MiB of address space, and {} are needed",
                bytes >> 20,
                MEMORY >> 20
            ),
            help: format!("raise the limit: `ulimit -v {}`, or `ulimit -v unlimited`", MEMORY >> 10),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Whether there are enough files and threads for a command that works on many things at once.
///
/// # Errors
/// When a limit leaves too few.
pub fn files_and_threads() -> Result<(), Scarce> {
    match open_files() {
        Some(files) if files < FILES => {
            return Err(Scarce {
                message: format!("this process may open {files} files, and {FILES} are needed"),
                help: format!("raise the limit: `ulimit -n {FILES_WANTED}`"),
            });
        }
        Some(_) | None => {}
    }
    // The runtime has one for each core, and some beside.
    let wanted = std::thread::available_parallelism().map_or(1, usize::from) + 4;
    threads(wanted).map_err(|error| Scarce {
        message: format!("no {wanted} threads can be started: {error}"),
        help: "raise the limit of processes: `ulimit -u`, or `pids` of the container".to_string(),
    })
}

/// Whether so many threads can run at once.
fn threads(count: usize) -> std::io::Result<()> {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let mut running = Vec::with_capacity(count);
    let mut result = Ok(());
    for _ in 0..count {
        let held = held.clone();
        let wait = move || drop(held.lock().map(|held| held.recv()));
        match std::thread::Builder::new().stack_size(64 << 10).spawn(wait) {
            Ok(thread) => running.push(thread),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    drop(hold);
    running.into_iter().for_each(|thread| drop(thread.join()));
    result
}

/// Files that may be open at once, after the limit was raised where it may be; nothing where there is none.
#[cfg(unix)]
fn open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(FILES_WANTED).min(FILES_WANTED);
    if current? < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok() {
        return Some(wanted);
    }
    current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(unix)]
fn address_space() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As).current
}

/// The number of the signal that a write beyond the limit of a file's size sends.
#[cfg(unix)]
pub const FILE_SIZE_SIGNAL: i32 = rustix::process::Signal::XFSZ.as_raw();

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

/// Whether a panic says that the machine, and no mistake of ours, stopped it.
pub fn is_scarcity(message: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "can't spawn",
        "failed to spawn",
        "mmap failed",
        "os error 11)",
        "os error 12)",
        "os error 24)",
        "code: 11,",
        "code: 12,",
        "code: 24,",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_what_a_command_needs() {
        memory().unwrap();
        files_and_threads().unwrap();
    }

    #[test]
    fn what_libraries_say_of_scarcity_is_known() {
        for said in [
            "OS can't spawn worker thread: Resource temporarily unavailable (os error 11)",
            "mmap failed to allocate stack: Os { code: 12, kind: OutOfMemory, message: \"Cannot allocate memory\" }",
            "failed to create UnixStream: Os { code: 24, kind: Uncategorized, message: \"Too many open files\" }",
        ] {
            assert!(is_scarcity(said), "{said}");
        }
        assert!(!is_scarcity("attempt to add with overflow"));
    }
}
