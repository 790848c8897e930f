//! The messages of the forward proxy's service, as they are on the wire.
//!
//! Written by hand, so that building needs no protocol compiler. Field numbers are the service's,
//! gaps included.

/// The call that answers once.
pub(super) const UNARY_PATH: &str = "/statsig_forward_proxy.StatsigForwardProxy/getConfigSpec";
/// The call that answers for as long as there is news.
pub(super) const STREAM_PATH: &str = "/statsig_forward_proxy.StatsigForwardProxy/StreamConfigSpec";

/// Asks for specs. Without a version the proxy gives the first one, which is what polling over
/// HTTP gets by default.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ConfigSpecRequest {
    #[prost(string, tag = "1")]
    pub(super) sdk_key: String,
    /// Time of the specs in use. Sent even when it is 0; the number really is twelve.
    #[prost(uint64, optional, tag = "12")]
    pub(super) since_time: Option<u64>,
}

/// Specs, or word that there are none that are newer.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ConfigSpecResponse {
    /// JSON. The service calls it a string; taken as bytes, a text that is not UTF-8 spoils one
    /// message and not the stream it came on.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) spec: Vec<u8>,
    /// Time of the newest specs the proxy has.
    #[prost(uint64, tag = "2")]
    pub(super) last_updated: u64,
}

impl ConfigSpecRequest {
    pub(super) fn new(sdk_key: &str, lcut: i64) -> Self {
        ConfigSpecRequest {
            sdk_key: sdk_key.to_owned(),
            since_time: Some(u64::try_from(lcut).unwrap_or(0)),
        }
    }
}

/// Reads `bytes` as an answer; gives its specs, if they are text.
#[cfg(fuzzing)]
pub fn fuzz_answer(bytes: &[u8]) -> Option<String> {
    use prost::Message;
    let answer = ConfigSpecResponse::decode(bytes).ok()?;
    let again = ConfigSpecResponse::decode(&answer.encode_to_vec()[..]);
    assert_eq!(Ok(&answer), again.as_ref());
    String::from_utf8(answer.spec).ok()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn requests_have_the_key_in_field_1_and_the_time_in_field_12_even_when_0() {
        assert_eq!(
            ConfigSpecRequest::new("secret-a", 0).encode_to_vec(),
            b"\x0a\x08secret-a\x60\x00"
        );
        assert_eq!(
            ConfigSpecRequest::new("k", 300).encode_to_vec(),
            b"\x0a\x01k\x60\xac\x02"
        );
    }

    #[test]
    fn answers_are_read_whatever_else_is_in_them() {
        let wire = b"\x0a\x02{}\x10\x96\x01\x1a\x01d\x22\x03new";
        let read = ConfigSpecResponse::decode(&wire[..]).unwrap();
        assert_eq!((read.spec.as_slice(), read.last_updated), (&b"{}"[..], 150));
        let not_text = ConfigSpecResponse::decode(&b"\x0a\x01\xff"[..]).unwrap();
        assert_eq!(not_text.spec, [0xff]);
    }
}
