//! Id lists (T49 to T71).

use serde_json::{Value, json};
use tidegate::host::Hooks;

use crate::support::lists::{FILE, Lists, key, letters};
use crate::support::scripted::{Framing, Reply, wait_until};
use crate::support::service::{FILES, LISTS, Steps, details, merge, options, service, started};

/// Steps whose every round of id lists is one minute.
fn steps(lists: &Lists, more: Value) -> Steps {
    Steps::new(options(&lists.server, more))
}

fn round(steps: &Steps) {
    steps.step(60_000);
}

fn ids(steps: &Steps, list: &str) -> Option<String> {
    letters(&steps.client, list)
}

#[test]
fn t49_a_list_is_fetched_once() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    assert_eq!(details(&steps.client)["id_list_count"], 1);
    round(&steps);
    let asked = lists.downloads();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("range"), Some("bytes=0-"));
    assert_eq!(asked[0].header("statsig-id-list-file-size"), Some("12"));
    assert_eq!(asked[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn t50_a_list_that_has_grown_is_continued() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l").as_deref(), Some("ab"));
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=6-"]);
}

#[test]
fn t51_more_than_announced_is_taken_and_remembered() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    lists.announce(&[("l", 12, "f1", 1)]);
    round(&steps);
    assert_eq!(lists.downloads().len(), 1);
}

#[test]
fn t52_a_rewritten_list_replaces_the_old_one_when_it_is_here() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    lists.file("l", "+z\n");
    lists.announce(&[("l", 3, "f2", 2)]);
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("z"));
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=0-"]);
}

#[test]
fn t53_a_rewritten_list_that_cannot_be_fetched_keeps_its_ids() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    lists.announce(&[("l", 3, "f2", 2)]);
    lists.instead("l", Some(Reply::status(500)));
    round(&steps);
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    assert_eq!(lists.ranges(), ["bytes=0-"; 3]);
    lists.instead("l", None);
    lists.file("l", "+z\n");
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("z"));
}

#[test]
fn t54_an_older_file_is_ignored() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 5)]);
    let steps = steps(&lists, json!({}));
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f2", 4)]);
    round(&steps);
    assert_eq!(lists.downloads().len(), 1);
    assert_eq!(ids(&steps, "l").as_deref(), Some("ab"));
}

#[test]
fn t55_a_newer_time_of_the_same_file_is_no_rewrite() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 5)]);
    let steps = steps(&lists, json!({}));
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 9)]);
    round(&steps);
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=6-"]);
    lists.file("l", "+z\n");
    lists.announce(&[("l", 3, "f2", 7)]);
    round(&steps);
    assert_eq!(
        ids(&steps, "l").as_deref(),
        Some("z"),
        "the first time counts"
    );
}

