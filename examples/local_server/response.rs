//! One HTTP/1.1 response, written exactly as scripted.

use std::io::{self, Write};

use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Response {
        Response {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body,
        }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Response {
        Response::new(status, "application/json", value.to_string().into_bytes())
    }

    pub(crate) fn error(status: u16, why: &str) -> Response {
        Response::json(status, &json!({"success": false, "error": why}))
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.set(name, value.into());
        self
    }

    /// Adds the header, or replaces it.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Writes the response. `sent` is how much of it, and in which framing, really leaves.
    pub(crate) fn write(
        &self,
        output: &mut impl Write,
        keep_alive: bool,
        sent: &Sent,
    ) -> io::Result<()> {
        let bodiless = matches!(self.status, 100..200 | 204 | 304);
        let mut message = Vec::with_capacity(self.body.len() + 512);
        write!(
            message,
            "HTTP/1.1 {} {}\r\n",
            self.status,
            reason(self.status)
        )?;
        for (name, value) in &self.headers {
            write!(message, "{name}: {value}\r\n")?;
        }
        if sent.chunked {
            message.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        } else if !bodiless && self.header("content-length").is_none() {
            write!(message, "Content-Length: {}\r\n", self.body.len())?;
        }
        if self.header("connection").is_none() {
            let connection = if keep_alive { "keep-alive" } else { "close" };
            write!(message, "Connection: {connection}\r\n")?;
        }
        message.extend_from_slice(b"\r\n");
        let body = match sent.bytes {
            _ if bodiless => &[][..],
            Some(limit) => self.body.get(..limit).unwrap_or(&self.body),
            None => &self.body,
        };
        if sent.chunked {
            if !self.body.is_empty() {
                write!(message, "{:x}\r\n", self.body.len())?;
                message.extend_from_slice(body);
                message.extend_from_slice(b"\r\n");
            }
            if sent.bytes.is_none() {
                message.extend_from_slice(b"0\r\n\r\n");
            }
        } else {
            message.extend_from_slice(body);
        }
        output.write_all(&message)?;
        output.flush()
    }
}

/// How a response leaves: whole with a length unless a fault says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Only so many bytes of the body, though the length promises all.
    pub(crate) bytes: Option<usize>,
    pub(crate) chunked: bool,
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}
