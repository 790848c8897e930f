//! One HTTP/2 connection to a forward proxy: TCP, perhaps a tunnel, perhaps TLS.
//!
//! A connection serves one call or one stream and is then closed: what a retry meets is never the
//! remains of what failed, and nothing idles between calls that nobody would be there to drive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::body::Body;
use tonic::client::GrpcService;

use super::error::CallError;
use super::target::Target;
use super::tunnel;
use crate::net::gateway::Tunnel;
use crate::net::{Http, TransportErrorKind as Kind};
use crate::options::ProxyConfig;

/// From the look-up of the name to the end of the handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pings while a call runs and the peer is silent, so that a dead connection is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// For saying goodbye on a connection that is not needed any more.
const FAREWELL: Duration = Duration::from_millis(100);

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
type AnyIo = Box<dyn Io>;

/// Everything that connecting needs, gathered where blocking is allowed.
pub(super) struct Dial {
    place: Place,
    /// Of the proxy, or of the proxy on the way to it.
    addresses: Vec<SocketAddr>,
    tunnel: Option<Tunnel>,
    authority: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Dial {
    /// Looks up the name, within the time for connecting, and reads the TLS material.
    pub(super) fn prepare(
        http: &Http,
        target: &Target,
        proxy: &ProxyConfig,
    ) -> Result<Dial, CallError> {
        let tunnel = http.tunnel(&target.origin)?;
        let (host, port) = match &tunnel {
            Some(tunnel) => (tunnel.host.as_str(), tunnel.port),
            None => (target.host(), target.origin.port),
        };
        let tls = if target.origin.is_https {
            Some(tls(http, target, proxy)?)
        } else {
            None
        };
        let place = Place {
            host: host.to_owned(),
            port,
        };
        Ok(Dial {
            addresses: http.addresses(host, port, CONNECT_TIMEOUT)?,
            place,
            tunnel,
            authority: target.to_string(),
            tls,
        })
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Connects, within the time for connecting.
    pub(super) async fn connect(self) -> Result<Connection, CallError> {
        match timeout(CONNECT_TIMEOUT, self.handshakes()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::transport(
                Kind::Timeout,
                "connecting took too long",
            )),
        }
    }

    async fn handshakes(self) -> Result<Connection, CallError> {
        let mut socket = connect_any(&self.addresses).await?;
        if let Some(tunnel) = &self.tunnel {
            tunnel::open(&mut socket, tunnel, &self.authority).await?;
        }
        let io: AnyIo = match self.tls {
            None => Box::new(socket),
            Some((config, name)) => {
                let connected = TlsConnector::from(config).connect(name, socket).await;
                let stream = connected.map_err(|e| CallError::transport(Kind::Tls, e))?;
                let agreed = stream.get_ref().1.alpn_protocol();
                if agreed.is_some_and(|protocol| protocol != b"h2") {
                    let detail = "the server does not speak HTTP/2";
                    return Err(CallError::transport(Kind::Tls, detail));
                }
                Box::new(stream)
            }
        };
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|e| CallError::transport(Kind::Protocol, e))?;
        Ok(Connection {
            sender: Sender(sender),
            driver: tokio::spawn(async {
                // How it ended is seen by the call, which the end reaches too.
                let _ = driver.await;
            }),
        })
    }
}

/// Who is connected to: the proxy, or the proxy on the way to it.
#[derive(Clone)]
pub(super) struct Place {
    host: String,
    port: u16,
}

impl Place {
    /// After a failure to connect, the name is looked up anew: the server may have moved.
    pub(super) fn note(&self, http: &Http, error: Option<&CallError>) {
        if error.is_some_and(|error| error.name == Kind::Connect.name()) {
            http.forget_addresses(&self.host, self.port);
        }
    }
}

fn tls(
    http: &Http,
    target: &Target,
    proxy: &ProxyConfig,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), CallError> {
    let mut config = ClientConfig::clone(&*http.tls_config(proxy)?);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = proxy.tls_server_name.as_deref().unwrap_or(target.host());
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        CallError::transport(Kind::Tls, format!("{name} is no name that can be verified"))
    })?;
    Ok((Arc::new(config), name))
}

async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, CallError> {
    let mut failure = CallError::transport(Kind::Connect, "host name not found");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // Only speed is lost without it.
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => {
                failure = CallError::transport(Kind::Connect, format!("{address}: {error}"));
            }
        }
    }
    Err(failure)
}

/// A connection that is open.
pub(super) struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Says goodbye if that is quick. All calls must have been dropped.
    pub(super) async fn close(mut self) {
        drop(self.sender);
        if timeout(FAREWELL, &mut self.driver).await.is_err() {
            self.driver.abort();
            // Waits until the socket is closed; an aborted task is no news.
            let _ = self.driver.await;
        }
    }
}

/// Sends requests on a connection.
#[derive(Clone)]
pub(super) struct Sender(http2::SendRequest<Body>);

type Answer = dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send + 'static;

impl GrpcService<Body> for Sender {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future = std::pin::Pin<Box<Answer>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
