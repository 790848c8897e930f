//! The inside, without the boundary: `cargo bench`. Rulesets are those of `benches/rules.py`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Map;
use tidegate::client_init::{Identity, ResponseOptions, respond};
use tidegate::eval::trace::NoTrace;
use tidegate::eval::{Kind, Overrides, World, evaluate};
use tidegate::spec::compile::{Compiled, compile};
use tidegate::spec::id_list::IdLists;
use tidegate::spec::{Document, SpecSet};
use tidegate::store::{Source, Store};
use tidegate::user::User;

const USER: &str = r#"{"userID":"user-7","email":"user-7@mail.example","country":"DE",
    "appVersion":"2.3.4","custom":{"plan":"pro","age":27,"lang":"de"},
    "customIDs":{"companyID":"company-7"}}"#;

fn ruleset(size: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rules.py");
    let output = Command::new("python3").args([script, size]).output();
    let output = output.expect("python3 runs");
    assert!(output.status.success(), "rules.py fails");
    String::from_utf8(output.stdout).expect("JSON")
}

fn compiled(document: &Document, previous: &SpecSet) -> SpecSet {
    match compile(document, None, previous).expect("a ruleset") {
        Compiled::Specs(specs) => *specs,
        Compiled::NoUpdate | Compiled::Identical => panic!("no ruleset"),
    }
}

fn with_world(run: impl FnOnce(&World<'_>)) {
    let specs = compiled(&ruleset("medium").into(), &SpecSet::default());
    let user = User::from_json(USER).expect("a user");
    let (lists, overrides, global) = (IdLists::default(), Overrides::default(), Map::new());
    run(&World {
        specs: &specs,
        id_lists: &lists,
        overrides: Some(&overrides),
        user: &user,
        environment: None,
        global_custom_fields: &global,
        app_id: None,
        user_agent_enabled: true,
        country_enabled: true,
        now_ms: &|| 1_800_000_000_000,
    });
}

fn evaluation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evaluate");
    with_world(|world| {
        for (kind, name) in [
            (Kind::Gate, "bench_public"),
            (Kind::Gate, "bench_half"),
            (Kind::Gate, "bench_many_rules"),
            (Kind::Gate, "bench_nested"),
            (Kind::Experiment, "bench_experiment"),
            (Kind::Layer, "bench_layer"),
        ] {
            group.bench_function(name, |bencher| {
                bencher.iter(|| evaluate(world, kind, black_box(name), &mut NoTrace));
            });
        }
    });
}

fn users(criterion: &mut Criterion) {
    criterion.bench_function("user from JSON", |bencher| {
        bencher.iter(|| User::from_json(black_box(USER)));
    });
}

fn rulesets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for size in ["medium", "large"] {
        let text = ruleset(size);
        group.sample_size(20);
        group.throughput(Throughput::Bytes(text.len() as u64));
        let document = Document::from(text.clone());
        group.bench_function(size, |bencher| {
            bencher.iter(|| compiled(&document, &SpecSet::default()));
        });
        let previous = compiled(&document, &SpecSet::default());
        // One rule of one gate is another one: everything else is taken over.
        let changed = text.replacen("\"version\":3", "\"version\":4", 1).into();
        group.bench_function(format!("{size}, one gate changed"), |bencher| {
            bencher.iter(|| compiled(&changed, &previous));
        });
        let store = Store::new("secret-bench");
        group.bench_function(format!("{size}, unchanged"), |bencher| {
            bencher.iter(|| store.apply(text.clone(), Source::Network));
        });
    }
}

fn responses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client initialize response");
    let identity = Identity {
        sdk_type: "bench",
        sdk_version: "0",
    };
    with_world(|world| {
        for hash in ["none", "djb2", "sha256"] {
            let options = ResponseOptions::from_json(&format!(r#"{{"hash":"{hash}"}}"#));
            let options = options.expect("options");
            group.bench_function(hash, |bencher| {
                bencher.iter(|| respond(world, &options, &identity, 0.5));
            });
        }
    });
}

criterion_group!(all, evaluation, users, rulesets, responses);
criterion_main!(all);
