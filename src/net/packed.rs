//! Bodies that stay packed as they came, and are decoded part by part when they are read.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::body::{CHUNK_BYTES, listed, too_large};
use crate::worker::spawn_quiet;

/// Bodies smaller than this are decoded at once.
const MIN_PACKED: usize = 4 << 10;
/// Bodies smaller than this are not worth a thread that decodes ahead.
const MIN_AHEAD: usize = 128 << 10;
/// Bytes that are decoded ahead at a time, and how many such blocks may wait.
const BLOCK_BYTES: usize = 64 << 10;
const BLOCKS_AHEAD: usize = 4;

/// An encoding that is undone part by part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    Brotli,
    Gzip,
}

impl Packing {
    pub(super) fn from_name(name: &str) -> Option<Packing> {
        match name {
            "br" => Some(Packing::Brotli),
            "gzip" | "x-gzip" => Some(Packing::Gzip),
            _ => None,
        }
    }

    pub(super) fn reader(self, packed: &[u8]) -> Box<dyn Read + '_> {
        match self {
            Packing::Brotli => {
                Box::new(brotli_decompressor::Decompressor::new(packed, CHUNK_BYTES))
            }
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        }
    }
}

/// A body as it came over the wire, of which the content encoding is undone when it is read.
#[derive(Debug, Clone)]
pub struct PackedBody {
    bytes: Arc<[u8]>,
    packing: Packing,
    limit: usize,
}

impl PackedBody {
    /// Gives the bytes back if they have to be decoded at once.
    pub(super) fn new(
        bytes: Vec<u8>,
        encodings: &str,
        limit: usize,
    ) -> Result<PackedBody, Vec<u8>> {
        let packing = match &*listed(encodings) {
            [name] => Packing::from_name(name),
            _ => None,
        };
        match packing {
            Some(packing) if bytes.len() >= MIN_PACKED => Ok(PackedBody {
                bytes: bytes.into(),
                packing,
                limit,
            }),
            _ => Err(bytes),
        }
    }

    /// What came over the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the decoded body. Fails at the limit of the request.
    #[must_use]
    pub fn reader(&self) -> Box<dyn Read + '_> {
        Box::new(self.bounded())
    }

    /// The same, decoded ahead on a thread of its own if it is large: for those who have work to do
    /// with each part of it.
    #[must_use]
    pub fn reader_ahead(&self) -> Box<dyn Read + '_> {
        if self.bytes.len() < MIN_AHEAD {
            return self.reader();
        }
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let body = self.clone();
        match spawn_quiet("tg-unpack", move || send_blocks(body.bounded(), &sender)) {
            Ok(_) => Box::new(Ahead {
                blocks,
                block: Vec::new(),
                at: 0,
            }),
            Err(_) => self.reader(),
        }
    }

    fn bounded(&self) -> impl Read + '_ {
        Bounded {
            reader: self.packing.reader(&self.bytes),
            limit: self.limit,
            left: self.limit,
        }
    }
}

/// Reads up to a limit, and fails beyond it.
struct Bounded<R> {
    reader: R,
    limit: usize,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| io::Error::other(too_large(self.limit).detail))?;
        Ok(count)
    }
}

type Block = io::Result<Vec<u8>>;

/// Sends all that `reader` gives, and an empty block at the end, for as long as anybody listens.
fn send_blocks(mut reader: impl Read, blocks: &SyncSender<Block>) {
    loop {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let read = reader.by_ref().take(BLOCK_BYTES as u64);
        let read = { read }.read_to_end(&mut block);
        let is_last = !matches!(read, Ok(count) if count > 0);
        if blocks.send(read.map(|_| block)).is_err() || is_last {
            return;
        }
    }
}

/// Reads what another thread sends.
struct Ahead {
    blocks: Receiver<Block>,
    block: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            let ended = |_| io::Error::other("the thread that unpacks has ended");
            self.block = self.blocks.recv().map_err(ended)??;
            self.at = 0;
        }
        let count = self.block.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::packing::{brotli, gzip};
    use super::*;

    fn all(mut reader: impl Read) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        reader.read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn a_packed_body_is_read_as_it_would_be_decoded() {
        // Does not compress, so that it is large enough to be decoded ahead.
        let mut number = 1_u64;
        let text: Vec<u8> = std::iter::repeat_with(|| {
            number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(9);
            number.to_le_bytes()
        })
        .take(40_000)
        .flatten()
        .collect();
        for (name, body) in [("gzip", gzip(&text)), ("br", brotli(&text))] {
            assert!(body.len() > MIN_AHEAD, "{name}");
            let open =
                |body: &[u8], limit| PackedBody::new(body.to_vec(), name, limit).expect(name);
            let whole = open(&body, text.len());
            assert_eq!(whole.bytes(), body);
            assert_eq!(all(whole.reader()).expect(name), text);
            assert_eq!(all(whole.reader_ahead()).expect(name), text);
            // Nobody listens to the end.
            drop(whole.reader_ahead());
            let mut part = [0; 5];
            whole.reader_ahead().read_exact(&mut part).expect(name);
            assert_eq!(part, text[..5]);
            let cut = open(&body[..body.len() - 1], text.len());
            let short = open(&body, text.len() - 1);
            for reader in [cut.reader(), cut.reader_ahead()] {
                assert!(all(reader).is_err(), "{name}");
            }
            for reader in [short.reader(), short.reader_ahead()] {
                let error = all(reader).expect_err(name).to_string();
                assert!(error.contains("larger than"), "{error}");
            }
        }
    }

    #[test]
    fn what_is_small_or_packed_otherwise_is_given_back() {
        let large = vec![7; MIN_PACKED];
        for (name, body) in [
            ("gzip", vec![7; MIN_PACKED - 1]),
            ("deflate", large.clone()),
            ("gzip, br", large.clone()),
            ("", large.clone()),
        ] {
            assert_eq!(
                PackedBody::new(body.clone(), name, 9).expect_err(name),
                body
            );
        }
        assert!(PackedBody::new(large, "identity, x-gzip", 9).is_ok());
    }
}
