//! Files and directories of a record: for their owner alone, whatever the umask.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes a directory with those above it. Those that exist keep their modes.
pub fn directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = match builder.create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty() && !above.exists());
            directory(above.ok_or(error)?)?;
            builder.create(path)
        }
        made => made,
    };
    match made {
        // The umask may have taken something away.
        Ok(()) => only(path, 0o700),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Options for a file that is made for its owner alone.
pub fn options() -> std::fs::OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Gives a file that was just made its mode, of which the umask may have taken something away.
pub fn file(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Gives a directory that was just made its mode.
pub fn own(path: &Path) -> io::Result<()> {
    only(path, 0o700)
}

#[cfg(unix)]
fn only(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn only(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