#[test]
fn t56_a_list_that_is_gone_is_dropped() {
    let lists = Lists::new();
    lists.file("k", "+k\n");
    lists.file("l", FILE);
    lists.announce(&[("k", 3, "f0", 1), ("l", 12, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    assert_eq!(
        (ids(&steps, "k").as_deref(), ids(&steps, "l").as_deref()),
        (Some("k"), Some("bc"))
    );
    lists.announce(&[("l", 12, "f1", 1)]);
    round(&steps);
    assert_eq!(
        (ids(&steps, "k"), ids(&steps, "l").as_deref()),
        (None, Some("bc"))
    );
    lists.announce(&[("k", 3, "f0", 1), ("l", 12, "f1", 1)]);
    round(&steps);
    assert_eq!(
        ids(&steps, "k").as_deref(),
        Some("k"),
        "it starts over when it comes back"
    );
    assert_eq!(lists.downloads().len(), 3);
}

#[test]
fn t57_an_empty_list_of_lists_drops_all() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    lists.answer(Reply::json("{}"));
    round(&steps);
    assert_eq!(ids(&steps, "l"), None);
}

/// For `[]` the legacy SDK drops all lists.
#[test]
fn t58_a_failing_list_of_lists_changes_nothing() {
    for reply in [
        Reply::status(500),
        Reply::json("{\"l\": "),
        Reply::status(204),
        Reply::json("[]"),
        Reply::json("null"),
        Reply::no_answer(),
    ] {
        let lists = Lists::new();
        lists.file("l", FILE);
        lists.announce(&[("l", 12, "f1", 1)]);
        let steps = steps(&lists, json!({}));
        lists.answer(reply.clone());
        round(&steps);
        assert_eq!(lists.server.requests_to(LISTS).len(), 2);
        assert_eq!(ids(&steps, "l").as_deref(), Some("bc"), "{reply:?}");
    }
}

#[test]
fn t59_the_fallback_is_asked_for_the_list_of_lists_too() {
    let lists = Lists::new();
    lists.answer(Reply::status(500));
    let c = service().start();
    let more = json!({"fallback_to_statsig_api": true, "api_for_statsig_network": c.url("/v1")});
    let steps = steps(&lists, more);
    let found = details(&steps.client);
    assert_eq!(found["fallback_id_lists_used"], true);
    assert_eq!(found["init_source_api_id_lists"], json!(c.url("/v1/")));
    let first = &lists.server.requests_to(LISTS)[0];
    assert_eq!(
        (first.method.as_str(), first.target.as_str()),
        ("POST", "/v1/get_id_lists")
    );
    let second = &c.requests_to(LISTS)[0];
    assert_eq!(
        (second.method.as_str(), second.target.as_str()),
        ("GET", "/v1/get_id_lists/secret-key.json")
    );
    round(&steps);
    assert_eq!(c.requests_to(LISTS).len(), 2, "in every round");
}

#[test]
fn t60_a_file_that_is_none_is_reported_once_and_tried_again() {
    let lists = Lists::new();
    lists.file("l", "abc");
    lists.announce(&[("l", 3, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    round(&steps);
    round(&steps);
    assert_eq!(ids(&steps, "l"), None);
    assert_eq!(lists.ranges(), ["bytes=0-"; 3]);
    assert_eq!(steps.heard.tags(), ["_download_single_id_list"]);
}

/// The legacy SDK asks for the same range for ever.
#[test]
fn t61_t62_an_increment_that_does_not_fit_starts_over() {
    for reply in [Reply::new(206, "abc"), Reply::status(416)] {
        let lists = Lists::new();
        lists.file("l", &FILE[..6]);
        lists.announce(&[("l", 6, "f1", 1)]);
        let steps = steps(&lists, json!({}));
        lists.announce(&[("l", 12, "f1", 1)]);
        lists.instead("l", Some(reply.clone()));
        round(&steps);
        assert_eq!(ids(&steps, "l").as_deref(), Some("ab"), "{reply:?}");
        lists.instead("l", None);
        lists.file("l", "+x\n+y\n-x\n+q\n");
        round(&steps);
        assert_eq!(ids(&steps, "l").as_deref(), Some("qy"), "{reply:?}");
        assert_eq!(
            lists.ranges(),
            ["bytes=0-", "bytes=6-", "bytes=0-"],
            "{reply:?}"
        );
        round(&steps);
        assert_eq!(lists.downloads().len(), 3);
    }
}

#[test]
fn a_part_from_elsewhere_is_not_added() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    lists.announce(&[("l", 12, "f1", 1)]);
    let elsewhere = Reply::new(206, "+z\n").header("Content-Range", "bytes 9-11/12");
    lists.instead("l", Some(elsewhere));
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("ab"));
}

/// The legacy SDK adds the whole file to what it has and counts 18 bytes.
#[test]
fn t63_a_whole_file_instead_of_a_part_replaces_the_list() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists, json!({}));
    lists.announce(&[("l", 12, "f1", 1)]);
    lists.instead("l", Some(Reply::new(200, FILE)));
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    lists.instead("l", None);
    lists.file("l", &format!("{FILE}+d\n"));
    lists.announce(&[("l", 15, "f1", 1)]);
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bcd"));
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=6-", "bytes=12-"]);
}

/// An error to the legacy SDK.
#[test]
fn t64_a_file_of_unannounced_length_is_taken() {
    for framing in [Framing::Chunked, Framing::Close] {
        let lists = Lists::new();
        lists.announce(&[("l", 12, "f1", 1)]);
        lists.instead("l", Some(Reply::new(206, FILE).framing(framing)));
        let steps = steps(&lists, json!({}));
        assert_eq!(ids(&steps, "l").as_deref(), Some("bc"), "{framing:?}");
        round(&steps);
        assert_eq!(lists.downloads().len(), 1, "{framing:?}");
    }
}

#[test]
fn t65_a_file_that_breaks_off_is_not_used() {
    let lists = Lists::new();
    lists.announce(&[("l", 12, "f1", 1)]);
    lists.instead("l", Some(Reply::new(206, FILE).framing(Framing::CutAt(6))));
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l"), None);
    lists.instead("l", None);
    lists.file("l", FILE);
    round(&steps);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=0-"]);
}

#[test]
fn t66_lines_of_all_kinds() {
    let lists = Lists::new();
    let text = "+a\r\n+b\r+ c \n\n+\n*z\n-b\n";
    lists.file("l", text);
    lists.announce(&[("l", text.len() as u64, "f1", 1)]);
    assert_eq!(ids(&steps(&lists, json!({})), "l").as_deref(), Some("ac"));
}

/// An entry that is no object ends the round of the legacy SDK.
#[test]
fn t67_entries_that_lead_nowhere_are_skipped() {
    let lists = Lists::new();
    lists.file("l", FILE);
    let url = lists.server.url(&format!("{FILES}l"));
    let manifest = json!({
        "no_url": {"size": 12, "fileID": "f"},
        "no_file_id": {"size": 12, "url": url},
        "empty_url": {"size": 12, "fileID": "f", "url": ""},
        "odd_url": {"size": 12, "fileID": "f", "url": "not a url"},
        "no_object": 5,
        "nothing": null,
        "l": {"size": 12, "fileID": "f1", "creationTime": 1, "url": url},
    });
    lists.answer(Reply::json(manifest.to_string()));
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    assert_eq!(lists.downloads().len(), 1);
    assert_eq!(details(&steps.client)["id_list_count"], 1);
}

/// The legacy SDK downloads one after the other, whatever the limit.
#[test]
fn t68_downloads_run_side_by_side_within_the_limit() {
    let lists = Lists::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    let entries: Vec<_> = names.iter().map(|name| (*name, 3, "f1", 1)).collect();
    lists.announce(&entries);
    for name in names {
        lists.instead(name, Some(Reply::new(206, format!("+{name}\n")).delay(100)));
    }
    let more = json!({
        "idlists_thread_limit": 2, "idlists_sync_interval": 3600, "rulesets_sync_interval": 3600,
        "disable_all_logging": true,
    });
    let client = started(&options(&lists.server, more), Hooks::default());
    for name in names {
        assert_eq!(letters(&client, name).as_deref(), Some(name));
    }
    assert_eq!(lists.server.most_running(), 2);
}

#[test]
fn t69_one_failing_file_is_no_other_lists_trouble() {
    for threads in ["own", "none"] {
        let lists = Lists::new();
        for name in ["a", "b", "c", "d"] {
            lists.file(name, &format!("+{name}\n"));
        }
        lists.announce(&[("d", 3, "f1", 1)]);
        let mut all = options(&lists.server, json!({"threads": threads}));
        merge(
            &mut all,
            json!({"rulesets_sync_interval": 3600, "idlists_sync_interval": 3600}),
        );
        let client = started(&all, Hooks::default());
        assert_eq!(letters(&client, "d").as_deref(), Some("d"));
        lists.instead("b", Some(Reply::status(503)));
        lists.announce(&[("a", 3, "f1", 1), ("b", 3, "f1", 1), ("c", 3, "f1", 1)]);
        client.sync_now(30_000).expect("refreshed");
        let found: Vec<_> = ["a", "b", "c", "d"]
            .map(|name| letters(&client, name))
            .into();
        let expected = [Some("a"), None, Some("c"), None].map(|ids| ids.map(str::to_owned));
        assert_eq!(found, expected, "{threads}");
    }
}

#[test]
fn t70_files_can_be_fetched_from_a_proxy() {
    let lists = Lists::new();
    let p = service().files(|_, _| Reply::new(206, FILE)).start();
    let url = "https://h/v1/download_id_list_file/a%2Fb?sig=x%3D";
    let manifest = json!({"l": {"size": 12, "fileID": "f1", "creationTime": 1, "url": url}});
    lists.answer(Reply::json(manifest.to_string()));
    let more = json!({"proxy_configs": {
        "download_id_list_file": {"protocol": "http", "proxy_address": p.url("/ignored")},
    }});
    let steps = steps(&lists, more);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    let asked = &p.requests()[0];
    assert_eq!(asked.target, "/v1/download_id_list_file/a%2Fb?sig=x%3D");
    assert_eq!(asked.header("statsig-api-key"), Some("secret-key"));
}

/// The legacy SDK sends the key wherever the list of lists points.
#[test]
fn t71_the_key_is_not_sent_to_other_hosts() {
    let lists = Lists::new();
    lists.file("near", "+n\n");
    let other = service().files(|_, _| Reply::new(206, FILE)).start();
    let manifest = json!({
        "far": {"size": 12, "fileID": "f1", "url": other.url("/file/far")},
        "near": {"size": 3, "fileID": "f1", "url": lists.server.url("/file/near")},
    });
    lists.answer(Reply::json(manifest.to_string()));
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "far").as_deref(), Some("bc"));
    let far = &other.requests()[0];
    assert!(!format!("{far:?}").contains("secret-key"), "{far:?}");
    assert_eq!(
        lists.downloads()[0].header("statsig-api-key"),
        Some("secret-key")
    );
}

