use std::sync::atomic::{AtomicU32, Ordering};

use super::super::batch::{Encoding, Piece};
use super::*;

/// A folder below the system's temporary one, removed at the end.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tidegate-spool-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const KEY: &str = "secret-0123456789";
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_age_ms: 1_000,
};

/// A spool that has taken over what there is.
fn open(dir: &TempDir) -> Spool {
    let mut spool = Spool::open(&dir.0, KEY, LIMITS).expect("a spool");
    adopt(&mut spool);
    spool
}

/// Takes over what dead processes left; gives how many events that are.
fn adopt(spool: &mut Spool) -> u64 {
    let before = spool.events(Origin::Recovered);
    spool.find_orphans().expect("looked");
    while spool.is_adopting() {
        spool.adopt_some();
    }
    spool.events(Origin::Recovered) - before
}

fn append(spool: &mut Spool, id: u128, text: &str, events: u32, now_ms: i64) {
    let piece = Piece {
        bytes: text.as_bytes(),
        events,
    };
    spool
        .append(BatchId(id), Encoding::Plain, &piece, now_ms)
        .expect("appended");
}

fn load_all(spool: &mut Spool) -> Vec<(u128, u32, String)> {
    std::iter::from_fn(|| spool.load_next())
        .map(|loaded| {
            let batch = loaded.expect("readable");
            let text = String::from_utf8(batch.pieces).expect("text");
            (batch.id.0, batch.events, text)
        })
        .collect()
}

fn files(dir: &TempDir) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.0.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn what_a_dead_process_left_is_found_oldest_first_and_sent_once() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    append(&mut spool, 2, "b", 2, 0);
    append(&mut spool, 1, "A", 3, 0);
    append(&mut spool, 3, "c", 1, 0);
    spool.finish(BatchId(2)).expect("marked");
    drop(spool);

    let mut next = open(&dir);
    assert_eq!(next.events(Origin::Recovered), 5);
    assert_eq!(
        load_all(&mut next),
        [(1, 4, "aA".into()), (3, 1, "c".into())]
    );
    next.finish(BatchId(1)).expect("marked");
    next.release(BatchId(3));
    drop(next);

    let mut last = open(&dir);
    assert_eq!(load_all(&mut last), [(3, 1, "c".into())]);
    last.finish(BatchId(3)).expect("marked");
    last.close().expect("closed");
    assert_eq!(files(&dir), Vec::<PathBuf>::new(), "nothing is left behind");
}

#[test]
fn a_batch_that_was_done_does_not_take_later_ones_with_it() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    spool.finish(BatchId(1)).expect("marked");
    append(&mut spool, 2, "b", 1, 0);
    drop(spool);

    let mut next = open(&dir);
    assert_eq!(load_all(&mut next), [(2, 1, "b".into())]);
    next.finish(BatchId(2)).expect("marked");
    next.close().expect("closed");
    assert_eq!(files(&dir), Vec::<PathBuf>::new(), "nothing is left behind");
}

#[test]
fn the_segments_of_a_living_process_are_left_alone() {
    let dir = TempDir::new();
    let mut first = open(&dir);
    append(&mut first, 1, "a", 1, 0);
    let mut second = open(&dir);
    assert!(second.load_next().is_none());
    append(&mut second, 2, "b", 1, 0);
    let mut other_key = Spool::open(&dir.0, "secret-other", LIMITS).expect("a spool");
    drop(first);

    assert_eq!(adopt(&mut other_key), 0, "events of another key");
    assert_eq!(adopt(&mut second), 1);
    assert_eq!(load_all(&mut second), [(1, 1, "a".into())]);
    assert!(load_all(&mut open(&dir)).is_empty());
}

#[test]
fn cut_at_any_byte_every_complete_record_survives_and_nothing_else() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    let mut states = Vec::new();
    append(&mut spool, 1, "one", 1, 0);
    states.push((spool.bytes(), vec![(1, 1, "one".to_owned())]));
    append(&mut spool, 2, "two", 2, 0);
    states.push((
        spool.bytes(),
        vec![(1, 1, "one".into()), (2, 2, "two".into())],
    ));
    append(&mut spool, 1, " and more", 3, 0);
    states.push((
        spool.bytes(),
        vec![(1, 4, "one and more".into()), (2, 2, "two".into())],
    ));
    spool.finish(BatchId(1)).expect("marked");
    states.push((spool.bytes(), vec![(2, 2, "two".into())]));
    for unsynced in spool.take_unsynced().expect("given") {
        unsynced.sync().expect("synced");
    }
    drop(spool);

    let segment = files(&dir)
        .into_iter()
        .find(|p| p.extension().is_some())
        .expect("a segment");
    let bytes = fs::read(&segment).expect("read");
    for cut in 0..=bytes.len() {
        fs::create_dir_all(segment.parent().expect("a parent")).expect("a folder");
        fs::write(segment.with_file_name("lock"), "").expect("a lock");
        fs::write(&segment, &bytes[..cut]).expect("cut");
        let reached = states.iter().rev().find(|(end, _)| *end <= cut as u64);
        let expected = reached
            .map(|(_, batches)| batches.clone())
            .unwrap_or_default();
        let mut reopened = open(&dir);
        assert_eq!(load_all(&mut reopened), expected, "cut at {cut}");
        // Marks written after the cut must be readable, too.
        for (id, ..) in &expected {
            reopened.finish(BatchId(*id)).expect("marked");
        }
        reopened.close().expect("closed");
        assert_eq!(files(&dir), Vec::<PathBuf>::new(), "cut at {cut}");
    }
}

