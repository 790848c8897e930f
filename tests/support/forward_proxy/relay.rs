//! A forward proxy between clients and a service, made after what has been observed of the
//! vendor's: it asks upstream over cleartext HTTP/2, keeps what it got by key, and gives it over
//! HTTP/1.1, as answers to unary calls and as streams.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::body::Body;
use tonic::{Code, Status};

use super::server::Specs;
use crate::support::scripted::{Recorded, Reply, Server};

/// A first request that failed is not repeated for this long.
const FAILURE_IS_KEPT: Duration = Duration::from_secs(30);

pub(super) struct Relay {
    upstream: String,
    /// Where events go, over HTTP/1.1.
    events: String,
    max_streams: usize,
    contexts: Mutex<HashMap<String, Context>>,
}

#[derive(Default)]
struct Context {
    specs: Option<(u64, Vec<u8>)>,
    failed_at: Option<Instant>,
    streams: Vec<UnboundedSender<Result<Specs, Status>>>,
}

pub(super) type Messages = UnboundedReceiver<Result<Specs, Status>>;

impl Relay {
    /// Starts to poll; the second value is the HTTP/1.1 side.
    pub(super) fn start(config: &Value) -> (Arc<Relay>, Server) {
        let text = |key: &str| config[key].as_str().expect("an authority").to_owned();
        let relay = Arc::new(Relay {
            upstream: text("upstream"),
            events: text("events"),
            max_streams: config["max_streams"]
                .as_u64()
                .map_or(500, |max| max as usize),
            contexts: Mutex::default(),
        });
        let polling = Arc::clone(&relay);
        let pause = Duration::from_millis(config["poll_ms"].as_u64().expect("a time"));
        std::thread::spawn(move || {
            loop {
                std::thread::park_timeout(pause);
                polling.poll();
            }
        });
        let answering = Arc::clone(&relay);
        let server = Server::start(move |request| answering.answer(request));
        (relay, server)
    }

    fn poll(&self) {
        let known: Vec<(String, u64)> = {
            let contexts = self.contexts.lock();
            let known = contexts.iter();
            known
                .filter_map(|(key, context)| Some((key.clone(), context.specs.as_ref()?.0)))
                .collect()
        };
        for (key, time) in known {
            let Some((newer, document)) = self.ask(&key, time).filter(|(t, _)| *t > time) else {
                continue;
            };
            let mut contexts = self.contexts.lock();
            let context = contexts.entry(key).or_default();
            context.specs = Some((newer, document.clone()));
            context.streams.retain(|stream| {
                let message = Specs::new(newer, document.clone());
                stream.send(Ok(message)).is_ok()
            });
        }
    }

    /// The specs of a key; the first one to ask waits for upstream.
    pub(super) fn specs(&self, key: &str) -> Option<(u64, Vec<u8>)> {
        {
            let contexts = self.contexts.lock();
            let context = contexts.get(key);
            if let Some(specs) = context.and_then(|context| context.specs.clone()) {
                return Some(specs);
            }
            let failed_at = context.and_then(|context| context.failed_at);
            if failed_at.is_some_and(|at| at.elapsed() < FAILURE_IS_KEPT) {
                return None;
            }
        }
        let found = self.ask(key, 0).filter(|(time, _)| *time > 0);
        let mut contexts = self.contexts.lock();
        let context = contexts.entry(key.to_owned()).or_default();
        context.failed_at = found.is_none().then(Instant::now);
        context.specs.clone_from(&found);
        found
    }

    pub(super) fn unary(&self, key: &str, since: u64) -> Result<Specs, Status> {
        self.specs(key)
            .map(|specs| newer(specs, since))
            .ok_or_else(unauthorized)
    }

