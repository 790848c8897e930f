//! The last good copy: specs kept in a file for a start without any source.
//!
//! A file appears whole or not at all (written beside, synced, renamed), carries a checksum, and is
//! named by a hash of the key, so that clients of several projects can share a folder. Whatever is
//! not a file of ours in good order is left alone and counts as absent.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::fetch::MAX_SPECS_BYTES;

/// First bytes of each file; the last one is the version of the format.
const MAGIC: [u8; 8] = *b"TGSPECS\x01";
/// Magic, checksum, length of the document, time of the specs, time of writing.
const HEADER_BYTES: usize = 8 + 4 + 8 + 8 + 8;
/// Files that a killed process left half-written are removed when they are this old.
const ABANDONED_MS: i64 = 3_600_000;

/// One client's file.
#[derive(Debug)]
pub(super) struct DiskCache {
    folder: PathBuf,
    name: String,
}

/// What the file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) document: String,
    /// Time of the specs.
    pub(super) time_ms: i64,
    /// When the file was written.
    pub(super) written_ms: i64,
}

impl DiskCache {
    pub(super) fn new(folder: &str, sdk_key: &str) -> Self {
        let digest = Sha256::digest(sdk_key.as_bytes());
        let mut hash = String::new();
        for byte in digest.iter().take(16) {
            let _ = write!(hash, "{byte:02x}");
        }
        DiskCache {
            folder: PathBuf::from(folder),
            name: format!("specs-{hash}.tidegate"),
        }
    }