#[test]
fn a_mark_in_an_old_segment_keeps_its_other_batches() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    append(&mut spool, 2, "b", 1, 0);
    drop(spool);
    let mut next = open(&dir);
    assert_eq!(load_all(&mut next).len(), 2);
    next.finish(BatchId(1)).expect("marked");
    drop(next);
    assert_eq!(load_all(&mut open(&dir)), [(2, 1, "b".into())]);
}

#[test]
fn limits_drop_the_oldest_and_say_so() {
    let dir = TempDir::new();
    let limits = Limits {
        max_bytes: 20 << 10,
        max_age_ms: 1_000,
    };
    let mut spool = Spool::open(&dir.0, KEY, limits).expect("a spool");
    let text = "x".repeat(3_000);
    for id in 1..=10 {
        append(&mut spool, id, &text, 10, 5_000);
    }
    spool.release(BatchId(2));
    let lost = spool.enforce_limits(5_000);
    assert!(spool.bytes() <= limits.max_bytes);
    let ids: Vec<u128> = lost.iter().map(|lost| lost.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4], "two segments of two batches each");
    assert_eq!(
        lost.iter().map(|lost| lost.in_memory).collect::<Vec<_>>(),
        [true, false, true, true]
    );
    assert!(
        lost.iter()
            .all(|lost| lost.cause == Cause::SpoolFull && lost.events == 10)
    );
    assert_eq!(spool.events(Origin::Own), 60);

    for id in 5..=8 {
        spool.release(BatchId(id));
    }
    assert!(spool.enforce_limits(6_000).is_empty());
    let lost = spool.enforce_limits(6_001);
    assert_eq!(
        lost.iter().map(|lost| lost.id.0).collect::<Vec<_>>(),
        [5, 6, 7, 8]
    );
    assert!(lost.iter().all(|lost| lost.cause == Cause::TooOld));
    assert_eq!(spool.events(Origin::Own), 20);
}

#[test]
fn segments_rotate_and_go_when_their_batches_are_done() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    let text = "x".repeat(100 << 10);
    for id in 1..=9 {
        append(&mut spool, id, &text, 1, 0);
    }
    assert!(spool.segment_count() >= 4);
    for id in 1..=9 {
        spool.finish(BatchId(id)).expect("marked");
    }
    assert_eq!(spool.segment_count(), 1);
    spool.close().expect("closed");
    assert_eq!(files(&dir), Vec::<PathBuf>::new());
}

#[test]
fn after_a_failed_append_the_rest_goes_elsewhere() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    spool.break_active();
    let piece = Piece {
        bytes: b"b",
        events: 1,
    };
    assert!(
        spool
            .append(BatchId(2), Encoding::Plain, &piece, 0)
            .is_err()
    );
    append(&mut spool, 2, "b", 1, 0);
    append(&mut spool, 1, "A", 1, 0);
    drop(spool);
    assert_eq!(
        load_all(&mut open(&dir)),
        [(1, 2, "aA".into()), (2, 1, "b".into())]
    );
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error() {
    let dir = TempDir::new();
    let file = dir.0.join("file");
    fs::write(&file, "").expect("written");
    assert!(Spool::open(&file, KEY, LIMITS).is_err());
}

#[test]
fn nobody_else_can_read_the_events() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    for path in files(&dir) {
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    }
}

#[test]
fn the_key_is_not_in_any_name_or_file() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    for path in files(&dir) {
        assert!(!path.to_string_lossy().contains("0123456789"));
        let bytes = fs::read(&path).expect("read");
        assert!(!String::from_utf8_lossy(&bytes).contains("0123456789"));
    }
}

#[test]
fn a_batch_in_two_segments_is_loaded_when_both_are_known() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    append(&mut spool, 1, "a", 1, 0);
    spool.break_active();
    let piece = Piece {
        bytes: b"b",
        events: 1,
    };
    let failed = spool.append(BatchId(2), Encoding::Plain, &piece, 0);
    assert!(failed.is_err());
    append(&mut spool, 1, "A", 1, 0);
    drop(spool);

    let mut next = Spool::open(&dir.0, KEY, LIMITS).expect("a spool");
    next.find_orphans().expect("looked");
    let mut steps = 0;
    while next.is_adopting() {
        next.adopt_some();
        steps += 1;
        assert_eq!(load_all(&mut next).is_empty(), next.is_adopting());
    }
    assert!(steps >= 4, "a folder, two segments and an end");
}

#[test]
fn folders_with_nothing_readable_are_not_piled_up() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    let strange = spool.root.join("strange");
    fs::create_dir(&strange).expect("a folder");
    fs::write(strange.join("lock"), "").expect("a lock");
    fs::write(strange.join("1.seg"), "of some other version".repeat(9)).expect("a segment");
    for _ in 0..5 {
        assert_eq!(adopt(&mut spool), 0);
    }
    assert_eq!(spool.adopted.len(), 1);
    assert!(strange.join("1.seg").exists(), "it is not ours to remove");
}

#[test]
fn what_is_to_be_synced_is_named_once() {
    let dir = TempDir::new();
    let mut spool = open(&dir);
    spool.take_unsynced().expect("the folders");
    append(&mut spool, 1, "a", 1, 0);
    append(&mut spool, 1, "b", 1, 0);
    let paths: Vec<_> = spool
        .take_unsynced()
        .expect("given")
        .into_iter()
        .map(|unsynced| unsynced.path.extension().is_some())
        .collect();
    assert_eq!(
        paths,
        [false, true],
        "the folder of a new segment, then the segment"
    );
    assert!(spool.take_unsynced().expect("given").is_empty());
    append(&mut spool, 1, "c", 1, 0);
    assert_eq!(spool.take_unsynced().expect("given").len(), 1);
}