    pub(super) fn stream(&self, key: &str, since: u64) -> Result<Messages, Status> {
        let specs = self.specs(key).ok_or_else(unauthorized)?;
        let mut contexts = self.contexts.lock();
        let open: usize = contexts
            .values_mut()
            .map(|context| {
                context.streams.retain(|stream| !stream.is_closed());
                context.streams.len()
            })
            .sum();
        if open >= self.max_streams {
            return Err(Status::new(
                Code::ResourceExhausted,
                "Max concurrent streams reached",
            ));
        }
        let (sender, receiver) = unbounded_channel();
        let _ = sender.send(Ok(newer(specs, since)));
        contexts
            .entry(key.to_owned())
            .or_default()
            .streams
            .push(sender);
        Ok(receiver)
    }

    /// Ends all streams in good order.
    pub(super) fn end_streams(&self) {
        for context in self.contexts.lock().values_mut() {
            context.streams.clear();
        }
    }

    fn answer(&self, request: &Recorded) -> Reply {
        let path = request.path();
        if path == "/v1/log_event" {
            self.forward_events(request);
            return Reply::new(202, r#"{"success":true,"message":null}"#);
        }
        if path == "/v1/get_id_lists" {
            return Reply::json("{}");
        }
        let file = path.strip_prefix("/v1/download_config_specs/");
        let Some(key) = file.and_then(|file| file.strip_suffix(".json")) else {
            return Reply::status(404);
        };
        let key = request.header("statsig-api-key").unwrap_or(key);
        let since = request.target.split_once("sinceTime=");
        let since = since.map_or(0, |(_, time)| time.parse().expect("a time"));
        match self.specs(key) {
            None => Reply::new(401, "Unauthorized"),
            Some(specs) => Reply::json(newer(specs, since).spec()),
        }
    }

    /// Uncompressed, whatever the client has sent.
    fn forward_events(&self, request: &Recorded) {
        let mut body = Vec::new();
        match request.header("content-encoding") {
            None => body.clone_from(&request.body),
            Some(_) => {
                let mut reader = flate2::read::GzDecoder::new(&request.body[..]);
                reader.read_to_end(&mut body).expect("gzip");
            }
        }
        let mut upstream = TcpStream::connect(&self.events).expect("upstream");
        let head = format!(
            "POST /v1/log_event HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             statsig-api-key: {}\r\nstatsig-event-count: {}\r\nContent-Length: {}\r\n\r\n",
            self.events,
            request.header("statsig-api-key").unwrap_or_default(),
            request.header("statsig-event-count").unwrap_or_default(),
            body.len(),
        );
        upstream.write_all(head.as_bytes()).expect("sent");
        upstream.write_all(&body).expect("sent");
        let mut answer = Vec::new();
        let _ = upstream.read_to_end(&mut answer);
    }

    /// Upstream's specs and their time, which is in a header; without it they are nothing.
    fn ask(&self, key: &str, since: u64) -> Option<(u64, Vec<u8>)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(&self.upstream).await.ok()?;
            let http = http2::Builder::new(TokioExecutor::new());
            let (mut sender, driver) = http.handshake(TokioIo::new(socket)).await.ok()?;
            tokio::spawn(driver);
            let query = match since {
                0 => String::new(),
                since => format!("?sinceTime={since}"),
            };
            let url = format!(
                "http://{}/v1/download_config_specs/{key}.json{query}",
                self.upstream
            );
            let request = http::Request::get(url)
                .header("x-sfp-version", "4.1.0")
                .body(Body::empty())
                .expect("a request");
            let response = sender.send_request(request).await.ok()?;
            if response.status() != 200 {
                return None;
            }
            let time = response.headers().get("x-since-time");
            let time = time
                .and_then(|time| time.to_str().ok()?.parse().ok())
                .unwrap_or(0);
            let mut body = response.into_body();
            let mut document = Vec::new();
            while let Some(frame) = std::future::poll_fn(|cx| {
                hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), cx)
            })
            .await
            {
                if let Ok(data) = frame.ok()?.into_data() {
                    document.extend_from_slice(&data);
                }
            }
            Some((time, document))
        })
    }
}

fn newer((time, document): (u64, Vec<u8>), since: u64) -> Specs {
    if time > since {
        Specs::new(time, document)
    } else {
        Specs::new(time, br#"{"has_updates":false}"#.to_vec())
    }
}

fn unauthorized() -> Status {
    Status::permission_denied("Unauthorized")
}