#[test]
fn a_compressed_file_counts_as_what_it_expands_to() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(FILE.as_bytes()).expect("written");
    let packed = encoder.finish().expect("finished");
    let lists = Lists::new();
    lists.announce(&[("l", 12, "f1", 1)]);
    lists.instead(
        "l",
        Some(Reply::new(206, packed).header("Content-Encoding", "gzip")),
    );
    let steps = steps(&lists, json!({}));
    assert_eq!(ids(&steps, "l").as_deref(), Some("bc"));
    lists.instead("l", None);
    lists.file("l", &format!("{FILE}+d\n"));
    lists.announce(&[("l", 15, "f1", 1)]);
    round(&steps);
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=12-"]);
    assert_eq!(ids(&steps, "l").as_deref(), Some("bcd"));
}

#[test]
fn readers_never_see_a_list_half_updated() {
    let lists = Lists::new();
    lists.file("l", "+a\n+b\n");
    lists.announce(&[("l", 6, "f1", 1)]);
    let client = started(&options(&lists.server, json!({})), Hooks::default());
    // Each increment moves both ids at once: the list always has two.
    let mut text = "+a\n+b\n".to_owned();
    for pair in [("ab", "cd"), ("cd", "ef"), ("ef", "gh"), ("gh", "ij")] {
        for id in pair.0.chars() {
            text.extend(["-", &id.to_string(), "\n"]);
        }
        for id in pair.1.chars() {
            text.extend(["+", &id.to_string(), "\n"]);
        }
        lists.file("l", &text);
        lists.announce(&[("l", text.len() as u64, "f1", 1)]);
        wait_until("the increment is in use", || {
            let found = letters(&client, "l").expect("the list");
            assert_eq!(found.len(), 2, "{found}");
            found == pair.1
        });
    }
}

