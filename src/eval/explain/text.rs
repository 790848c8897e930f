//! An explanation as lines for a person.

use std::fmt::Write;

use serde_json::{Map, Value};

/// A step, a rule or a condition.
type Step = Map<String, Value>;

/// One sentence: what decided.
pub(super) fn why(explanation: &Step) -> String {
    let text = |key: &str| {
        member(explanation, key)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let reason = text("reason");
    let rule_id = text("rule_id");
    let reason = reason.rsplit(':').next().unwrap_or_default();
    match (reason, rule_id.as_str()) {
        ("LocalOverride", _) => "a local override is set".to_owned(),
        ("Unrecognized", _) => match explanation.get("spec_error").and_then(Value::as_str) {
            Some(error) => format!("the ruleset's entry cannot be read: {error}"),
            None => "the ruleset has nothing of this name".to_owned(),
        },
        ("Unsupported", _) => "a rule uses something this version does not know".to_owned(),
        ("error", _) => "gates are nested too deep, or in a circle".to_owned(),
        (_, "disabled") => "it is disabled".to_owned(),
        (_, "default") => "no rule matched".to_owned(),
        (_, rule) => {
            let group = match member(explanation, "group_name").as_str() {
                Some(group) => format!(" ({group})"),
                None => String::new(),
            };
            let of_what = match member(explanation, "allocated_experiment").as_str() {
                Some(experiment) => format!("rule {rule}{group} of experiment {experiment}"),
                None => format!("rule {rule}{group}"),
            };
            match deciding_roll(member(explanation, "steps")) {
                Some(roll) if *of(roll, "passed") == false => format!(
                    "{of_what} matched, but its roll did not pass: bucket {} is not below {}",
                    of(roll, "bucket"),
                    of(roll, "passes_below"),
                ),
                _ => format!("{of_what} matched"),
            }
        }
    }
}

/// The roll of the rule that decided.
fn deciding_roll(steps: &Value) -> Option<&Value> {
    let step = elements(steps).last()?;
    match of(step, "delegate") {
        delegate if elements(delegate).is_empty() => {
            elements(of(step, "rules")).last()?.get("roll")
        }
        delegate => deciding_roll(delegate),
    }
}

/// The whole explanation, indented.
pub(super) fn render(explanation: &Step) -> String {
    let mut out = String::new();
    let who = match of(member(explanation, "user"), "userID").as_str() {
        Some(id) => format!("user {id:?}"),
        None => format!("user {}", of(member(explanation, "user"), "customIDs")),
    };
    line(
        &mut out,
        0,
        &format!(
            "{} {} = {} for {who}",
            bare(member(explanation, "kind")),
            bare(member(explanation, "name")),
            member(explanation, "value"),
        ),
    );
    line(
        &mut out,
        0,
        &format!(
            "because {} ({})",
            bare(member(explanation, "why")),
            bare(member(explanation, "reason")),
        ),
    );
    for step in elements(member(explanation, "steps")) {
        write_step(&mut out, 1, step);
    }
    out
}

fn write_step(out: &mut String, depth: usize, step: &Value) {
    let name = bare(of(step, "name"));
    match bare(of(step, "step")).as_str() {
        "override" => line(
            out,
            depth,
            &format!("override of {name}: {}", of(step, "value")),
        ),
        "mapping" => line(
            out,
            depth,
            &format!(
                "mapping of {name} to {} by rule {}: {}",
                bare(of(step, "target")),
                bare(of(step, "rule_id")),
                if *of(step, "passes") == true {
                    "applies"
                } else {
                    "does not apply"
                },
            ),
        ),
        "unrecognized" => {
            line(
                out,
                depth,
                &format!("{} {name}: not in the ruleset", bare(of(step, "kind"))),
            );
        }
        kind => {
            let disabled = if *of(step, "enabled") == false {
                ", disabled"
            } else {
                ""
            };
            line(
                out,
                depth,
                &format!(
                    "{kind} {name}{disabled}: {} by {}",
                    of(step, "value"),
                    of(step, "rule_id"),
                ),
            );
            for rule in elements(of(step, "rules")) {
                write_rule(out, depth + 1, rule);
            }
            for delegate in elements(of(step, "delegate")) {
                line(out, depth + 1, "delegates to");
                write_step(out, depth + 2, delegate);
            }
        }
    }
}

fn write_rule(out: &mut String, depth: usize, rule: &Value) {
    let mark = if *of(rule, "matched") == true {
        "matches"
    } else {
        "does not match"
    };
    let group = match of(rule, "group_name").as_str() {
        Some(group) => format!(" ({group})"),
        None => String::new(),
    };
    line(
        out,
        depth,
        &format!("rule {}{group} {mark}", bare(of(rule, "rule_id"))),
    );
    for condition in elements(of(rule, "conditions")) {
        write_condition(out, depth + 1, condition);
    }
    if let Some(roll) = rule.get("roll") {
        line(
            out,
            depth + 1,
            &format!(
                "roll: bucket {} of {}, {} % pass: {}",
                of(roll, "bucket"),
                of(roll, "of"),
                of(rule, "pass_percentage"),
                if *of(roll, "passed") == true {
                    "passed"
                } else {
                    "not passed"
                },
            ),
        );
    }
}

fn write_condition(out: &mut String, depth: usize, condition: &Value) {
    let mut text = match of(condition, "outcome") {
        Value::Bool(true) => "[yes] ".to_owned(),
        Value::Bool(false) => "[no]  ".to_owned(),
        other => format!("[{}] ", bare(other)),
    };
    text.push_str(&bare(of(condition, "type")));
    for key in ["field", "unit", "operator", "target", "what"] {
        match condition.get(key) {
            None => {}
            Some(shown) if key == "target" => {
                let _ = write!(text, " {shown}");
            }
            Some(shown) => {
                let _ = write!(text, " {}", bare(shown));
            }
        }
    }
    if condition.get("operator").is_some() {
        let value = of(condition, "value");
        let _ = match (of(condition, "type").as_str(), value) {
            (_, Value::Null) => write!(text, "; the user has none"),
            (Some("user_bucket"), bucket) => write!(text, "; the user is in bucket {bucket}"),
            (Some("current_time"), now) => write!(text, "; it is {now}"),
            (Some("target_app"), app) => write!(text, "; the app is {app}"),
            (_, value) => write!(text, "; the user has {value}"),
        };
    }
    line(out, depth, &text);
    for nested in elements(of(condition, "nested")) {
        write_step(out, depth + 1, nested);
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Text without its quotes.
fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn member<'v>(step: &'v Step, key: &str) -> &'v Value {
    step.get(key).unwrap_or(&Value::Null)
}

fn of<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}
