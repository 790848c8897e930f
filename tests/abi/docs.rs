//! What the comments of the header promise: the same rules for each function, in the same order,
//! and true by the table that drives the misuse tests.

use super::declarations::functions;
use super::misuse::table::TABLE;
use super::source::{Export, exports};

/// The rules at the end of each comment, in their order.
const RULES: [&str; 5] = [
    "Blocks: ",
    "Threads: ",
    "In callbacks: ",
    "fter shutdown: ",
    "fter fork: ",
];

/// The last paragraph of a comment.
fn rules(export: &Export) -> &str {
    export.doc.rsplit("  ").next().expect("a paragraph")
}

#[test]
fn every_comment_ends_with_the_rules_in_order() {
    for export in exports() {
        let (name, rules) = (&export.name, rules(&export));
        let places: Vec<Option<usize>> = RULES.iter().map(|rule| rules.find(rule)).collect();
        assert_eq!(places[0], Some(0), "{name}: {rules}");
        assert!(places.iter().all(Option::is_some), "{name}: {rules}");
        assert!(places.is_sorted(), "{name}: {rules}");
        assert!(export.doc.len() > rules.len() + 20, "{name} says nothing");
    }
}

#[test]
fn every_comment_is_true_by_the_table_of_misuse() {
    for export in exports() {
        let (name, rules) = (&export.name, rules(&export));
        let row = TABLE.iter().find(|row| row.name == name).expect("a row");
        let is_refused = |rule: &str| rules.contains(&format!("{rule}: `TIDEGATE_E_STATE`"));
        let refused = [
            is_refused("Before initialize and after shutdown") || is_refused("Before initialize"),
            is_refused("fter shutdown"),
            is_refused("In callbacks"),
        ];
        let answers = [row.before, row.after, row.inside];
        assert_eq!(
            refused,
            answers.map(|answer| answer == "TIDEGATE_E_STATE"),
            "before, after, inside of {name}: {rules}"
        );
    }
}

#[test]
fn every_comment_says_whose_each_pointer_is() {
    for function in functions() {
        let export = exports().into_iter().find(|e| e.name == function.name);
        let export = export.expect("the source of the function");
        for parameter in &function.parameters {
            let (kind, name) = (parameter.kind.as_str(), parameter.name.as_str());
            let is_pointer = kind.contains('*') || kind.ends_with("_fn");
            let is_named = ["`", "->`"].iter().any(|end| {
                let doc = export.doc.replace("->", "->`");
                ["`", "`*"]
                    .iter()
                    .any(|start| doc.contains(&format!("{start}{name}{end}")))
            });
            assert!(!is_pointer || is_named, "{}: {name}", function.name);
            let is_text = kind == "const char *";
            let is_ruled = ["borrowed", "copied"]
                .iter()
                .any(|w| export.doc.contains(w));
            assert!(!is_text || is_ruled, "{}: whose is {name}", function.name);
            let is_buffer = kind == "tidegate_buf **";
            let is_freed = export.doc.contains("freed with `tidegate_buf_free`");
            assert!(!is_buffer || is_freed, "{}: {name}", function.name);
        }
    }
}
