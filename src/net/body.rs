//! Reading and decoding response bodies without ever growing past a limit.
//!
//! The limit holds for the bytes on the wire and again for what they expand to, so a small body
//! that claims to be a large one costs no more memory than the limit.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::BodySink;
use super::error::{TransportError, TransportErrorKind as Kind};
use super::packed::Packing;

/// Encodings stacked on one body beyond which it is refused.
const MAX_ENCODINGS: usize = 4;
/// Capacity reserved up front at most, whatever the sender announces.
const MAX_RESERVE: usize = 1 << 20;
pub(super) const CHUNK_BYTES: usize = 32 << 10;

/// Reads to the end, up to `limit` bytes. `expected` is the announced length, if any.
pub(super) fn read(
    mut reader: impl Read,
    expected: Option<u64>,
    limit: usize,
) -> Result<Vec<u8>, TransportError> {
    let announced = announced(expected, limit)?;
    let mut body = Vec::with_capacity(announced.unwrap_or(0).min(MAX_RESERVE));
    read_into(&mut reader, &mut body, limit)?;
    Ok(body)
}

/// Like [`read`], part by part into `sink`.
pub(super) fn pour(
    mut reader: impl Read,
    expected: Option<u64>,
    limit: usize,
    sink: &mut dyn BodySink,
) -> Result<(), TransportError> {
    announced(expected, limit)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut total = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        total += count;
        if total > limit {
            return Err(too_large(limit));
        }
        match buffer.get(..count) {
            Some(part) if !part.is_empty() => sink.feed(part),
            _ => return Ok(()),
        }
    }
}

fn announced(expected: Option<u64>, limit: usize) -> Result<Option<usize>, TransportError> {
    let length = expected.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(length)
}

fn read_into(
    reader: &mut impl Read,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), TransportError> {
    let mut bounded = reader.take(limit as u64 + 1);
    bounded.read_to_end(out).map_err(broken)?;
    if out.len() > limit {
        return Err(too_large(limit));
    }
    Ok(())
}

/// The encodings that a `Content-Encoding` header names, in the order in which they were applied.
pub(super) fn listed(encodings: &str) -> Vec<String> {
    let names = encodings
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase());
    names
        .filter(|name| !name.is_empty() && name != "identity")
        .collect()
}

/// Undoes the encodings listed in a `Content-Encoding` header, the last one first.
pub(super) fn decode(
    mut body: Vec<u8>,
    encodings: &str,
    limit: usize,
) -> Result<Vec<u8>, TransportError> {
    let listed = listed(encodings);
    if listed.len() > MAX_ENCODINGS {
        return Err(TransportError::new(
            Kind::Body,
            "too many content encodings",
        ));
    }
    for name in listed.iter().rev() {
        body = match name.as_str() {
            "deflate" => inflate_either(&body, limit)?,
            name => {
                let Some(packing) = Packing::from_name(name) else {
                    let shown: String = name.chars().take(20).collect();
                    let detail = format!("content encoding `{shown}` was not asked for");
                    return Err(TransportError::new(Kind::Body, detail));
                };
                let mut out = Vec::new();
                read_into(&mut packing.reader(&body), &mut out, limit)?;
                out
            }
        };
    }
    Ok(body)
}

/// "deflate" means zlib-wrapped data, but some servers send it bare.
fn inflate_either(body: &[u8], limit: usize) -> Result<Vec<u8>, TransportError> {
    match inflate(body, true, limit) {
        Err(error) if error.kind == Kind::Body => {
            inflate(body, false, limit).map_err(|bare| match bare.kind {
                Kind::TooLarge => bare,
                _ => error,
            })
        }
        done => done,
    }
}

/// By hand, because the reader of the library takes a truncated stream for a complete one.
fn inflate(body: &[u8], zlib: bool, limit: usize) -> Result<Vec<u8>, TransportError> {
    let mut stream = Decompress::new(zlib);
    let mut out = Vec::new();
    loop {
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = body.get(consumed..).unwrap_or_default();
        let before = (stream.total_in(), stream.total_out());
        out.reserve(CHUNK_BYTES);
        let status = stream
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|error| TransportError::new(Kind::Body, error.to_string()))?;
        if out.len() > limit {
            return Err(too_large(limit));
        }
        match status {
            Status::StreamEnd => return Ok(out),
            _ if before == (stream.total_in(), stream.total_out()) => {
                return Err(TransportError::new(Kind::Body, "deflate stream is cut off"));
            }
            _ => {}
        }
    }
}

pub(super) fn too_large(limit: usize) -> TransportError {
    TransportError::new(Kind::TooLarge, format!("body is larger than {limit} bytes"))
}

/// A body that breaks off is a body error, except where the time or the caller ended it.
fn broken(error: io::Error) -> TransportError {
    let error = TransportError::from_io(error);
    match error.kind {
        Kind::Protocol => TransportError::new(Kind::Body, error.detail),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::packing::{brotli, gzip, zlib};
    use super::*;

    const TEXT: &[u8] = br#"{"time":100,"has_updates":true}"#;

    fn raw(data: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_is_undone() {
        for (name, body) in [
            ("", TEXT.to_vec()),
            ("identity", TEXT.to_vec()),
            ("gzip", gzip(TEXT)),
            ("GZip", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", raw(TEXT)),
            ("br", brotli(TEXT)),
            ("deflate, gzip", gzip(&zlib(TEXT))),
            ("gzip, identity", gzip(TEXT)),
        ] {
            let decoded = decode(body, name, 1000).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(decoded, TEXT, "{name}");
        }
    }

    #[test]
    fn garbage_and_truncation_are_body_errors() {
        for (name, full) in [
            ("gzip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", raw(TEXT)),
            ("br", brotli(TEXT)),
        ] {
            for cut in [1, full.len() / 2, full.len() - 1] {
                let error = decode(full[..cut].to_vec(), name, 1000).expect_err(name);
                assert_eq!(error.kind, Kind::Body, "{name} cut at {cut}: {error}");
            }
            let error = decode(b"complete garbage".to_vec(), name, 1000).expect_err(name);
            assert_eq!(error.kind, Kind::Body, "{name}: {error}");
        }
        for name in [
            "zstd",
            "statsig-br",
            "gzip, zstd",
            "gzip,gzip,gzip,gzip,gzip",
        ] {
            let error = decode(TEXT.to_vec(), name, 1000).expect_err(name);
            assert_eq!(error.kind, Kind::Body, "{name}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0_u8; 8 << 20];
        let nested = gzip(&gzip(&zeros));
        for (name, bomb) in [
            ("gzip", gzip(&zeros)),
            ("deflate", zlib(&zeros)),
            ("deflate", raw(&zeros)),
            ("gzip, gzip", nested),
        ] {
            let error = decode(bomb, name, 1 << 20).expect_err(name);
            assert_eq!(error.kind, Kind::TooLarge, "{name}: {error}");
        }
    }

    #[test]
    fn the_limit_is_inclusive_and_holds_before_decoding() {
        assert_eq!(read(TEXT, None, TEXT.len()).unwrap(), TEXT);
        assert_eq!(
            read(TEXT, None, TEXT.len() - 1).unwrap_err().kind,
            Kind::TooLarge
        );
        let announced = read(io::empty(), Some(1 << 40), 1000).unwrap_err();
        assert_eq!(announced.kind, Kind::TooLarge);
    }

    proptest::proptest! {
        #[test]
        fn no_input_panics(body: Vec<u8>, which in 0_usize..4) {
            let name = ["gzip", "deflate", "br", "br, gzip"][which];
            let _ = decode(body, name, 4096);
        }
    }
}
