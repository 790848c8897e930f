//! Content encodings: what a client accepts, compressing answers, expanding request bodies.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Br,
}

impl Encoding {
    /// The value of `Content-Encoding`; nothing for bytes as they are.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Deflate => Some("deflate"),
            Encoding::Br => Some("br"),
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Encoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Encoding::Identity),
            "gzip" | "x-gzip" => Some(Encoding::Gzip),
            "deflate" => Some(Encoding::Deflate),
            "br" => Some(Encoding::Br),
            _ => None,
        }
    }

    /// The best of what `Accept-Encoding` allows, smallest answer first, as a CDN chooses.
    pub(crate) fn negotiate(accept: Option<&str>) -> Encoding {
        let accepted = accept.unwrap_or_default();
        let allows = |wanted: &str| {
            accepted.split(',').any(|part| {
                let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
                let refused = parameters
                    .trim()
                    .strip_prefix("q=")
                    .and_then(|weight| weight.trim().parse::<f64>().ok())
                    .is_some_and(|weight| weight <= 0.0);
                name.trim().eq_ignore_ascii_case(wanted) && !refused
            })
        };
        [Encoding::Br, Encoding::Gzip, Encoding::Deflate]
            .into_iter()
            .find(|encoding| encoding.name().is_some_and(allows))
            .unwrap_or(Encoding::Identity)
    }

    pub(crate) fn encode(self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoding::Identity => Ok(plain.to_vec()),
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            // The zlib wrapper: what HTTP means by deflate and the only form every client reads.
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Encoding::Br => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 20);
                encoder.write_all(plain)?;
                Ok(encoder.into_inner())
            }
        }
    }

    /// Fails on damaged input and on more than `limit` bytes of output.
    pub(crate) fn decode(self, encoded: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Encoding::Identity => encoded.take(limit + 1).read_to_end(&mut out),
            Encoding::Gzip => MultiGzDecoder::new(encoded)
                .take(limit + 1)
                .read_to_end(&mut out),
            Encoding::Deflate => ZlibDecoder::new(encoded)
                .take(limit + 1)
                .read_to_end(&mut out),
            Encoding::Br => brotli::Decompressor::new(encoded, 4096)
                .take(limit + 1)
                .read_to_end(&mut out),
        }?;
        if u64::try_from(out.len()).is_ok_and(|length| length <= limit) {
            Ok(out)
        } else {
            Err(io::Error::other("the decoded body is too large"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_accepted_encoding_wins() {
        for (accept, expected) in [
            (None, Encoding::Identity),
            (Some(""), Encoding::Identity),
            (Some("identity"), Encoding::Identity),
            (Some("gzip, deflate, br"), Encoding::Br),
            (Some("GZIP,deflate"), Encoding::Gzip),
            (Some("br;q=0, gzip;q=0.5"), Encoding::Gzip),
            (Some("deflate;q=1.0"), Encoding::Deflate),
            (Some("zstd"), Encoding::Identity),
        ] {
            assert_eq!(Encoding::negotiate(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn every_encoding_round_trips_and_is_bounded() {
        let plain = vec![b'x'; 10_000];
        for encoding in [
            Encoding::Identity,
            Encoding::Gzip,
            Encoding::Deflate,
            Encoding::Br,
        ] {
            let encoded = encoding.encode(&plain).unwrap();
            assert_eq!(encoding.decode(&encoded, 10_000).unwrap(), plain);
            assert!(encoding.decode(&encoded, 9_999).is_err(), "{encoding:?}");
        }
    }
}
