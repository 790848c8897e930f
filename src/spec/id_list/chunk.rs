//! A chunk of an id list's file, taken in as it arrives.
//!
//! What is kept between two parts is the beginning of one line, so a file of any size costs the
//! memory of its ids and no more.

use std::sync::Arc;

use super::{IdList, KeySet, LINE_BYTES, Layers, pack};

/// A line that is longer holds no id, whatever is trimmed from it.
const MAX_LINE_BYTES: usize = 1024;

/// Lines on their way into a list.
#[derive(Debug)]
pub struct Chunk {
    layers: Layers,
    /// The line that has begun, without its end.
    line: Vec<u8>,
    /// The line that has begun is too long, and is passed over to its end.
    is_skipping: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    /// The first character was a sign.
    Fit,
    Unfit,
}

impl Chunk {
    /// `expected_bytes` is how much is announced to come; it only saves work.
    pub(super) fn new(list: &IdList, expected_bytes: usize) -> Self {
        let mut layers = Layers::clone(&list.0);
        if layers.base.len() == 0 && layers.added.len() == 0 {
            // A table that is not filled is not made either: its memory comes with its use.
            layers.added = KeySet::with_capacity(expected_bytes / LINE_BYTES + 1);
        }
        Chunk {
            layers,
            line: Vec::new(),
            is_skipping: false,
            state: State::Empty,
        }
    }

    /// Takes the next bytes, which may end anywhere.
    pub fn feed(&mut self, part: &[u8]) {
        if let (State::Empty, Some(first)) = (self.state, part.first()) {
            self.state = match first {
                b'+' | b'-' => State::Fit,
                _ => State::Unfit,
            };
        }
        if self.state != State::Fit {
            return;
        }
        let mut lines = part.split(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(mut line) = lines.next() else { return };
        for next in lines {
            if self.line.is_empty() && !self.is_skipping {
                self.layers.apply_line(line);
            } else {
                self.carry(line);
                let whole = std::mem::take(&mut self.line);
                self.layers.apply_line(&whole);
                self.is_skipping = false;
            }
            line = next;
        }
        self.carry(line);
    }

    /// The list with all that came; `None` if that was no chunk: empty, or beginning with
    /// something else than a sign. The last line needs no end.
    #[must_use]
    pub fn finish(mut self) -> Option<IdList> {
        if self.state != State::Fit {
            return None;
        }
        self.layers.apply_line(&self.line);
        self.layers.merge();
        Some(IdList(Arc::new(self.layers)))
    }

    fn carry(&mut self, begun: &[u8]) {
        if self.is_skipping || self.line.len() + begun.len() > MAX_LINE_BYTES {
            self.line.clear();
            self.is_skipping = true;
        } else {
            self.line.extend_from_slice(begun);
        }
    }
}

impl Layers {
    fn apply_line(&mut self, line: &[u8]) {
        let Some((sign, id)) = line.split_first() else {
            return;
        };
        let key = pack(id.trim_ascii());
        match sign {
            b'+' => self.add(key),
            b'-' => self.remove(key),
            _ => {}
        }
    }
}
