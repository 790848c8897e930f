//! The folders of a spool: one per writer, locked by its owner for as long as that lives.
//!
//! `<spool>/<hash of the key>/<writer>/` holds a lock file and numbered segments. A folder whose
//! lock is free belongs to nobody any more; whoever takes the lock next inherits its segments.

use std::fmt::Write;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::lock::LockFile;

const LOCK_NAME: &str = "lock";
const SEGMENT_SUFFIX: &str = ".seg";
/// Names are random; a clash or a snatched lock is tried again this often.
const CREATE_TRIES: usize = 8;

/// A folder that we hold the lock of.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    _lock: LockFile,
}

/// Where all writers of one secret key have their folders. The key itself is not written anywhere.
pub(super) fn root(spool_dir: &Path, sdk_key: &str) -> PathBuf {
    let digest = Sha256::digest(sdk_key.as_bytes());
    let mut name = String::new();
    for byte in digest.iter().take(8) {
        let _ = write!(name, "{byte:02x}");
    }
    spool_dir.join(name)
}

/// Events tell about people: only the process's user may read them.
pub(super) const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// Makes a folder, and those above it, for the process's user only.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_FOLDER)
        .create(path)
}

impl Folder {
    /// Makes a folder of our own. Gives its writer id, too.
    pub(super) fn create(root: &Path) -> io::Result<(Folder, u128)> {
        for _ in 0..CREATE_TRIES {
            let writer = crate::random::bits();
            let path = root.join(format!("{writer:032x}"));
            create_private(&path)?;
            if let Some(lock) = LockFile::try_take(&path.join(LOCK_NAME))? {
                return Ok((Folder { path, _lock: lock }, writer));
            }
        }
        Err(io::Error::other("no folder could be locked"))
    }

    /// Takes over folders below `root` that nobody holds.
    pub(super) fn adopt_orphans(root: &Path) -> io::Result<Vec<Folder>> {
        let mut orphans = Vec::new();
        for entry in fs::read_dir(root)? {
            let path = entry?.path();
            // Made by nobody we know, gone meanwhile, or held: in each case not ours to touch.
            let lock_path = path.join(LOCK_NAME);
            if !lock_path.is_file() {
                continue;
            }
            if let Ok(Some(lock)) = LockFile::try_take(&lock_path) {
                orphans.push(Folder { path, _lock: lock });
            }
        }
        orphans.sort_by_cached_key(|folder| modified(&folder.path));
        Ok(orphans)
    }

    /// The segments in the folder, oldest first.
    pub(super) fn segments(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(SEGMENT_SUFFIX) {
                paths.push(path);
            }
        }
        // Names are numbers of fixed width.
        paths.sort();
        Ok(paths)
    }

    /// The path of segment `sequence`.
    pub(super) fn segment_path(&self, sequence: u64) -> PathBuf {
        self.path.join(format!("{sequence:012}{SEGMENT_SUFFIX}"))
    }

    /// Removes the folder if nothing but the lock is left in it. Failing that is harmless: the next
    /// process finds an empty folder.
    pub(super) fn remove_if_empty(self) {
        if self.segments().is_ok_and(|segments| segments.is_empty()) {
            let _ = fs::remove_file(self.path.join(LOCK_NAME));
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}
