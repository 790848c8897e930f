//! ID lists: the manifest, ranged downloads, and how files grow.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Answer, KEY, ask, control, get, path_of, post, start};
use crate::server::Server;
use crate::server::id_lists::hash;
use crate::server::record::Endpoint;

fn manifest(server: &Server) -> Value {
    get(server, &format!("/v1/get_id_lists/{KEY}.json")).json()
}

fn put(server: &Server, lists: &Value) {
    control(server, "PUT", "/control/lists", &lists.to_string());
}

fn download(server: &Server, entry: &Value, range: &str) -> Answer {
    let path = path_of(entry["url"].as_str().unwrap());
    ask(server, "GET", path, &[("Range", range)], b"").unwrap()
}

fn lines(list: &[(char, &str)]) -> String {
    list.iter()
        .map(|(sign, id)| format!("{sign}{}\n", hash(id)))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn ids_are_hashed_as_the_service_does() {
    assert_eq!(hash("u1"), "u4IDDbwr");
    assert_eq!(hash("123"), "pmWkWSBC");
    assert_eq!(hash(""), "47DEQpj8");
}

#[test]
fn the_manifest_is_the_same_by_path_and_by_header() {
    let server = start();
    assert_eq!(manifest(&server), json!({}));
    put(&server, &json!({"beta": ["u1", 123], "a/b c": []}));
    let by_path = manifest(&server);
    let by_header = post(&server, "/v1/get_id_lists", &json!({"statsigMetadata": {}}))
        .unwrap()
        .json();
    assert_eq!(by_path, by_header);

    let beta = &by_path["beta"];
    assert_eq!(beta["name"], "beta");
    assert_eq!(beta["size"], 20);
    assert!(beta["creationTime"].as_i64().unwrap() > 1_700_000_000_000);
    assert!(!beta["fileID"].as_str().unwrap().is_empty());
    let url = beta["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/id_list_files/", server.url())));
    assert_eq!(
        get(&server, path_of(url)).text(),
        lines(&[('+', "u1"), ('+', "123")])
    );
    let awkward = download(&server, &by_path["a/b c"], "bytes=0-");
    assert_eq!((awkward.status, awkward.text().as_str()), (416, ""));
    let last = server.requests_to(Endpoint::IdListFile).pop().unwrap();
    assert!(last.path.ends_with("/a%2Fb%20c"), "{}", last.path);
}