    /// The file's content; `None` if there is no file.
    ///
    /// # Errors
    /// Says why the file is of no use.
    pub(super) fn load(&self) -> Result<Option<Saved>, String> {
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let opened = match fs::metadata(self.path()) {
            Ok(found) => {
                check(&found)?;
                File::open(self.path())
            }
            Err(error) => Err(error),
        };
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot be opened: {error}")),
        };
        let header = Header::read(&mut file)?;
        let mut document = Vec::new();
        let mut body = file.take(header.length.saturating_add(1));
        body.read_to_end(&mut document)
            .map_err(|error| format!("cannot be read: {error}"))?;
        if document.len() as u64 != header.length {
            return Err("is not as long as its header says".to_owned());
        }
        if header.checksum != header.checksum_with(&document) {
            return Err("does not match its checksum".to_owned());
        }
        let document = String::from_utf8(document).map_err(|_| "is not UTF-8".to_owned())?;
        Ok(Some(Saved {
            document,
            time_ms: header.time_ms,
            written_ms: header.written_ms,
        }))
    }

    /// Writes the file, unless it already holds this document.
    ///
    /// # Errors
    /// Those of the file system; the file is as it was then.
    pub(super) fn save(&self, document: &str, time_ms: i64, now_ms: i64) -> io::Result<()> {
        let mut header = Header {
            checksum: 0,
            length: document.len() as u64,
            time_ms,
            written_ms: now_ms,
        };
        if self.holds(document, time_ms) {
            return Ok(());
        }
        header.checksum = header.checksum_with(document.as_bytes());
        create_folder(&self.folder)?;
        self.remove_abandoned(now_ms);
        let unfinished = self
            .folder
            .join(format!("{}.tmp-{}", self.name, std::process::id()));
        let written = write_file(&unfinished, &header.bytes(), document.as_bytes())
            .and_then(|()| fs::rename(&unfinished, self.path()));
        if written.is_err() {
            // A second failure here changes nothing; the file is found when it is old.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        // Makes the rename itself durable; folders cannot be synced everywhere.
        if let Ok(folder) = File::open(&self.folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Whether the file has this document: by time, then byte for byte.
    fn holds(&self, document: &str, time_ms: i64) -> bool {
        let is_ours = fs::metadata(self.path()).is_ok_and(|found| {
            check(&found).is_ok() && found.len() == (HEADER_BYTES + document.len()) as u64
        });
        is_ours
            && matches!(
                self.load(),
                Ok(Some(saved)) if saved.time_ms == time_ms && saved.document == document
            )
    }

    fn remove_abandoned(&self, now_ms: i64) {
        let prefix = format!("{}.tmp-", self.name);
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(&prefix);
            let modified_ms = entry
                .metadata()
                .and_then(|found| found.modified())
                .ok()
                .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
                .and_then(|since| i64::try_from(since.as_millis()).ok());
            if is_ours && modified_ms.is_some_and(|at| now_ms - at > ABANDONED_MS) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Refuses what is no file, and what others could have changed the rules in.
fn check(found: &fs::Metadata) -> Result<(), String> {
    if !found.is_file() {
        return Err("is not a file".to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if found.permissions().mode() & 0o022 != 0 {
            return Err("can be written by others".to_owned());
        }
    }
    Ok(())
}

struct Header {
    checksum: u32,
    length: u64,
    time_ms: i64,
    written_ms: i64,
}

impl Header {
    fn read(file: &mut File) -> Result<Header, String> {
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact(&mut bytes)
            .map_err(|_| "is too short".to_owned())?;
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("was not written by this version".to_owned());
        }
        let (checksum, rest) = rest.split_at(4);
        let mut numbers = rest.chunks_exact(8).map(|chunk| {
            let number: [u8; 8] = chunk.try_into().unwrap_or_default();
            number
        });
        let mut next = || numbers.next().unwrap_or_default();
        let header = Header {
            checksum: u32::from_le_bytes(checksum.try_into().unwrap_or_default()),
            length: u64::from_le_bytes(next()),
            time_ms: i64::from_le_bytes(next()),
            written_ms: i64::from_le_bytes(next()),
        };
        if header.length > MAX_SPECS_BYTES as u64 {
            return Err("is larger than specs can be".to_owned());
        }
        Ok(header)
    }

    /// Covers the header too, so that a wrong time is noticed.
    fn checksum_with(&self, document: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.length.to_le_bytes());
        hasher.update(&self.time_ms.to_le_bytes());
        hasher.update(&self.written_ms.to_le_bytes());
        hasher.update(document);
        hasher.finalize()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.checksum.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.time_ms.to_le_bytes());
        bytes.extend_from_slice(&self.written_ms.to_le_bytes());
        bytes
    }
}

fn write_file(path: &Path, header: &[u8], document: &[u8]) -> io::Result<()> {
    // One left by an earlier process that had our id.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(header)?;
    file.write_all(document)?;
    file.sync_all()
}

/// A folder that only we may enter, if it has to be made.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Reads `bytes` as a file, and as the document of one whose header is right.
#[cfg(fuzzing)]
pub fn fuzz_disk_cache(folder: &str, bytes: &[u8]) {
    let cache = DiskCache::new(folder, "secret-fuzz");
    let mut header = Header {
        checksum: 0,
        length: bytes.len() as u64,
        time_ms: 1,
        written_ms: 2,
    };
    header.checksum = header.checksum_with(bytes);
    let whole = [&header.bytes()[..], bytes].concat();
    for (content, is_ours) in [(bytes, false), (&whole, true)] {
        let written = fs::write(cache.path(), content);
        assert!(written.is_ok(), "a folder to write to");
        match cache.load() {
            Ok(Some(saved)) => assert!(content.ends_with(saved.document.as_bytes())),
            Ok(None) => panic!("the file is there"),
            Err(_) => assert!(!is_ours || std::str::from_utf8(bytes).is_err()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"time":100,"feature_gates":[]}"#;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir()
                .join(format!("tidegate-disk-cache-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Folder(folder)
        }

        fn cache(&self, key: &str) -> DiskCache {
            DiskCache::new(self.0.join("below").to_str().unwrap(), key)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_saved_is_loaded_by_the_same_key_only() {
        let folder = Folder::new("roundtrip");
        let cache = folder.cache("secret-a");
        assert_eq!(cache.load(), Ok(None));
        cache.save(DOCUMENT, 100, 5).unwrap();
        let saved = cache.load().unwrap().unwrap();
        assert_eq!(
            (saved.document.as_str(), saved.time_ms, saved.written_ms),
            (DOCUMENT, 100, 5)
        );
        assert_eq!(folder.cache("secret-b").load(), Ok(None));
        assert!(!cache.path().to_string_lossy().contains("secret"));
        cache.save("{}", 200, 6).unwrap();
        assert_eq!(cache.load().unwrap().unwrap().document, "{}");
        let files = fs::read_dir(folder.0.join("below")).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside the file");
    }

    #[test]
    fn the_same_document_is_not_written_again() {
        let folder = Folder::new("again");
        let cache = folder.cache("secret-a");
        cache.save(DOCUMENT, 100, 5).unwrap();
        cache.save(DOCUMENT, 100, 6).unwrap();
        assert_eq!(cache.load().unwrap().unwrap().written_ms, 5);
        cache.save(&DOCUMENT.replace("[]", "{}"), 100, 7).unwrap();
        assert_eq!(cache.load().unwrap().unwrap().written_ms, 7);
    }

    #[test]
    fn any_damage_is_noticed() {
        let folder = Folder::new("damage");
        let cache = folder.cache("secret-a");
        cache.save(DOCUMENT, 100, 5).unwrap();
        let good = fs::read(cache.path()).unwrap();
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 0x40;
            fs::write(cache.path(), &damaged).unwrap();
            assert!(cache.load().is_err(), "byte {at}");
            fs::write(cache.path(), &good[..at]).unwrap();
            assert!(cache.load().is_err(), "cut at {at}");
        }
        let longer = [&good[..], b"x"].concat();
        fs::write(cache.path(), longer).unwrap();
        assert!(cache.load().is_err());
        cache.save(DOCUMENT, 100, 9).unwrap();
        assert_eq!(
            cache.load().unwrap().unwrap().written_ms,
            9,
            "a bad file is replaced"
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("modes");
        let cache = folder.cache("secret-a");
        cache.save(DOCUMENT, 100, 5).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.path()), 0o600);
        assert_eq!(mode(&folder.0.join("below")), 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_write_and_what_is_no_file_is_refused_and_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("foreign");
        let cache = folder.cache("secret-a");
        cache.save(DOCUMENT, 100, 5).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(cache.path(), fs::Permissions::from_mode(mode)).unwrap();
            let why = cache.load().unwrap_err();
            assert!(why.contains("by others"), "{mode:o}: {why}");
            cache.save(DOCUMENT, 100, 6).unwrap();
            assert!(cache.load().is_ok(), "replaced by one of our own");
        }
        fs::remove_file(cache.path()).unwrap();
        fs::create_dir(cache.path()).unwrap();
        assert!(cache.load().unwrap_err().contains("not a file"));
        assert!(cache.save(DOCUMENT, 100, 7).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error_not_a_panic() {
        let folder = Folder::new("blocked");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("below"), "a file").unwrap();
        let cache = folder.cache("secret-a");
        assert!(cache.save(DOCUMENT, 100, 5).is_err());
        assert!(cache.load().is_err() || cache.load() == Ok(None));
    }
}
