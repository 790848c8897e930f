//! A server for long runs: it serves one ruleset, takes batches of events, keeps nothing of them
//! itself, and misbehaves on command.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

/// How the server treats batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    Healthy,
    /// Takes its time.
    Slow,
    /// Answers 503.
    Erroring,
    /// Closes every connection, for whatever it is.
    Dead,
}

impl Mood {
    pub const ALL: [Mood; 4] = [Mood::Healthy, Mood::Slow, Mood::Erroring, Mood::Dead];
}

/// How long a slow server takes for a batch.
const SLOWNESS: Duration = Duration::from_millis(40);

/// A batch as received.
pub struct Batch {
    /// As the header says.
    pub events: u64,
    is_gzip: bool,
    body: Vec<u8>,
}

impl Batch {
    /// The body, unpacked.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.is_gzip {
            let mut gzip = flate2::read::GzDecoder::new(&*self.body);
            gzip.read_to_string(&mut text).expect("gzip");
        } else {
            text.push_str(std::str::from_utf8(&self.body).expect("UTF-8"));
        }
        text
    }
}

struct Shared {
    rules: String,
    mood: AtomicU8,
    is_stopping: AtomicBool,
    /// Told of each batch that is accepted, before its sender is.
    accept: Box<dyn Fn(&Batch) + Send + Sync>,
}

/// A running server.
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    pub fn start(rules: String, accept: impl Fn(&Batch) + Send + Sync + 'static) -> Sink {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            rules,
            mood: AtomicU8::new(Mood::Healthy as u8),
            is_stopping: AtomicBool::new(false),
            accept: Box::new(accept),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if serving.is_stopping.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.serve(&connection));
            }
        });
        Sink { address, shared }
    }

    /// What the option `api` is to be.
    pub fn api(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn set_mood(&self, mood: Mood) {
        self.shared.mood.store(mood as u8, Ordering::Relaxed);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        // Whoever waits for connections has to look.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// Answers requests until the other side or the mood ends it.
    fn serve(&self, connection: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(connection);
        loop {
            let (path, batch) = read_request(&mut reader)?;
            let mood = self.mood.load(Ordering::Relaxed);
            if mood == Mood::Dead as u8 {
                return None;
            }
            let (status, body) = if path.contains("/log_event") {
                if mood == Mood::Slow as u8 {
                    std::thread::sleep(SLOWNESS);
                }
                if mood == Mood::Erroring as u8 {
                    (503, "")
                } else {
                    (self.accept)(&batch);
                    (202, r#"{"success":true}"#)
                }
            } else if path.contains("/download_config_specs") {
                (200, &*self.rules)
            } else {
                (200, "{}")
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut writer = connection;
            writer.write_all(answer.as_bytes()).ok()?;
        }
    }
}

/// Path and content of the next request, if there is one.
fn read_request(reader: &mut impl BufRead) -> Option<(String, Batch)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut len, mut events, mut is_gzip) = (0, 0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => len = value.parse().ok()?,
            "statsig-event-count" => events = value.parse().ok()?,
            "content-encoding" => is_gzip = value == "gzip",
            _ => {}
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let batch = Batch {
        events,
        is_gzip,
        body,
    };
    Some((path, batch))
}
