//! Steps through the text of a ruleset, member by member and entry by entry, as it comes in.
//!
//! Of a text that is unpacked on the way, only what is being read is in memory.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::document::Document;
use super::fingerprint::Fingerprint;
use crate::json_input::mend;

/// Why a text could not be read to its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// It is not a JSON object. Where it went wrong is for the caller to find out.
    Malformed,
    /// It could not be unpacked.
    Unreadable(io::Error),
}

pub(super) type Cut<T> = Result<T, Halt>;

/// What stands where entries are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    List,
    Map,
    Null,
    Other,
}

/// Where something stands, for as long as the scanner is at the member or entry it is part of.
#[derive(Debug)]
pub(super) struct Piece(Range<usize>);

/// An entry, as its reader gets it. Halves of surrogate pairs are mended.
pub(super) struct Entry<'a, T> {
    /// The key, in a map.
    pub(super) key: Option<Cow<'a, str>>,
    /// What it is, or why it is not that. It is JSON in any case.
    pub(super) value: serde_json::Result<T>,
    pub(super) json: &'a str,
    /// Of the text as it was sent.
    pub(super) text: Fingerprint,
}

/// Reads entries of one kind.
pub(super) trait Reader {
    type Value<'a>: Deserialize<'a>;

    /// Takes in an entry.
    fn read(&mut self, entry: Entry<'_, Self::Value<'_>>);
}

/// Bytes that are taken in, and hashed, at a time; few in tests, so that everything is cut somewhere.
const BLOCK: usize = if cfg!(any(test, fuzzing)) {
    16
} else {
    64 << 10
};

/// A text and how far it was read.
pub(super) struct Scanner<'t> {
    text: Text<'t>,
    /// From here on the text has to stay in memory; not behind `at`.
    keep: usize,
    at: usize,
    fingerprint: Fingerprint,
}

