//! Specs as the network sent them, unpacked when they are read.

use std::io::Read;

use crate::net::PackedBody;
use crate::spec::document::Packed;

/// The body of an answer.
#[derive(Debug)]
pub(super) struct PackedSpecs {
    pub(super) body: PackedBody,
    /// Whether a thread may unpack ahead.
    pub(super) may_spawn: bool,
}

impl Packed for PackedSpecs {
    fn bytes(&self) -> &[u8] {
        self.body.bytes()
    }

    fn reader(&self) -> Box<dyn Read + '_> {
        self.body.reader()
    }

    fn reader_ahead(&self) -> Box<dyn Read + '_> {
        if self.may_spawn {
            self.body.reader_ahead()
        } else {
            self.body.reader()
        }
    }
}
