//! A forward proxy that does as it is told: a gRPC server that is a process of its own, so that a
//! test can kill it.
//!
//! The first line of standard input says how to listen, the following ones what to do; the end of
//! input ends the process. What happens is told on standard output, one line of JSON behind an `@`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Code, Request, Response, Status};

use super::relay::Relay;
use super::{hex, tls::server_config};

/// Runs until standard input ends.
pub fn serve() {
    let mut first = String::new();
    std::io::stdin()
        .read_line(&mut first)
        .expect("a first line");
    let listen: Value = serde_json::from_str(&first).expect("JSON");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (commands, received) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = commands.send(line);
        }
        std::process::exit(0);
    });
    runtime.block_on(run(&listen, received));
}

fn tell(event: &Value) {
    let mut output = std::io::stdout().lock();
    // In front of it may be what the test harness has printed.
    let _ = output.write_all(format!("\n@{event}\n").as_bytes());
    let _ = output.flush();
}

async fn run(listen: &Value, mut commands: UnboundedReceiver<String>) {
    let port = listen["port"].as_u64().expect("a port");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .expect("a free port");
    let tls = server_config(&listen["tls"]).map(TlsAcceptor::from);
    let script = Arc::new(Mutex::new(Script::default()));
    let address = listener.local_addr().expect("an address");
    let mut http_port = 0;
    // Held as long as the process runs.
    let mut _http = None;
    if listen["relay"].is_object() {
        let (relay, http) = Relay::start(&listen["relay"]);
        http_port = http.address().port();
        script.lock().relay = Some(relay);
        _http = Some(http);
    }
    tell(&json!({"event": "ready", "port": address.port(), "http_port": http_port}));
    loop {
        tokio::select! {
            Ok((socket, _)) = listener.accept() => {
                let (script, tls) = (Arc::clone(&script), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&script), request));
                    let http = http2::Builder::new(TokioExecutor::new());
                    match tls {
                        None => drop(http.serve_connection(TokioIo::new(socket), service).await),
                        Some(tls) => match tls.accept(socket).await {
                            Ok(io) => drop(http.serve_connection(TokioIo::new(io), service).await),
                            Err(_) => tell(&json!({"event": "no_handshake"})),
                        },
                    }
                });
            }
            Some(line) = commands.recv() => {
                let command: Value = serde_json::from_str(&line).expect("JSON");
                if command["terminate"] == true {
                    let relay = script.lock().relay.clone().expect("a relay");
                    relay.end_streams();
                    // The ends of the streams are on their way.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    std::process::exit(0);
                }
                script.lock().obey(&command);
                tell(&json!({"event": "done"}));
            }
        }
    }
}

/// What to answer.
#[derive(Default)]
struct Script {
    unary: VecDeque<Value>,
    streams: VecDeque<Value>,
    open: Vec<UnboundedSender<Result<Specs, Status>>>,
    /// Gives the answers instead.
    relay: Option<Arc<Relay>>,
}

impl Script {
    fn obey(&mut self, command: &Value) {
        let list = |value: &Value| value.as_array().expect("a list").clone().into();
        for (name, value) in command.as_object().expect("an object") {
            match name.as_str() {
                "unary" => self.unary = list(value),
                "streams" => self.streams = list(value),
                "send" => self.send(|| Ok(Specs::from_json(value))),
                "fail" => {
                    self.send(|| Err(status(value)));
                    // Without senders the streams end.
                    self.open.clear();
                }
                other => panic!("unknown command {other}"),
            }
        }
    }

    fn send(&mut self, item: impl Fn() -> Result<Specs, Status>) {
        self.open.retain(|stream| stream.send(item()).is_ok());
    }
}

/// The answers in order, the last one again and again.
fn next(answers: &mut VecDeque<Value>) -> Value {
    match answers.len() {
        0 => json!({"error": 5}),
        1 => answers[0].clone(),
        _ => answers.pop_front().expect("not empty"),
    }
}

fn status(code: &Value) -> Status {
    let code = i32::try_from(code.as_i64().expect("a code")).expect("a code");
    Status::new(Code::from(code), "as told")
}

async fn answer(
    script: Arc<Mutex<Script>>,
    request: http::Request<Incoming>,
) -> Result<http::Response<tonic::body::Body>, Infallible> {
    let mut grpc = Grpc::new(ServiceCodec);
    let response = match request.uri().path() {
        "/statsig_forward_proxy.StatsigForwardProxy/getConfigSpec" => {
            grpc.unary(Service(script), request).await
        }
        "/statsig_forward_proxy.StatsigForwardProxy/StreamConfigSpec" => {
            grpc.server_streaming(Service(script), request).await
        }
        other => {
            tell(&json!({"event": "unknown_path", "path": other}));
            Status::unimplemented("").into_http()
        }
    };
    Ok(response)
}

struct Service(Arc<Mutex<Script>>);

