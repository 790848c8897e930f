//! https: whom the client trusts, and what it presents.

use std::sync::Arc;

use tidegate::net::{Http, TransportErrorKind};
use tidegate::options::Settings;

use crate::net_http::{fetch, http, kind};
use crate::net_proxy::tunnel;
use crate::support::scripted::{Reply, Server};

struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("params");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = rcgen::Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Certificate and key for a name.
    fn issue(&self, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("params");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }

    fn server(&self, name: &str, clients: Option<&Authority>) -> Arc<rustls::ServerConfig> {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                let der = CertificateDer::from_pem_slice(authority.pem.as_bytes());
                roots.add(der.expect("PEM")).expect("a root");
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                    Arc::new(roots),
                    provider,
                );
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("key");
        let config = builder.with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a configuration"))
    }
}

fn file(name: &str, text: &str) -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("net-{}-{number}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn a_private_authority_is_trusted_only_when_given() {
    let authority = Authority::new();
    let server = Server::start_with(Some(authority.server("127.0.0.1", None)), |_| {
        Reply::json("safe")
    });
    let error = fetch(&http(""), &server.url("/")).expect_err("not trusted");
    assert_eq!(error.kind, TransportErrorKind::Tls, "{error}");

    let options = serde_json::json!({"ca_pem": authority.pem}).to_string();
    let client = http(&options);
    for _ in 0..2 {
        assert_eq!(
            fetch(&client, &server.url("/")).expect("trusted").body,
            b"safe"
        );
    }
    let wrong_name = Server::start_with(Some(authority.server("other.example", None)), |_| {
        Reply::json("")
    });
    assert_eq!(
        kind(fetch(&client, &wrong_name.url("/"))),
        TransportErrorKind::Tls
    );
}

#[test]
fn an_authority_that_is_not_pem_is_refused_at_once() {
    let (settings, _) = Settings::from_json(r#"{"ca_pem": "no certificate"}"#).expect("JSON");
    let error = Http::new(&settings).expect_err("refused").to_string();
    assert!(error.contains("ca_pem"), "{error}");
}

#[test]
fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let server = Server::start_with(Some(authority.server("target.example", None)), |_| {
        Reply::json("tunneled")
    });
    let (proxy, asked) = tunnel(server.address(), false);
    let options = serde_json::json!({
        "ca_pem": authority.pem, "network_proxy": format!("http://{proxy}"),
    });
    let answer = fetch(&http(&options.to_string()), "https://target.example/").expect("an answer");
    assert_eq!(answer.body, b"tunneled");
    let head = String::from_utf8(asked.lock().clone()).expect("text");
    assert!(
        head.starts_with("CONNECT target.example:443 HTTP/1.1"),
        "{head}"
    );
    assert!(
        !head.contains("secret-"),
        "the proxy never sees our headers"
    );
}

fn proxied(server: &Server, fields: &serde_json::Value) -> Http {
    let mut entry = serde_json::json!({
        "protocol": "http", "proxy_address": server.url(""),
    });
    entry
        .as_object_mut()
        .expect("object")
        .extend(fields.as_object().expect("object").clone());
    let options = serde_json::json!({"proxy_configs": {"download_config_specs": entry}});
    http(&options.to_string())
}

#[test]
fn an_endpoint_with_its_own_authority_trusts_that_alone() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let server = Server::start_with(Some(right.server("127.0.0.1", None)), |_| Reply::json("x"));
    for (authority, is_trusted) in [(&right, true), (&wrong, false)] {
        let ca = file("ca.pem", &authority.pem);
        let client = proxied(
            &server,
            &serde_json::json!({
                "authentication_mode": "tls", "tls_ca_cert_path": ca,
            }),
        );
        let outcome = fetch(&client, &server.url("/"));
        assert_eq!(outcome.is_ok(), is_trusted, "{outcome:?}");
    }
}

#[test]
fn unreadable_material_fails_the_request_until_it_can_be_read() {
    let authority = Authority::new();
    let server = Server::start_with(Some(authority.server("127.0.0.1", None)), |_| {
        Reply::json("x")
    });
    let ca = file("later.pem", "");
    let client = proxied(
        &server,
        &serde_json::json!({
            "authentication_mode": "tls", "tls_ca_cert_path": ca,
        }),
    );
    let error = fetch(&client, &server.url("/")).expect_err("no material");
    assert_eq!(error.kind, TransportErrorKind::Tls);
    assert!(error.detail.contains("tls_ca_cert_path"), "{error}");
    assert!(server.requests().is_empty());
    std::fs::write(&ca, &authority.pem).expect("written");
    fetch(&client, &server.url("/")).expect("trusted now");
}

#[test]
fn a_client_certificate_is_presented_and_the_name_can_differ() {
    let authority = Authority::new();
    let config = authority.server("proxy.internal", Some(&authority));
    let server = Server::start_with(Some(config), |_| Reply::json("mutual"));
    let (certificate, key) = authority.issue("client");
    let ca = file("ca.pem", &authority.pem);
    let client = proxied(
        &server,
        &serde_json::json!({
            "authentication_mode": "mtls", "tls_ca_cert_path": ca,
            "tls_client_cert_path": file("client.pem", &certificate.pem()),
            "tls_client_key_path": file("client.key", &key.serialize_pem()),
            "tls_server_name": "proxy.internal",
        }),
    );
    assert_eq!(
        fetch(&client, &server.url("/")).expect("an answer").body,
        b"mutual"
    );

    let anonymous = proxied(
        &server,
        &serde_json::json!({
            "authentication_mode": "tls", "tls_ca_cert_path": ca, "tls_server_name": "proxy.internal",
        }),
    );
    assert!(fetch(&anonymous, &server.url("/")).is_err());
}

#[test]
fn material_that_makes_no_sense_is_refused_at_once() {
    for (fields, key) in [
        (
            r#""proxy_address": "http://h", "authentication_mode": "tls", "tls_ca_cert_path": "x""#,
            "proxy_address",
        ),
        (r#""proxy_address": "h:8000""#, "proxy_address"),
        (
            r#""proxy_address": "https://h", "authentication_mode": "tls""#,
            "tls_ca_cert_path",
        ),
        (
            r#""proxy_address": "https://h", "authentication_mode": "mtls", "tls_ca_cert_path": "x""#,
            "tls_client_cert_path",
        ),
    ] {
        let options =
            format!(r#"{{"proxy_configs": {{"all": {{"protocol": "http", {fields}}}}}}}"#);
        let (settings, _) = Settings::from_json(&options).expect("JSON");
        let error = Http::new(&settings).expect_err(fields).to_string();
        assert!(
            error.contains(&format!("proxy_configs.all.{key}")),
            "{error}"
        );
    }
}
