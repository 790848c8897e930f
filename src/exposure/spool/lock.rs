//! A lock on a file, held while the file stays open: the system releases it when a process dies.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// An exclusive lock. Dropping it closes the file, which releases the lock unless a forked process
/// still has the file open, too.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock, creating the file if need be. `None` when somebody else holds it, or took
    /// the file away meanwhile.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<LockFile>> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(super::folder::PRIVATE_FILE)
            .open(path)?;
        if !try_flock(&file)? {
            return Ok(None);
        }
        let is_same = std::fs::metadata(path).is_ok_and(|at_path| {
            file.metadata()
                .is_ok_and(|ours| (ours.dev(), ours.ino()) == (at_path.dev(), at_path.ino()))
        });
        Ok(is_same.then_some(LockFile { _file: file }))
    }
}

#[expect(unsafe_code, reason = "flock is only reachable through libc")]
fn try_flock(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed.
    let result = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    if result == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(false),
        _ => Err(error),
    }
}
