//! The service as a forward proxy asks it: over cleartext HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tonic::body::Body;

use crate::support::service::specs;

/// Answers until the test ends.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    time: i64,
    tells_time: bool,
    targets: Vec<String>,
}

impl Upstream {
    /// With specs of `time`; the header that tells it can be left out.
    pub fn start(time: i64, tells_time: bool) -> Upstream {
        let state = Arc::new(Mutex::new(State {
            time,
            tells_time,
            targets: Vec::new(),
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("not blocking");
        let answering = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                while let Ok((socket, _)) = listener.accept().await {
                    let state = Arc::clone(&answering);
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let http = http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
                }
            });
        });
        Upstream { address, state }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn bump(&self, time: i64) {
        self.state.lock().time = time;
    }

    /// Path and query of the requests so far.
    pub fn targets(&self) -> Vec<String> {
        self.state.lock().targets.clone()
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let mut state = state.lock();
    state.targets.push(request.uri().to_string());
    let mut response = http::Response::builder();
    if state.tells_time {
        response = response.header("x-since-time", state.time);
    }
    let body = Body::new(Whole(Some(specs(state.time).into_bytes())));
    Ok(response.body(body).expect("a response"))
}

struct Whole(Option<Vec<u8>>);

impl hyper::body::Body for Whole {
    type Data = prost::bytes::Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        let bytes = self.0.take();
        std::task::Poll::Ready(bytes.map(|bytes| Ok(hyper::body::Frame::data(bytes.into()))))
    }
}
