//! Plain http through an http proxy: the request line carries the whole URL.
//!
//! Tunnels (`CONNECT`) are for https; many proxies refuse them to other ports. The HTTP library
//! only tunnels, so this connector opens the connection to the proxy and rewrites the first line
//! of each request that passes.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::config::Config;
use ureq::http::uri::Scheme;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Proxy, ProxyProtocol};

use super::agent::{INPUT_BUFFER_BYTES, OUTPUT_BUFFER_BYTES};

/// Connects to the proxy when the target is plain http and the proxy speaks HTTP.
#[derive(Debug)]
pub(super) struct AbsoluteFormConnector {
    /// For the connection to the proxy itself, which goes through no proxy.
    direct: Config,
}

impl AbsoluteFormConnector {
    pub(super) fn new(direct: Config) -> Self {
        AbsoluteFormConnector { direct }
    }
}

impl<In: Transport> Connector<In> for AbsoluteFormConnector {
    type Out = Either<In, AbsoluteFormTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let is_plain = details.uri.scheme() == Some(&Scheme::HTTP);
        let proxy = details.config.proxy().filter(|proxy| {
            is_plain && matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
        });
        let (Some(proxy), Some(authority)) = (proxy, details.uri.authority()) else {
            return Ok(None);
        };
        let addrs = details
            .resolver
            .resolve(proxy.uri(), &self.direct, details.timeout)?;
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            config: &self.direct,
            request_level: true,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let inner = (details.run_connector)(&to_proxy)?;
        Ok(Some(Either::B(AbsoluteFormTransport {
            inner,
            buffers: LazyBuffers::new(INPUT_BUFFER_BYTES, OUTPUT_BUFFER_BYTES),
            origin: format!("http://{authority}"),
            authorization: authorization(proxy),
            at_request_line: true,
        })))
    }
}

fn authorization(proxy: &Proxy) -> String {
    let (user, password) = (proxy.username(), proxy.password());
    if user.is_none() && password.is_none() {
        return String::new();
    }
    let pair = format!(
        "{}:{}",
        user.unwrap_or_default(),
        password.unwrap_or_default()
    );
    let mut line = String::new();
    let _ = write!(
        line,
        "Proxy-Authorization: Basic {}\r\n",
        BASE64_STANDARD.encode(pair)
    );
    line
}

#[derive(Debug)]
pub(super) struct AbsoluteFormTransport {
    inner: Box<dyn Transport>,
    buffers: LazyBuffers,
    origin: String,
    authorization: String,
    /// The next output starts a request: nothing was sent since the last input.
    at_request_line: bool,
}

impl AbsoluteFormTransport {
    fn send(&mut self, mut bytes: &[u8], timeout: NextTimeout) -> Result<(), Error> {
        while !bytes.is_empty() {
            let output = self.inner.buffers().output();
            let count = bytes.len().min(output.len());
            let (now, later) = bytes.split_at(count);
            let Some(room) = output.get_mut(..count).filter(|room| !room.is_empty()) else {
                return Err(Error::ConnectionFailed);
            };
            room.copy_from_slice(now);
            self.inner.transmit_output(count, timeout)?;
            bytes = later;
        }
        Ok(())
    }
}

/// `GET /path HTTP/1.1` with the origin put before the path, and the proxy's credentials after it.
fn rewrite(bytes: &[u8], origin: &str, authorization: &str) -> Option<Vec<u8>> {
    let line_end = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let path_at = bytes.iter().position(|byte| *byte == b' ')? + 1;
    if path_at >= line_end {
        return None;
    }
    let (line, rest) = bytes.split_at(line_end);
    let (method, target) = line.split_at(path_at);
    Some(
        [
            method,
            origin.as_bytes(),
            target,
            authorization.as_bytes(),
            rest,
        ]
        .concat(),
    )
}

impl Transport for AbsoluteFormTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut bytes = self
            .buffers
            .output()
            .get(..amount)
            .unwrap_or_default()
            .to_vec();
        if self.at_request_line && !bytes.is_empty() {
            bytes = rewrite(&bytes, &self.origin, &self.authorization).unwrap_or(bytes);
            self.at_request_line = false;
        }
        self.send(&bytes, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.at_request_line = true;
        self.inner.maybe_await_input(timeout)?;
        let count = {
            let from = self.inner.buffers().input();
            let to = self.buffers.input_append_buf();
            let count = from.len().min(to.len());
            if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
                to.copy_from_slice(from);
            }
            count
        };
        self.inner.buffers().input_consume(count);
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_line_gets_the_origin_and_the_headers_stay() {
        let sent = rewrite(
            b"POST /v1/log_event HTTP/1.1\r\nhost: h\r\n\r\nbody",
            "http://h:81",
            "Proxy-Authorization: Basic eDp5\r\n",
        )
        .expect("rewritten");
        assert_eq!(
            String::from_utf8_lossy(&sent),
            "POST http://h:81/v1/log_event HTTP/1.1\r\n\
             Proxy-Authorization: Basic eDp5\r\nhost: h\r\n\r\nbody"
        );
        assert_eq!(rewrite(b"no line end", "http://h", ""), None);
    }
}
