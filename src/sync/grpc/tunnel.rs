//! Through an HTTP proxy: asks it to connect us to the forward proxy.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::CallError;
use crate::net::TransportErrorKind as Kind;
use crate::net::gateway::Tunnel;

const MAX_HEAD_BYTES: usize = 16 << 10;

/// After success the socket leads to `authority`.
pub(super) async fn open(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    tunnel: &Tunnel,
    authority: &str,
) -> Result<(), CallError> {
    let broken = |e: std::io::Error| CallError::transport(Kind::Connect, format!("proxy: {e}"));
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(authorization) = &tunnel.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    socket.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the forward proxy.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD_BYTES {
            return Err(CallError::transport(Kind::Connect, "proxy: endless answer"));
        }
        head.push(socket.read_u8().await.map_err(broken)?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status: Option<u16> = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    match status {
        Some(200..300) if line.starts_with("HTTP/1.") => Ok(()),
        _ => Err(CallError::transport(
            Kind::Connect,
            format!("proxy: {line}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(answer: &[u8]) -> (Result<(), CallError>, String, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            theirs.write_all(answer).await.unwrap();
            let tunnel = Tunnel {
                host: "p".to_owned(),
                port: 1,
                authorization: Some("Basic dTpw".to_owned()),
            };
            let outcome = open(&mut ours, &tunnel, "h:50051").await;
            let mut sent = vec![0; 4096];
            let count = theirs.read(&mut sent).await.unwrap();
            drop(theirs);
            let mut rest = Vec::new();
            ours.read_to_end(&mut rest).await.unwrap();
            let sent = String::from_utf8(sent[..count].to_vec()).unwrap();
            (outcome, sent, rest)
        })
    }

    #[test]
    fn what_follows_the_answer_is_left_for_the_forward_proxy() {
        let (outcome, sent, rest) = run(b"HTTP/1.1 200 Connected\r\nVia: x\r\n\r\nPRI");
        outcome.unwrap();
        assert_eq!(rest, b"PRI");
        assert_eq!(
            sent,
            "CONNECT h:50051 HTTP/1.1\r\nHost: h:50051\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[test]
    fn a_proxy_that_refuses_is_an_error_that_says_so() {
        for answer in ["HTTP/1.1 407 Who are you\r\n\r\n", "nonsense\r\n\r\n"] {
            let error = run(answer.as_bytes()).0.unwrap_err();
            let line = answer.trim_end();
            assert_eq!(error.to_string(), format!("ConnectError: proxy: {line}"));
        }
    }
}