#[test]
fn ranges_are_exact() {
    let server = start();
    control(
        &server,
        "PUT",
        "/control/list_file?name=l",
        "+aaaa\n+bbbb\n",
    );
    let entry = &manifest(&server)["l"];
    for (range, status, body, content_range) in [
        ("bytes=0-", 206, "+aaaa\n+bbbb\n", Some("bytes 0-11/12")),
        ("bytes=6-", 206, "+bbbb\n", Some("bytes 6-11/12")),
        ("bytes=11-", 206, "\n", Some("bytes 11-11/12")),
        ("bytes=0-5", 206, "+aaaa\n", Some("bytes 0-5/12")),
        ("bytes=6-100", 206, "+bbbb\n", Some("bytes 6-11/12")),
        ("bytes=12-", 416, "", Some("bytes */12")),
        ("bytes=13-", 416, "", Some("bytes */12")),
        ("bytes=5-4", 416, "", Some("bytes */12")),
        ("bytes=-5", 200, "+aaaa\n+bbbb\n", None),
        ("bytes=x-", 200, "+aaaa\n+bbbb\n", None),
        ("lines=0-", 200, "+aaaa\n+bbbb\n", None),
    ] {
        let answer = download(&server, entry, range);
        assert_eq!(answer.status, status, "{range}");
        assert_eq!(answer.text(), body, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        let length = body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
        assert!(answer.complete);
    }
    let path = path_of(entry["url"].as_str().unwrap()).to_owned();
    assert_eq!(get(&server, &path).text(), "+aaaa\n+bbbb\n");
}

#[test]
fn a_changed_list_grows_by_the_difference() {
    let server = start();
    put(&server, &json!({"l": ["a", "b"]}));
    let before = manifest(&server)["l"].clone();
    put(&server, &json!({"l": ["b", "c", "c"]}));
    let after = manifest(&server)["l"].clone();
    assert_eq!(after["fileID"], before["fileID"]);
    assert_eq!(after["creationTime"], before["creationTime"]);
    assert_eq!(after["size"], 40);
    assert_eq!(
        download(&server, &after, "bytes=20-").text(),
        lines(&[('-', "a"), ('+', "c")])
    );
    put(&server, &json!({"l": ["c", "b"]}));
    assert_eq!(manifest(&server)["l"]["size"], 40, "nothing changed");
}

#[test]
fn a_list_that_comes_back_is_another_file() {
    let server = start();
    put(&server, &json!({"l": ["a"], "other": ["a"]}));
    let before = manifest(&server);
    put(&server, &json!({"other": ["a"]}));
    assert!(manifest(&server).get("l").is_none());
    put(&server, &json!({"l": ["a"], "other": ["a"]}));
    let after = manifest(&server);
    assert_eq!(after["other"], before["other"]);
    assert_ne!(after["l"]["fileID"], before["l"]["fileID"]);
    assert!(after["l"]["creationTime"].as_i64() > before["l"]["creationTime"].as_i64());
    assert_eq!(download(&server, &before["l"], "bytes=0-").status, 404);
}

#[test]
fn lists_made_in_the_same_moment_are_different_files() {
    let server = start();
    let mut ids = BTreeSet::new();
    for _ in 0..50 {
        server.put_lists(None, &json!({})).unwrap();
        server.put_lists(None, &json!({"l": ["a"]})).unwrap();
        ids.insert(manifest(&server)["l"]["fileID"].to_string());
    }
    assert_eq!(ids.len(), 50);
}

#[test]
fn a_raw_file_without_a_last_line_end_still_grows_by_lines() {
    let server = start();
    control(&server, "PUT", "/control/list_file?name=l", "+aaaa");
    put(&server, &json!({"l": ["a"]}));
    let path = manifest(&server)["l"]["url"].as_str().unwrap().to_owned();
    let expected = format!("+aaaa\n-aaaa\n{}", lines(&[('+', "a")]));
    assert_eq!(get(&server, path_of(&path)).text(), expected);
}

#[test]
fn raw_files_and_what_the_manifest_claims_are_free() {
    let server = start();
    let path = format!("/control/list_file?key={KEY}&name=l");
    control(
        &server,
        "PUT",
        &format!("{path}&fileID=f1&creationTime=5&size=6"),
        "+a\n+b\n-a\n+c\n",
    );
    let entry = manifest(&server)["l"].clone();
    assert_eq!(entry["fileID"], "f1");
    assert_eq!(entry["creationTime"], 5);
    assert_eq!(entry["size"], 6);
    assert_eq!(download(&server, &entry, "bytes=0-").body.len(), 12);

    control(&server, "PUT", &path, "\u{fffd} broken");
    let entry = manifest(&server)["l"].clone();
    assert_eq!(entry["fileID"], "f1", "kept until changed");
    assert_eq!(entry["size"], 10, "true again");
    let other = get(&server, "/v1/get_id_lists/secret-other.json");
    assert_eq!(other.json(), json!({}), "lists of one key are its own");

    control(&server, "DELETE", &path, "");
    assert_eq!(manifest(&server), json!({}));
}

#[test]
fn malformed_lists_change_nothing() {
    let server = start();
    put(&server, &json!({"l": ["a"]}));
    for body in ["", "[]", r#"{"l": 5}"#, r#"{"l": [{}]}"#] {
        let answer = ask(&server, "PUT", "/control/lists", &[], body.as_bytes()).unwrap();
        assert_eq!(answer.status, 400, "{body}");
    }
    let answer = ask(&server, "PUT", "/control/list_file?name=l&size=x", &[], b"").unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(
        ask(&server, "PUT", "/control/list_file", &[], b"")
            .unwrap()
            .status,
        400
    );
    assert_eq!(manifest(&server)["l"]["size"], 10);
}
