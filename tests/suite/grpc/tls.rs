//! TLS to the forward proxy (T100).

use serde_json::{Value, json};

use super::{beside, listening, proxied, stream_stats, wait_for_lcut};
use crate::support::forward_proxy::tls::{Authority, Folder};
use crate::support::forward_proxy::{ForwardProxy, accept, message};
use crate::support::scripted::{Server, wait_until};
use crate::support::service::{SPECS, lcut, source};

/// A proxy whose certificate `authority` has issued for 127.0.0.1.
fn secured(folder: &Folder, authority: &Authority, clients: Option<&Authority>) -> ForwardProxy {
    let (certificate, key) = authority.issue("127.0.0.1");
    let mut tls = json!({
        "certificate": folder.file("server.pem", &certificate),
        "key": folder.file("server.key", &key),
    });
    if let Some(clients) = clients {
        tls["client_authority"] = json!(folder.file("clients.pem", &clients.pem));
    }
    let mut proxy = ForwardProxy::start_with(&json!({"port": 0, "tls": tls}));
    proxy.script(&[message(100)], &[accept(&[message(110)])]);
    proxy
}

/// The proxy is used: the call and the stream work.
fn works(proxy: &ForwardProxy, entry: Value) {
    let m = beside();
    let streams = proxy.events("stream").len();
    let (client, _) = listening(&proxied(proxy, &m, entry, json!({})));
    wait_for_lcut(&client, 110);
    proxy.wait_for("stream", streams + 1);
    assert_eq!(source(&client), "Network");
    assert!(m.requests_to(SPECS).is_empty());
}

/// The proxy is never asked, and the service takes over. Returns what the stream's error was.
fn fails_over(proxy: &ForwardProxy, entry: Value, m: &Server) -> String {
    let mut fields = json!({"max_retry_attempt": 2, "push_worker_failover_threshold": 0});
    crate::support::service::merge(&mut fields, entry);
    let calls = || proxy.events("unary").len() + proxy.events("stream").len();
    let before = calls();
    let (client, heard) = listening(&proxied(proxy, m, fields, json!({})));
    assert_eq!(lcut(&client), 0);
    wait_for_lcut(&client, 500);
    wait_until("an error", || {
        stream_stats(&client)["last_error"].is_string()
    });
    assert!(
        heard
            .tags()
            .contains(&"grpcWebSocket:initialize".to_owned())
    );
    assert_eq!(calls(), before);
    let error = &stream_stats(&client)["last_error"];
    error.as_str().expect("an error").to_owned()
}

#[test]
fn t100_only_the_named_authority_is_trusted() {
    let (folder, right, wrong) = (Folder::new(), Authority::root(), Authority::root());
    let proxy = secured(&folder, &right, None);
    let tls = |authority: &Authority| {
        json!({"authentication_mode": "tls",
               "tls_ca_cert_path": folder.file("ca.pem", &authority.pem)})
    };
    works(&proxy, tls(&right));
    let error = fails_over(&proxy, tls(&wrong), &beside());
    assert!(error.starts_with("TlsError"), "{error}");
}

#[test]
fn t100_the_whole_chain_is_presented() {
    let (folder, root) = (Folder::new(), Authority::root());
    let intermediate = root.intermediate();
    let proxy = secured(&folder, &root, Some(&root));
    let (leaf, key) = intermediate.issue("client");
    let mtls = |chain: &str| {
        json!({"authentication_mode": "mtls",
               "tls_ca_cert_path": folder.file("ca.pem", &root.pem),
               "tls_client_cert_path": folder.file("client.pem", chain),
               "tls_client_key_path": folder.file("client.key", &key)})
    };
    works(&proxy, mtls(&format!("{leaf}{}", intermediate.pem)));
    fails_over(&proxy, mtls(&leaf), &beside());
    proxy.wait_for("no_handshake", 1);
}

#[test]
fn a_proxy_that_wants_a_certificate_refuses_clients_without() {
    let (folder, root) = (Folder::new(), Authority::root());
    let proxy = secured(&folder, &root, Some(&root));
    let tls = json!({"authentication_mode": "tls",
                     "tls_ca_cert_path": folder.file("ca.pem", &root.pem)});
    fails_over(&proxy, tls, &beside());
    // Nor is there a way around TLS.
    fails_over(&proxy, json!({}), &beside());
}

#[test]
fn t100_material_that_cannot_be_read_is_no_reason_to_go_without() {
    let (folder, root) = (Folder::new(), Authority::root());
    let m = beside();
    // Speaks no TLS: going without it would work.
    let mut plain = ForwardProxy::start();
    plain.script(&[message(100)], &[accept(&[message(110)])]);
    let ca = folder.file("ca.pem", &root.pem);
    let garbage = folder.file("garbage.pem", "no certificate");
    for (fields, key) in [
        (
            json!({"authentication_mode": "tls", "tls_ca_cert_path": folder.missing()}),
            "tls_ca_cert_path",
        ),
        (
            json!({"authentication_mode": "tls", "tls_ca_cert_path": garbage}),
            "tls_ca_cert_path",
        ),
        (
            json!({"authentication_mode": "mtls", "tls_ca_cert_path": ca,
                   "tls_client_cert_path": folder.missing(),
                   "tls_client_key_path": folder.missing()}),
            "tls_client_cert_path",
        ),
    ] {
        let error = fails_over(&plain, fields, &m);
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn material_that_appears_later_is_used() {
    let (folder, root) = (Folder::new(), Authority::root());
    let (proxy, m) = (secured(&folder, &root, None), beside());
    let entry = json!({"authentication_mode": "tls", "tls_ca_cert_path": folder.missing(),
                       "max_retry_attempt": 1000, "retry_backoff_max_ms": 50});
    let (client, _) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_until("a failure", || stream_stats(&client)["failures"] != 0);
    folder.file("missing.pem", &root.pem);
    wait_for_lcut(&client, 110);
}

#[test]
fn another_name_can_be_verified() {
    let (folder, root) = (Folder::new(), Authority::root());
    let (certificate, key) = root.issue("proxy.internal");
    let tls = json!({"certificate": folder.file("server.pem", &certificate),
                     "key": folder.file("server.key", &key)});
    let mut proxy = ForwardProxy::start_with(&json!({"port": 0, "tls": tls}));
    proxy.script(&[message(100)], &[accept(&[message(110)])]);
    let ca = folder.file("ca.pem", &root.pem);
    let entry = json!({"authentication_mode": "tls", "tls_ca_cert_path": ca});
    fails_over(&proxy, entry.clone(), &beside());
    let mut named = entry;
    named["tls_server_name"] = json!("proxy.internal");
    works(&proxy, named);
}

#[test]
fn an_https_address_without_a_mode_has_the_trust_of_every_other_connection() {
    let (folder, root) = (Folder::new(), Authority::root());
    let (proxy, m) = (secured(&folder, &root, None), beside());
    let entry = json!({"proxy_address": format!("https://{}", proxy.address())});
    let more = json!({"ca_pem": root.pem});
    let (client, _) = listening(&proxied(&proxy, &m, entry.clone(), more));
    wait_for_lcut(&client, 110);
    proxy.wait_for("stream", 1);
    fails_over(&proxy, entry, &m);
}
