//! A batch of events: open while events are written to it, then sealed into the body of a request.

use super::batch_id::BatchId;
use super::gzip::{Gzip, PieceEnd};

const PREFIX: &[u8] = b"{\"events\":[";
/// JSON kept uncompressed at most; keeps the buffer small when many events come at once.
const TEXT_MAX_BYTES: usize = 256 << 10;
/// A batch with this much JSON is full, however few its events are.
const BATCH_MAX_BYTES: usize = 4 << 20;

/// How the body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

/// Whose events these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Accepted by this client.
    Own,
    /// Found on disk, left there by another process.
    Recovered,
}

/// A body ready to be posted, any number of times.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) body: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) events: u32,
    pub(super) origin: Origin,
    /// Attempts made so far.
    pub(super) attempts: u32,
    /// All of it is in the spool.
    pub(super) is_on_disk: bool,
}

impl Batch {
    /// The body as JSON, unpacked.
    pub(super) fn text(&self) -> Option<String> {
        let text = match self.encoding {
            Encoding::Gzip => {
                super::gzip::unpack(&self.body, 2 * BATCH_MAX_BYTES + TEXT_MAX_BYTES)?
            }
            Encoding::Plain => self.body.clone(),
        };
        String::from_utf8(text).ok()
    }
}

/// A batch that still grows.
pub(super) struct OpenBatch {
    pub(super) id: BatchId,
    pub(super) encoding: Encoding,
    events: u32,
    /// JSON that is not packed yet.
    text: Vec<u8>,
    packed: Vec<u8>,
    raw_bytes: usize,
    /// How much of `packed`, and how many of the events, were taken as pieces.
    taken_bytes: usize,
    taken_events: u32,
    is_spoolable: bool,
}

/// What was added to an open batch since the last piece was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) events: u32,
}

impl OpenBatch {
    /// An empty batch. `spare` is a buffer to reuse.
    pub(super) fn new(encoding: Encoding, gzip: &mut Gzip, mut spare: Vec<u8>) -> Self {
        spare.clear();
        spare.extend_from_slice(PREFIX);
        let mut packed = Vec::new();
        if encoding == Encoding::Gzip {
            gzip.start(&mut packed);
        }
        OpenBatch {
            id: BatchId::random(),
            encoding,
            events: 0,
            text: spare,
            packed,
            raw_bytes: 0,
            taken_bytes: 0,
            taken_events: 0,
            is_spoolable: true,
        }
    }

    /// Events so far.
    pub(super) fn events(&self) -> u32 {
        self.events
    }

    /// Appends one event, for which `write` appends a JSON object to the buffer. When `write` says
    /// `None`, nothing is added.
    pub(super) fn add(
        &mut self,
        gzip: &mut Gzip,
        write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        let start = self.text.len();
        if self.events > 0 {
            self.text.push(b',');
        }
        if write(&mut self.text).is_none() {
            self.text.truncate(start);
            return None;
        }
        self.events += 1;
        self.raw_bytes += self.text.len() - start;
        if self.text.len() >= TEXT_MAX_BYTES {
            self.pack(gzip, PieceEnd::Loose);
        }
        Some(())
    }

    /// Whether the batch has `batch_size` events, or is too long to grow.
    pub(super) fn is_full(&self, batch_size: usize) -> bool {
        self.events as usize >= batch_size || self.raw_bytes >= BATCH_MAX_BYTES
    }

    fn pack(&mut self, gzip: &mut Gzip, end: PieceEnd) {
        match self.encoding {
            Encoding::Gzip => gzip.write(&self.text, end, &mut self.packed),
            Encoding::Plain => self.packed.extend_from_slice(&self.text),
        }
        self.text.clear();
    }

    /// What was added since the last piece was taken, in a form that [`restore`] reads.
    pub(super) fn piece(&mut self, gzip: &mut Gzip) -> Option<Piece<'_>> {
        let events = self.events - self.taken_events;
        if events == 0 || !self.is_spoolable {
            return None;
        }
        self.pack(gzip, PieceEnd::Aligned);
        let bytes = self.packed.get(self.taken_bytes..).unwrap_or_default();
        Some(Piece { bytes, events })
    }

    /// Says that the piece is stored.
    pub(super) fn piece_taken(&mut self) {
        self.taken_bytes = self.packed.len();
        self.taken_events = self.events;
    }

    /// Says that pieces stored earlier are gone: no further one would make sense.
    pub(super) fn forget_pieces(&mut self) {
        self.is_spoolable = false;
        self.taken_events = 0;
    }

    /// Events that are in memory only.
    pub(super) fn events_not_taken(&self) -> u32 {
        self.events - self.taken_events
    }

    /// Completes the body; `metadata` is the JSON object that follows the events. Gives back the
    /// buffer for the next batch.
    pub(super) fn seal(mut self, gzip: &mut Gzip, metadata: &str) -> (Batch, Vec<u8>) {
        let is_on_disk = self.events_not_taken() == 0;
        self.text.extend_from_slice(b"],\"statsigMetadata\":");
        self.text.extend_from_slice(metadata.as_bytes());
        self.text.push(b'}');
        self.pack(gzip, PieceEnd::Loose);
        if self.encoding == Encoding::Gzip {
            gzip.finish(&mut self.packed);
        }
        self.packed.shrink_to_fit();
        let batch = Batch {
            id: self.id,
            body: self.packed,
            encoding: self.encoding,
            events: self.events,
            origin: Origin::Own,
            attempts: 0,
            is_on_disk,
        };
        (batch, self.text)
    }
}

