//! Rules documents: formats, encodings, where they come from, how they change.

use serde_json::{Value, json};

use crate::client::{Folder, KEY, ask, control, document, get, start};
use crate::server::documents::Origin;
use crate::server::encoding::Encoding;
use crate::server::record::Endpoint;
use crate::server::{Config, Server};

fn specs(key: &str, query: &str) -> String {
    format!("/v1/download_config_specs/{key}.json{query}")
}

fn time(server: &Server, key: &str) -> Value {
    get(server, &specs(key, "")).json()["time"].clone()
}

#[test]
fn specs_are_sent_until_the_client_has_them() {
    let server = start();
    for (query, has_updates) in [
        ("", true),
        ("?sinceTime=0", true),
        ("?sinceTime=99", true),
        ("?sinceTime=100", false),
        ("?sinceTime=101", false),
        ("?supports_proto=true&sinceTime=100", false),
    ] {
        let answer = get(&server, &specs(KEY, query));
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["has_updates"], has_updates, "{query}");
        assert_eq!(answer.json().get("time").is_some(), has_updates, "{query}");
    }
    assert_eq!(get(&server, &specs(KEY, "?sinceTime=x")).status, 400);
}

#[test]
fn both_versions_of_the_path_serve_the_document_as_it_is() {
    let server = start();
    for version in ["v1", "v2"] {
        let answer = get(
            &server,
            &format!("/{version}/download_config_specs/{KEY}.json"),
        );
        assert_eq!(answer.text(), document(100));
        assert_eq!(answer.header("x-since-time"), Some("100"));
    }
}

#[test]
fn specs_come_in_the_encoding_the_client_accepts() {
    let server = start();
    for (accept, encoding) in [
        ("gzip, deflate, br", Encoding::Br),
        ("gzip", Encoding::Gzip),
        ("deflate", Encoding::Deflate),
        ("identity", Encoding::Identity),
    ] {
        let headers = [("Accept-Encoding", accept)];
        for query in ["", "?sinceTime=100"] {
            let answer = ask(&server, "GET", &specs(KEY, query), &headers, b"").unwrap();
            assert_eq!(answer.header("content-encoding"), encoding.name());
            let plain = encoding.decode(&answer.body, 10_000).unwrap();
            let json: Value = serde_json::from_slice(&plain).unwrap();
            assert_eq!(json["has_updates"], query.is_empty(), "{accept}");
        }
    }
}

#[test]
fn put_rules_are_served_byte_for_byte() {
    let server = start();
    control(&server, "PUT", "/control/rules", &document(200));
    control(&server, "PUT", "/control/rules?key=secret-own", "{ broken");
    assert_eq!(time(&server, KEY), 200);
    assert_eq!(get(&server, &specs("secret-own", "")).text(), "{ broken");
    control(&server, "POST", "/control/reset?what=documents", "");
    assert_eq!(time(&server, KEY), 100);
    assert_eq!(time(&server, "secret-own"), 100);
}

#[test]
fn without_rules_every_key_is_unknown() {
    let server = Server::start(Config::default()).unwrap();
    assert_eq!(get(&server, &specs(KEY, "")).status, 401);
    server.put_rules(Some(KEY), document(5));
    assert_eq!(time(&server, KEY), 5);
    assert_eq!(get(&server, &specs("secret-other", "")).status, 401);
}

#[test]
fn an_edited_file_is_sent_to_clients_that_have_the_last_one() {
    let folder = Folder::new();
    let path = folder.write("rules.json", &document(100));
    let server = Server::start(Config {
        rules: Origin::File(path),
        ..Config::default()
    })
    .unwrap();
    assert_eq!(time(&server, KEY), 100);

    let forgotten = document(100).replace("[]", "[ ]");
    folder.write("rules.json", &forgotten);
    let answer = get(&server, &specs(KEY, "?sinceTime=100"));
    assert_eq!(answer.json()["time"], 101, "raised, as the editor did not");
    let answer = get(&server, &specs(KEY, "?sinceTime=101"));
    assert_eq!(answer.json()["has_updates"], false);

    folder.write("rules.json", &document(300));
    assert_eq!(time(&server, KEY), 300);
}

#[test]
fn a_half_saved_file_does_not_replace_the_last_good_one() {
    let folder = Folder::new();
    let path = folder.write("rules.json", "{");
    let server = Server::start(Config {
        rules: Origin::File(path),
        ..Config::default()
    })
    .unwrap();
    let answer = get(&server, &specs(KEY, ""));
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("not JSON"), "{}", answer.text());

    folder.write("rules.json", &document(7));
    assert_eq!(time(&server, KEY), 7);
    folder.write("rules.json", &document(9)[..20]);
    assert_eq!(time(&server, KEY), 7);
    std::fs::remove_file(folder.0.join("rules.json")).unwrap();
    assert_eq!(time(&server, KEY), 7);
}

#[test]
fn a_folder_holds_a_project_per_key() {
    let folder = Folder::new();
    folder.write("one.json", &document(1));
    folder.write("two.json", &document(2));
    folder.write("two.id_lists.json", &json!({"beta": ["u1"]}).to_string());
    folder.write("outside.json", &document(3));
    let inner = folder.0.join("inner");
    std::fs::create_dir(&inner).unwrap();
    let start = |path| {
        Server::start(Config {
            rules: Origin::Folder(path),
            lists: Origin::Folder(folder.0.clone()),
            ..Config::default()
        })
        .unwrap()
    };
    let server = start(folder.0.clone());
    assert_eq!(time(&server, "secret-one"), 1);
    assert_eq!(time(&server, "secret-two"), 2);
    for (key, lists) in [("secret-one", 0), ("secret-two", 1)] {
        let manifest = get(&server, &format!("/v1/get_id_lists/{key}.json")).json();
        assert_eq!(manifest.as_object().unwrap().len(), lists, "{key}");
    }
    for unknown in ["secret-three", "one", "secret-", "client-one"] {
        assert_eq!(get(&server, &specs(unknown, "")).status, 401, "{unknown}");
    }

    let server = start(inner);
    for escape in ["secret-..%2Foutside", "secret-%2E%2E%2Foutside"] {
        assert_eq!(get(&server, &specs(escape, "")).status, 401, "{escape}");
    }
    let events = [("STATSIG-API-KEY", "secret-unknown")];
    let answer = ask(
        &server,
        "POST",
        "/v1/log_event",
        &events,
        br#"{"events":[]}"#,
    )
    .unwrap();
    assert_eq!(answer.status, 401);
}

#[test]
fn other_paths_and_methods_are_refused_and_recorded() {
    let server = start();
    for (method, path, status, endpoint) in [
        ("GET", "/", 404, Endpoint::Unknown),
        ("GET", "//v1/log_event", 404, Endpoint::Unknown),
        (
            "GET",
            "/v3/download_config_specs/k.json",
            404,
            Endpoint::Unknown,
        ),
        ("GET", "/v1/log_event", 405, Endpoint::LogEvent),
        ("DELETE", "/v1/get_id_lists", 405, Endpoint::IdLists),
        (
            "POST",
            "/v1/download_config_specs/k.json",
            405,
            Endpoint::Specs,
        ),
        ("GET", "/v1/get_id_lists", 401, Endpoint::IdLists),
    ] {
        let answer = ask(&server, method, path, &[], b"").unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
        let record = server.requests().pop().unwrap();
        assert_eq!((record.path.as_str(), record.endpoint), (path, endpoint));
        assert_eq!(record.answered.get(), Some(&status));
    }
    assert_eq!(get(&server, "/control/nothing").status, 404);
}
