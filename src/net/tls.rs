//! https: whom to trust, and the layer that encrypts a connection.
//!
//! The trusted roots are the bundled ones, the system's store (or `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` in its place) and the option `ca_pem`, loaded once on the first https connection.
//! An endpoint with TLS material of its own trusts that alone.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::agent::{INPUT_BUFFER_BYTES, OUTPUT_BUFFER_BYTES};
use super::error::{TransportError, TransportErrorKind};
use crate::fork_cell::ForkCell;
use crate::lock::Mutex;
use crate::options::{AuthenticationMode, ProxyConfig};

/// Trust of an ordinary connection, built on first use.
pub(super) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    built: ArcSwapOption<ClientConfig>,
    /// Held while building; holds what could not be loaded. A fork may come in between.
    building: ForkCell<Mutex<Vec<String>>>,
}

impl Trust {
    /// `ca_pem` is the option's text; an error says why it holds no certificate.
    pub(super) fn new(ca_pem: Option<&str>) -> Result<Self, String> {
        let extra = match ca_pem {
            Some(text) => certificates(text.as_bytes())?,
            None => Vec::new(),
        };
        Ok(Trust {
            extra,
            built: ArcSwapOption::empty(),
            building: ForkCell::new(Mutex::default),
        })
    }

    /// What could not be loaded since the last call.
    pub(super) fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut *self.building.get().lock())
    }

    /// In a forked child.
    pub(super) fn after_fork_child(&self) {
        self.building.renew();
    }

    /// Everyone that is trusted, and what could not be loaded.
    fn authorities(&self) -> (Vec<CertificateDer<'static>>, Vec<String>) {
        let system = rustls_native_certs::load_native_certs();
        let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        let all = bundled
            .chain(system.certs)
            .chain(self.extra.iter().cloned());
        let failed = system.errors.iter();
        let failed = failed.map(|e| format!("system trust store: {e}"));
        (all.collect(), failed.collect())
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        if let Some(config) = self.built.load_full() {
            return config;
        }
        let mut problems = self.building.get().lock();
        if let Some(config) = self.built.load_full() {
            return config;
        }
        let (found, failed) = self.authorities();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found);
        problems.extend(failed);
        let config = Arc::new(client_config(roots));
        self.built.store(Some(Arc::clone(&config)));
        config
    }
}

/// The trust of ordinary connections, for a library that makes its own.
#[cfg(feature = "redis")]
#[derive(Clone)]
pub(crate) struct Authorities(Arc<Trust>);

#[cfg(feature = "redis")]
impl Authorities {
    pub(super) fn new(trust: &Arc<Trust>) -> Self {
        Authorities(Arc::clone(trust))
    }

    /// All certificates as PEM, those left out that nobody can read.
    pub(crate) fn pem(&self) -> String {
        use base64::Engine;
        let (found, _) = self.0.authorities();
        let mut store = RootCertStore::empty();
        let mut pem = String::new();
        for certificate in found {
            let text = base64::prelude::BASE64_STANDARD.encode(&certificate);
            if store.add(certificate).is_ok() {
                pem.push_str("-----BEGIN CERTIFICATE-----\n");
                pem.push_str(&text);
                pem.push_str("\n-----END CERTIFICATE-----\n");
            }
        }
        pem
    }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // Named explicitly: a process-wide default is the host's to choose, and may be absent.
    let builder = ClientConfig::builder_with_provider(provider);
    #[expect(
        clippy::expect_used,
        reason = "the provider is a constant that supports both versions"
    )]
    builder
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
}

fn client_config(roots: RootCertStore) -> ClientConfig {
    builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("holds no PEM certificate".to_owned()),
        Err(error) => Err(format!("is not valid PEM: {error}")),
    }
}

/// The material of one `proxy_configs` entry, read from its files. Never falls back to ordinary
/// trust: whoever asked for a private authority must not get a public one.
pub(super) fn endpoint_config(proxy: &ProxyConfig) -> Result<Arc<ClientConfig>, TransportError> {
    let read = |key: &str, path: &Option<String>| {
        let path = path.as_deref().unwrap_or_default();
        std::fs::read(path).map_err(|e| material(key, path, &e.to_string()))
    };
    let load = |key: &str, path: &Option<String>| {
        let pem = read(key, path)?;
        certificates(&pem).map_err(|why| material(key, path.as_deref().unwrap_or_default(), &why))
    };
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(load("tls_ca_cert_path", &proxy.tls_ca_cert_path)?);
    if added == 0 {
        return Err(material(
            "tls_ca_cert_path",
            "",
            "holds no usable authority",
        ));
    }
    if proxy.authentication_mode != AuthenticationMode::Mtls {
        return Ok(Arc::new(client_config(roots)));
    }
    let chain = load("tls_client_cert_path", &proxy.tls_client_cert_path)?;
    let key_path = &proxy.tls_client_key_path;
    let key = PrivateKeyDer::from_pem_slice(&read("tls_client_key_path", key_path)?)
        .map_err(|e| material("tls_client_key_path", "", &format!("is not a PEM key: {e}")))?;
    let config = builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|e| material("tls_client_cert_path", "", &e.to_string()))?;
    Ok(Arc::new(config))
}

fn material(key: &str, path: &str, why: &str) -> TransportError {
    TransportError::new(
        TransportErrorKind::Tls,
        format!("proxy_configs {key} {path}: {why}"),
    )
}

/// What a [`TlsConnector`] presents and trusts.
pub(super) enum Material {
    Ordinary(Arc<Trust>),
    Endpoint {
        config: Arc<ClientConfig>,
        server_name: Option<String>,
    },
}

/// Wraps the connection in TLS when the URL says https.
///
/// The HTTP library has such a layer too; this one shares one configuration between all requests
/// (theirs rebuilds it for requests with their own time-outs) and can verify another name.
pub(super) struct TlsConnector(pub(super) Material);

impl std::fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let (config, name) = match &self.0 {
            Material::Ordinary(trust) => (trust.config(), bare),
            Material::Endpoint {
                config,
                server_name,
            } => (Arc::clone(config), server_name.as_deref().unwrap_or(bare)),
        };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::Tls("the host name cannot be verified"))?;
        let connection =
            ClientConnection::new(config, name).map_err(|e| Error::Io(std::io::Error::other(e)))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(remaining(details));
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Some(Either::B(TlsTransport {
            stream,
            buffers: LazyBuffers::new(INPUT_BUFFER_BYTES, OUTPUT_BUFFER_BYTES),
        })))
    }
}

/// The budget for connecting began before the TCP connection was made.
fn remaining(details: &ConnectionDetails) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Duration::Exact(limit), Instant::Exact(start), Instant::Exact(now)) =
        (timeout.after, details.now, (details.current_time)())
    {
        timeout.after = Duration::Exact(limit.saturating_sub(now.saturating_duration_since(start)));
    }
    timeout
}

pub(super) struct TlsTransport {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        use std::io::Write;
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        use std::io::Read;
        self.stream.sock.set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