/// Makes a batch of pieces read back from disk. `None` if they are damaged.
pub(super) fn restore(
    gzip: &mut Gzip,
    (id, origin): (BatchId, Origin),
    encoding: Encoding,
    pieces: &[u8],
    events: u32,
    metadata: &str,
) -> Option<Batch> {
    let text = match encoding {
        Encoding::Gzip => super::gzip::unpack(pieces, 2 * BATCH_MAX_BYTES + TEXT_MAX_BYTES)?,
        Encoding::Plain => pieces.to_vec(),
    };
    if !text.starts_with(PREFIX) {
        return None;
    }
    let mut packed = Vec::new();
    if encoding == Encoding::Gzip {
        gzip.start(&mut packed);
    }
    let open = OpenBatch {
        id,
        encoding,
        events,
        text,
        packed,
        raw_bytes: 0,
        taken_bytes: 0,
        taken_events: events,
        is_spoolable: false,
    };
    let (batch, _) = open.seal(gzip, metadata);
    Some(Batch { origin, ..batch })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn text(batch: &Batch) -> String {
        let mut text = String::new();
        match batch.encoding {
            Encoding::Plain => text.push_str(std::str::from_utf8(&batch.body).expect("UTF-8")),
            Encoding::Gzip => {
                flate2::read::GzDecoder::new(&*batch.body)
                    .read_to_string(&mut text)
                    .expect("gzip");
            }
        }
        text
    }

    fn add(open: &mut OpenBatch, gzip: &mut Gzip, number: usize) {
        let text = format!("{{\"n\":{number}}}");
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(text.as_bytes());
            Some(())
        };
        open.add(gzip, write).expect("added");
    }

    #[test]
    fn a_body_is_the_same_whether_pieces_were_taken_or_not() {
        for encoding in [Encoding::Plain, Encoding::Gzip] {
            let mut gzip = Gzip::new();
            let mut pieces = Vec::new();
            let mut open = OpenBatch::new(encoding, &mut gzip, b"old text".to_vec());
            for number in 0..3 {
                add(&mut open, &mut gzip, number);
                if number != 1 {
                    pieces.extend_from_slice(open.piece(&mut gzip).expect("piece").bytes);
                    open.piece_taken();
                }
            }
            assert!(open.events_not_taken() == 0 && open.piece(&mut gzip).is_none());
            let id = open.id;
            let (batch, _) = open.seal(&mut gzip, "{\"m\":1}");
            let expected = r#"{"events":[{"n":0},{"n":1},{"n":2}],"statsigMetadata":{"m":1}}"#;
            assert_eq!(text(&batch), expected);
            assert!(batch.is_on_disk);

            let metadata = "{\"m\":1}";
            let restored = restore(
                &mut gzip,
                (id, Origin::Recovered),
                encoding,
                &pieces,
                3,
                metadata,
            )
            .expect("restored");
            assert_eq!(text(&restored), expected);
            assert_eq!((restored.id, restored.events), (id, 3));
        }
    }

    #[test]
    fn an_event_that_cannot_be_written_leaves_no_trace() {
        let mut gzip = Gzip::new();
        let mut open = OpenBatch::new(Encoding::Plain, &mut gzip, Vec::new());
        let bad = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"half");
            None
        };
        assert!(open.add(&mut gzip, bad).is_none());
        add(&mut open, &mut gzip, 1);
        assert!(open.add(&mut gzip, bad).is_none());
        let (batch, _) = open.seal(&mut gzip, "{}");
        assert_eq!(text(&batch), r#"{"events":[{"n":1}],"statsigMetadata":{}}"#);
        assert!(!batch.is_on_disk);
    }

    #[test]
    fn a_piece_that_was_not_stored_is_part_of_the_next() {
        let mut gzip = Gzip::new();
        let mut open = OpenBatch::new(Encoding::Plain, &mut gzip, Vec::new());
        add(&mut open, &mut gzip, 1);
        assert_eq!(open.piece(&mut gzip).map(|piece| piece.events), Some(1));
        add(&mut open, &mut gzip, 2);
        let piece = open.piece(&mut gzip).expect("piece");
        assert_eq!(
            (piece.bytes, piece.events),
            (&br#"{"events":[{"n":1},{"n":2}"#[..], 2)
        );
        open.piece_taken();
        open.forget_pieces();
        add(&mut open, &mut gzip, 3);
        assert!(open.piece(&mut gzip).is_none());
        assert_eq!(open.events_not_taken(), 3);
        let (batch, _) = open.seal(&mut gzip, "{}");
        assert!(!batch.is_on_disk);
    }

    #[test]
    fn long_events_fill_a_batch_and_are_packed_on_the_way() {
        let mut gzip = Gzip::new();
        let mut open = OpenBatch::new(Encoding::Gzip, &mut gzip, Vec::new());
        while !open.is_full(1_000) {
            open.add(&mut gzip, |out| {
                out.extend_from_slice(format!("\"{}\"", "x".repeat(100_000)).as_bytes());
                Some(())
            })
            .expect("added");
            assert!(open.text.len() < TEXT_MAX_BYTES);
        }
        assert!(open.events() < 50);
        let (batch, _) = open.seal(&mut gzip, "{}");
        let body: serde_json::Value = serde_json::from_str(&text(&batch)).expect("JSON");
        assert_eq!(
            body["events"].as_array().map(Vec::len),
            Some(batch.events as usize)
        );
    }
}
