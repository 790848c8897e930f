//! One connection: requests in turn, faults applied, until either side closes.

use std::io::{self, BufReader, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::control;
use super::encoding::Encoding;
use super::fault::Fault;
use super::record::{Endpoint, Record};
use super::request::{ReadError, Request};
use super::response::{Response, Sent};
use super::routes::{self, Target};
use super::state::Shared;

/// A peer silent for so long is gone. Longer than any client keeps idle connections.
const SILENCE_LIMIT: Duration = Duration::from_secs(120);
const WRITE_LIMIT: Duration = Duration::from_secs(60);

enum Next {
    KeepAlive,
    Close,
}

pub(crate) fn serve(stream: &TcpStream, client_port: u16, shared: &Shared) {
    drop(stream.set_nodelay(true));
    drop(stream.set_read_timeout(Some(SILENCE_LIMIT)));
    drop(stream.set_write_timeout(Some(WRITE_LIMIT)));
    let mut input = BufReader::new(stream);
    let mut output = stream;
    loop {
        match Request::read(&mut input, &mut output) {
            Ok(Some(request)) => match exchange(&request, &mut output, client_port, shared) {
                Ok(Next::KeepAlive) => {}
                Ok(Next::Close) | Err(_) => break,
            },
            Ok(None) | Err(ReadError::Io) => break,
            Err(ReadError::Refused { status, why }) => {
                let refusal = Response::error(status, why);
                drop(refusal.write(&mut output, false, &Sent::default()));
                linger(&mut input, output);
                break;
            }
        }
    }
    drop(output.shutdown(Shutdown::Both));
}

/// Reads away what the client is still sending: closing with unread input would reset the
/// connection, and the client would never see the refusal.
fn linger(input: &mut BufReader<&TcpStream>, output: &TcpStream) {
    drop(output.shutdown(Shutdown::Write));
    drop(output.set_read_timeout(Some(Duration::from_secs(2))));
    drop(io::copy(&mut input.take(64 * 1024 * 1024), &mut io::sink()));
}

fn exchange(
    request: &Request,
    output: &mut &TcpStream,
    client_port: u16,
    shared: &Shared,
) -> io::Result<Next> {
    if let Some(command) = request.path.strip_prefix("/control/") {
        let response = control::answer(command, request, shared);
        response.write(output, request.keep_alive, &Sent::default())?;
        return Ok(next(request.keep_alive));
    }
    let target = Target::of(request);
    let mut record = Record::of(request, target.endpoint, target.key.clone());
    record.client_port = client_port;
    let (record, fault, resets) = {
        let mut state = shared.state.lock();
        let fault = state.faults.take(
            target.endpoint,
            target.key.as_deref(),
            target.list.as_deref(),
        );
        (state.records.push(record), fault, state.resets)
    };
    shared.changed.notify_all();
    let fault = fault.unwrap_or_else(|| Fault::on(target.endpoint));
    wait(&fault, resets, shared);
    // A server that stops leaves its clients as a crash would: without an answer.
    if fault.disconnect || shared.is_stopping() {
        return Ok(Next::Close);
    }
    let encoding = fault.encoding.unwrap_or(match target.endpoint {
        Endpoint::Specs | Endpoint::IdLists => {
            Encoding::negotiate(request.header("accept-encoding"))
        }
        _ => Encoding::Identity,
    });
    let mut response = if fault.garbage {
        label(fault.answer(), encoding)
    } else if fault.replaces_answer() {
        encode(fault.answer(), encoding)?
    } else {
        routes::answer(&target, request, &record, &fault, encoding, shared)?
    };
    let mut sent = fault.finish(&mut response);
    if request.method == "HEAD" {
        sent.bytes = Some(0);
    }
    shared.answered(&record, response.status);
    let closes = response
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let keep_alive = request.keep_alive && sent.bytes.is_none() && !closes;
    response.write(output, keep_alive, &sent)?;
    Ok(next(keep_alive))
}

fn next(keep_alive: bool) -> Next {
    if keep_alive {
        Next::KeepAlive
    } else {
        Next::Close
    }
}

fn wait(fault: &Fault, resets: u64, shared: &Shared) {
    let delay = shared.config.latency + Duration::from_millis(fault.delay_ms.unwrap_or_default());
    if !delay.is_zero() {
        shared.pause(delay);
    }
    if let Some(name) = &fault.hold {
        shared.hold(name, resets);
    }
}

/// Compresses the body and says so.
pub(crate) fn encode(mut response: Response, encoding: Encoding) -> io::Result<Response> {
    if response.body.is_empty() {
        return Ok(response);
    }
    response.body = encoding.encode(&response.body)?;
    Ok(label(response, encoding))
}

fn label(response: Response, encoding: Encoding) -> Response {
    match encoding.name() {
        Some(name) => response.with("Content-Encoding", name),
        None => response,
    }
}