/// Lines are cut anywhere by what a connection delivers at a time.
#[test]
fn a_large_file_is_taken_in_as_it_arrives() {
    const IDS: usize = 300_000;
    let text: String = (0..IDS).map(|n| format!("+{n:08}\n")).collect();
    for framing in [Framing::Length, Framing::Close] {
        let lists = Lists::new();
        lists.announce(&[("l", text.len() as u64, "f1", 1)]);
        lists.instead("l", Some(Reply::new(206, text.clone()).framing(framing)));
        let steps = steps(&lists, json!({}));
        let snapshot = steps.client.context().store.load_full();
        let list = snapshot.id_lists.get("l").expect("the list");
        assert_eq!(list.len(), IDS);
        assert!(
            (0..IDS)
                .step_by(997)
                .all(|n| list.contains(key(&format!("{n:08}"))))
        );
        assert!(list.bytes() <= IDS * 10 + 1024, "{} bytes", list.bytes());
        let stats: serde_json::Value = serde_json::from_str(&steps.client.stats()).expect("JSON");
        assert_eq!(stats["sync"]["id_lists"]["ids"], IDS);
    }
}

/// A file that breaks off late has changed nothing, and neither has one of another kind.
#[test]
fn what_has_arrived_of_a_failed_download_is_void() {
    let text: String = (0..100_000).map(|n| format!("+{n:08}\n")).collect();
    let cut = Framing::CutAt(text.len() - 1);
    for reply in [
        Reply::new(206, text.clone()).framing(cut),
        Reply::new(206, text.clone()).header("Content-Range", "bytes 9-11/12"),
        Reply::new(206, format!("x{text}")),
        Reply::new(500, text.clone()),
        Reply::new(206, text.clone()).header("Content-Encoding", "gzip"),
    ] {
        let lists = Lists::new();
        lists.file("l", &FILE[..6]);
        lists.announce(&[("l", 6, "f1", 1)]);
        let steps = steps(&lists, json!({}));
        lists.announce(&[("l", text.len() as u64, "f1", 1)]);
        lists.instead("l", Some(reply));
        round(&steps);
        let snapshot = steps.client.context().store.load_full();
        let list = snapshot.id_lists.get("l").expect("the list");
        assert_eq!(
            (list.len(), letters(&steps.client, "l").as_deref()),
            (2, Some("ab"))
        );
    }
}
