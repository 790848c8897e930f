//! Certificates for the forward proxy, in files, as operators have them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

/// What the server process listens with; `None` without TLS.
pub fn server_config(files: &Value) -> Option<Arc<rustls::ServerConfig>> {
    let path = |key: &str| files[key].as_str();
    let chain = chain(path("certificate")?);
    let key = PrivateKeyDer::from_pem_file(path("key").expect("a key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match path("client_authority") {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add_parsable_certificates(self::chain(authority));
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let mut config = builder.with_single_cert(chain, key).expect("a server");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Some(Arc::new(config))
}

fn chain(path: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path)
        .expect("a file")
        .collect::<Result<_, _>>()
        .expect("certificates")
}

/// A folder that goes when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("tidegate-grpc-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path_text(&path)
    }

    pub fn path(&self) -> String {
        path_text(&self.0)
    }

    pub fn missing(&self) -> String {
        path_text(&self.0.join("missing.pem"))
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An authority that issues certificates, itself signed by nobody or by another one.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn root() -> Authority {
        let (params, key) = authority();
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = rcgen::Issuer::new(params, key);
        Authority { issuer, pem }
    }

    pub fn intermediate(&self) -> Authority {
        let (params, key) = authority();
        let signed = params.signed_by(&key, &self.issuer);
        let pem = signed.expect("a certificate").pem();
        let issuer = rcgen::Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Certificate and key for a name, as PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("params");
        let key = rcgen::KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer);
        (signed.expect("a certificate").pem(), key.serialize_pem())
    }
}

fn authority() -> (rcgen::CertificateParams, rcgen::KeyPair) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    // Chains are found by name.
    let name = format!("authority {}", COUNT.fetch_add(1, Ordering::SeqCst));
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    (params, rcgen::KeyPair::generate().expect("a key"))
}