enum Text<'t> {
    Whole(&'t str),
    Stream(Stream<'t>),
}

struct Stream<'t> {
    reader: Box<dyn Read + 't>,
    /// What is in memory.
    buffer: String,
    /// What came after that, and may go on in the middle of a character, a number or a word.
    pending: Vec<u8>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(document: &'t Document) -> Scanner<'t> {
        let mut fingerprint = Fingerprint::default();
        let text = match document {
            Document::Text(text) => {
                let blocks = text.as_bytes().chunks(BLOCK).map(Fingerprint::of);
                fingerprint = blocks.fold(fingerprint, Fingerprint::then);
                Text::Whole(text)
            }
            Document::Packed(packed) => Text::Stream(Stream {
                reader: packed.reader_ahead(),
                buffer: String::new(),
                pending: Vec::new(),
            }),
        };
        Scanner {
            text,
            keep: 0,
            at: 0,
            fingerprint,
        }
    }

    /// That of all of the text, once it was read to its end.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Reads all of the text as one object. `each` has to step over the value of each key.
    pub(super) fn document(&mut self, mut each: impl FnMut(&mut Self, &str) -> Cut<()>) -> Cut<()> {
        self.expect(b'{')?;
        self.list(b'}', |scanner| {
            let key = scanner.keyword()?;
            let name = scanner.key(&key)?.into_owned();
            each(scanner, &name)
        })?;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(Halt::Malformed),
        }
    }

    /// What the next value is.
    pub(super) fn shape(&mut self) -> Cut<Shape> {
        Ok(match self.peek()? {
            Some(b'{') => Shape::Map,
            Some(b'[') => Shape::List,
            Some(b'n') => Shape::Null,
            _ => Shape::Other,
        })
    }

    /// Steps through a list or a map. `each` gets the key, in a map, and has to step over the entry.
    pub(super) fn entries(
        &mut self,
        mut each: impl FnMut(&mut Self, Option<Piece>) -> Cut<()>,
    ) -> Cut<()> {
        let is_map = self.shape()? == Shape::Map;
        self.at += 1;
        self.list(if is_map { b'}' } else { b']' }, |scanner| {
            let key = is_map.then(|| scanner.keyword()).transpose()?;
            scanner.peek()?;
            each(scanner, key)
        })
    }

    /// Steps through what stands between here and `close`, separated by commas.
    fn list(&mut self, close: u8, mut each: impl FnMut(&mut Self) -> Cut<()>) -> Cut<()> {
        if self.steps_over(close)? {
            return Ok(());
        }
        loop {
            self.keep_from_here();
            each(self)?;
            if self.steps_over(close)? {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Steps over a key and its colon.
    fn keyword(&mut self) -> Cut<Piece> {
        let key = self.value()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// The key that stands in `piece`, halves of surrogate pairs mended.
    pub(super) fn key(&self, piece: &Piece) -> Cut<Cow<'_, str>> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        let name = match mend(self.json(piece)) {
            Cow::Borrowed(text) => serde_json::from_str(text).map(|Name(name)| name),
            Cow::Owned(text) => {
                serde_json::from_str(&text).map(|Name(name)| Cow::Owned(name.into_owned()))
            }
        };
        name.map_err(|_| Halt::Malformed)
    }

    /// The text of a piece.
    pub(super) fn json(&self, piece: &Piece) -> &str {
        let Piece(Range { start, end }) = piece;
        let text = self.text().get(self.keep + start..self.keep + end);
        text.unwrap_or_default()
    }

    /// Steps over the next value, whatever JSON it is.
    pub(super) fn value(&mut self) -> Cut<Piece> {
        self.peek()?;
        let start = self.at - self.keep;
        let len = loop {
            match first::<IgnoredAny>(self.rest()) {
                Ok((_, len)) => break len,
                Err(error) if error.is_eof() && self.more()? => {}
                Err(_) => return Err(Halt::Malformed),
            }
        };
        self.at += len;
        Ok(Piece(start..start + len))
    }

    /// Steps over an entry if it is the list or object that `text` stands for.
    pub(super) fn skips(&mut self, text: Fingerprint) -> Cut<bool> {
        while self.rest().len() < text.len() && self.more()? {}
        let entry = self.rest().get(..text.len()).unwrap_or_default();
        // Another value might go on behind it.
        let is_it = entry.starts_with(['{', '[']) && Fingerprint::of(entry.as_bytes()) == text;
        if is_it {
            self.at += text.len();
        }
        Ok(is_it)
    }

    /// Steps over an entry, and has it read.
    pub(super) fn entry<R: Reader>(&mut self, key: Option<&Piece>, reader: &mut R) -> Cut<()> {
        loop {
            let read = match first::<R::Value<'_>>(self.rest()) {
                Ok((value, len)) => {
                    let json = self.rest().get(..len).unwrap_or_default();
                    if matches!(mend(json), Cow::Owned(_)) {
                        break;
                    }
                    reader.read(Entry {
                        key: key.map(|key| self.key(key)).transpose()?,
                        value: Ok(value),
                        json,
                        text: Fingerprint::of(json.as_bytes()),
                    });
                    Ok(len)
                }
                Err(error) => Err(error),
            };
            match read {
                Ok(len) => {
                    self.at += len;
                    return Ok(());
                }
                Err(error) if error.is_eof() && self.more()? => {}
                Err(_) => break,
            }
        }
        // It has to be mended, or it is something else.
        let piece = self.value()?;
        let sent = self.json(&piece);
        let json = mend(sent);
        reader.read(Entry {
            key: key.map(|key| self.key(key)).transpose()?,
            value: serde_json::from_str(&json),
            json: &json,
            text: Fingerprint::of(sent.as_bytes()),
        });
        Ok(())
    }

    /// What is in memory from here on. More may follow, but never in the middle of a character, a
    /// number or a word.
    fn rest(&self) -> &str {
        self.text().get(self.at..).unwrap_or_default()
    }

    fn text(&self) -> &str {
        match &self.text {
            Text::Whole(text) => text,
            Text::Stream(stream) => &stream.buffer,
        }
    }

    fn keep_from_here(&mut self) {
        self.keep = self.at;
    }

    /// Steps to the next byte that is no blank.
    fn peek(&mut self) -> Cut<Option<u8>> {
        loop {
            let rest = self.rest().bytes();
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            self.at += rest.take_while(is_blank).count();
            let next = self.rest().bytes().next();
            if next.is_some() || !self.more()? {
                return Ok(next);
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Cut<()> {
        if self.steps_over(byte)? {
            Ok(())
        } else {
            Err(Halt::Malformed)
        }
    }

    fn steps_over(&mut self, byte: u8) -> Cut<bool> {
        let stands = self.peek()? == Some(byte);
        self.at += usize::from(stands);
        Ok(stands)
    }

    /// Takes in what comes next; whether there was anything. Lets go of what is before `keep`.
    fn more(&mut self) -> Cut<bool> {
        let Text::Stream(stream) = &mut self.text else {
            return Ok(false);
        };
        stream.buffer.drain(..self.keep);
        self.at -= self.keep;
        self.keep = 0;
        // Whoever asks for more of something long reads it anew from its start, so it should not
        // have to ask often.
        let wanted = 2 * stream.buffer.len();
        let before = stream.buffer.len();
        while stream.buffer.len() == before || stream.buffer.len() < wanted {
            let Some(fingerprint) = stream.take_in()? else {
                break;
            };
            self.fingerprint = self.fingerprint.then(fingerprint);
        }
        Ok(stream.buffer.len() > before)
    }
}

impl Stream<'_> {
    /// Takes in a block; nothing at the end.
    fn take_in(&mut self) -> Cut<Option<Fingerprint>> {
        let before = self.pending.len();
        let mut block = self.reader.by_ref().take(BLOCK as u64);
        block
            .read_to_end(&mut self.pending)
            .map_err(Halt::Unreadable)?;
        let block = self.pending.get(before..).unwrap_or_default();
        let fingerprint = (!block.is_empty()).then(|| Fingerprint::of(block));
        let end = match fingerprint {
            Some(_) => block
                .iter()
                .rposition(|byte| may_end(*byte))
                .map(|last| before + last + 1),
            None => Some(before),
        };
        if let Some(end) = end {
            let shown = self.pending.get(..end).unwrap_or_default();
            let shown = std::str::from_utf8(shown).map_err(|_| Halt::Malformed)?;
            self.buffer.push_str(shown);
            self.pending.drain(..end);
        }
        Ok(fingerprint)
    }
}

/// Whether what follows is another character, number or word.
fn may_end(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.')
}

/// The value at the start of `text`, and its length.
fn first<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    match values.next() {
        Some(value) => Ok((value?, values.byte_offset())),
        None => serde_json::from_str(text).map(|value| (value, text.len())),
    }
}