fn recorded(event: &str, request: &Request<Vec<u8>>) -> Value {
    let wire = request.get_ref();
    let header = |name| request.metadata().get(name).and_then(|v| v.to_str().ok());
    let read = SpecsRequest::decode(wire.as_slice()).expect("a request");
    json!({
        "event": event, "wire": hex(wire), "sdk_key": read.sdk_key, "since": read.since_time,
        "timeout": header("grpc-timeout"), "user_agent": header("user-agent"),
    })
}

/// Key and time.
fn asked(request: &Request<Vec<u8>>) -> (String, u64) {
    let read = SpecsRequest::decode(request.get_ref().as_slice()).expect("a request");
    (read.sdk_key, read.since_time.unwrap_or(0))
}

type Future<T> = Pin<Box<dyn std::future::Future<Output = Result<Response<T>, Status>> + Send>>;

impl UnaryService<Vec<u8>> for Service {
    type Response = Specs;
    type Future = Future<Specs>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        tell(&recorded("unary", &request));
        if let Some(relay) = self.0.lock().relay.clone() {
            let (key, since) = asked(&request);
            // Upstream may have to be asked, which blocks.
            let answer = tokio::task::spawn_blocking(move || relay.unary(&key, since));
            return Box::pin(async { Ok(Response::new(answer.await.expect("no panic")?)) });
        }
        let told = next(&mut self.0.lock().unary);
        Box::pin(async move {
            if told["hang"] == true {
                std::future::pending::<()>().await;
            }
            match &told["error"] {
                Value::Null => Ok(Response::new(Specs::from_json(&told))),
                code => Err(status(code)),
            }
        })
    }
}

impl ServerStreamingService<Vec<u8>> for Service {
    type Response = Specs;
    type ResponseStream = Open;
    type Future = Future<Open>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let mut script = self.0.lock();
        if let Some(relay) = script.relay.clone() {
            let (key, since) = asked(&request);
            tell(&recorded("stream", &request));
            let opened = tokio::task::spawn_blocking(move || relay.stream(&key, since));
            return Box::pin(async {
                let messages = opened.await.expect("no panic")?;
                Ok(Response::new(Open(messages)))
            });
        }
        let told = next(&mut script.streams);
        let (sender, receiver) = unbounded_channel();
        for message in told["messages"].as_array().into_iter().flatten() {
            let _ = sender.send(Ok(Specs::from_json(message)));
        }
        if told["error"].is_null() && told["end"] != true {
            script.open.push(sender);
        }
        drop(script);
        // After the stream is in the list, so that a test may send as soon as it knows.
        tell(&recorded("stream", &request));
        Box::pin(async move {
            if told["hang"] == true {
                std::future::pending::<()>().await;
            }
            if !told["error"].is_null() {
                return Err(status(&told["error"]));
            }
            let mut response = Response::new(Open(receiver));
            let host = "proxy-1".parse().expect("a value");
            response.metadata_mut().insert("x-sfp-hostname", host);
            Ok(response)
        })
    }
}

/// A stream that is open; tells when it is not any more.
struct Open(UnboundedReceiver<Result<Specs, Status>>);

impl Stream for Open {
    type Item = Result<Specs, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        tell(&json!({"event": "closed"}));
    }
}

/// As the service's description has it, written independently of the library.
#[derive(Clone, PartialEq, Message)]
struct SpecsRequest {
    #[prost(string, tag = "1")]
    sdk_key: String,
    #[prost(uint64, optional, tag = "12")]
    since_time: Option<u64>,
    #[prost(int32, optional, tag = "3")]
    version: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Specs {
    /// A string in the description; bytes here, so that it can be sent broken.
    #[prost(bytes = "vec", tag = "1")]
    spec: Vec<u8>,
    #[prost(uint64, tag = "2")]
    last_updated: u64,
}

impl Specs {
    pub(super) fn new(time: u64, spec: Vec<u8>) -> Specs {
        Specs {
            spec,
            last_updated: time,
        }
    }

    pub(super) fn spec(self) -> Vec<u8> {
        self.spec
    }

    fn from_json(value: &Value) -> Specs {
        let mut spec = value["spec"].as_str().expect("a spec").as_bytes().to_vec();
        if value["broken"] == true {
            spec.push(0xff);
        }
        Specs {
            spec,
            last_updated: value["time"].as_u64().expect("a time"),
        }
    }
}

/// Requests stay as they are on the wire.
#[derive(Default)]
struct ServiceCodec;

impl Codec for ServiceCodec {
    type Encode = Specs;
    type Decode = Vec<u8>;
    type Encoder = ServiceCodec;
    type Decoder = ServiceCodec;

    fn encoder(&mut self) -> ServiceCodec {
        ServiceCodec
    }

    fn decoder(&mut self) -> ServiceCodec {
        ServiceCodec
    }
}

impl Encoder for ServiceCodec {
    type Item = Specs;
    type Error = Status;

    fn encode(&mut self, item: Specs, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).expect("room");
        Ok(())
    }
}

impl Decoder for ServiceCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use prost::bytes::Buf;
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
