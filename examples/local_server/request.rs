//! One HTTP/1.1 request, read within bounds whatever arrives.

use std::io::{self, BufRead, Read, Write};

use super::response::Response;
use super::url;

const MAX_HEAD_BYTES: u64 = 64 * 1024;
const MAX_HEADERS: usize = 200;
pub(crate) const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query, percent escapes as sent.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Lower-case names, in the order sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

#[derive(Debug)]
pub(crate) enum ReadError {
    /// The peer is gone or silent: nobody to answer.
    Io,
    /// Answer with this status and close.
    Refused { status: u16, why: &'static str },
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        ReadError::Io
    }
}

fn refused(status: u16, why: &'static str) -> ReadError {
    ReadError::Refused { status, why }
}

impl Request {
    /// The next request of a connection, or `None` when the peer has closed it in between.
    pub(crate) fn read(
        input: &mut impl BufRead,
        output: &mut impl Write,
    ) -> Result<Option<Request>, ReadError> {
        let mut budget = MAX_HEAD_BYTES;
        let Some(start) = read_line(input, &mut budget)? else {
            return Ok(None);
        };
        let (method, target, version) = start_line(&start)?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(input, &mut budget)?.ok_or(ReadError::Io)?;
            if line.is_empty() {
                break;
            }
            if headers.len() == MAX_HEADERS {
                return Err(refused(431, "too many headers"));
            }
            headers.push(header_line(&line)?);
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Request {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
            keep_alive: version == "HTTP/1.1",
        };
        if let Some(connection) = request.header("connection") {
            let connection = connection.to_ascii_lowercase();
            request.keep_alive = match version.as_str() {
                "HTTP/1.1" => !connection.contains("close"),
                _ => connection.contains("keep-alive"),
            };
        }
        request.read_body(input, output)?;
        Ok(Some(request))
    }

    fn read_body(
        &mut self,
        input: &mut impl BufRead,
        output: &mut impl Write,
    ) -> Result<(), ReadError> {
        let length = self.body_length()?;
        let expects = self
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        if expects && length > 0 {
            output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            output.flush()?;
        }
        // Grown as bytes arrive, so that a claimed length alone costs no memory.
        let read = input.take(length).read_to_end(&mut self.body)?;
        if u64::try_from(read).is_ok_and(|read| read == length) {
            Ok(())
        } else {
            Err(ReadError::Io)
        }
    }

    fn body_length(&self) -> Result<u64, ReadError> {
        if self.header("transfer-encoding").is_some() {
            return Err(refused(411, "send a Content-Length"));
        }
        let mut lengths = self.all("content-length");
        let Some(length) = lengths.next() else {
            return Ok(0);
        };
        if lengths.any(|other| other != length) {
            return Err(refused(400, "conflicting Content-Length"));
        }
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(400, "bad Content-Length"));
        }
        // All digits: the only way to fail is to be too large for 64 bits.
        let length: u64 = length.parse().unwrap_or(u64::MAX);
        if length > MAX_BODY_BYTES {
            return Err(refused(413, "the body is too large"));
        }
        Ok(length)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn query(&self) -> Query {
        Query(url::query(&self.query))
    }
}

/// One line without its end, or `None` at the end of the stream.
fn read_line(input: &mut impl BufRead, budget: &mut u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut line = Vec::new();
    let read = input.take(*budget).read_until(b'\n', &mut line)?;
    *budget = budget.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
    if read == 0 && *budget > 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(match *budget {
            0 => refused(431, "the request head is too large"),
            _ => ReadError::Io,
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

fn start_line(line: &[u8]) -> Result<(String, String, String), ReadError> {
    let bad = || refused(400, "bad request line");
    let line = str::from_utf8(line).map_err(|_| bad())?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(bad());
    }
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(refused(505, "HTTP/1.1 is spoken here"));
    }
    // A client that takes this server for its HTTP proxy sends an absolute URL.
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => target,
    };
    if !target.starts_with('/') || target.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(bad());
    }
    Ok((method.to_owned(), target.to_owned(), version.to_owned()))
}

fn header_line(line: &[u8]) -> Result<(String, String), ReadError> {
    let line = String::from_utf8_lossy(line);
    match line.split_once(':') {
        Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => Err(refused(400, "bad header line")),
    }
}

/// Decoded query parameters.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(parameter, _)| parameter == name)
            .map(|(_, value)| value.as_str())
    }

    /// A number, `None` when absent, an error when it is something else.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Response> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Response::error(400, &format!("{name} must be a number")))
            })
            .transpose()
    }
}
