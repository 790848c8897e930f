//! Which exposures are left out because the ruleset asks for a sample only.
//!
//! A pure function of the evaluation, apart from the set of (entity, rule) pairs that were seen in
//! this window: the first sighting of each is always logged.

use std::fmt::Write;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use sha2::{Digest, Sha256};

use super::dedupe::{SeenKey, SeenSet};

/// What the decision depends on.
pub(super) struct Candidate<'a> {
    /// The ruleset's sampling mode.
    pub mode: Option<&'a str>,
    /// The tier of the options is production, or not set.
    pub is_production: bool,
    /// The ruleset's rate for exposures that matched no rule.
    pub special_case_rate: Option<f64>,
    /// The rate of the rule that decided.
    pub rule_rate: Option<f64>,
    pub forward_all: bool,
    pub seen_analytical_gates: bool,
    pub name: &'a str,
    pub rule_id: &'a str,
}

/// How an exposure came through sampling; written to its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sampled {
    pub rate: u64,
    /// Whether the draw would have logged it.
    pub hit: bool,
}

/// Log (with the metadata to add) or leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Log(Option<Sampled>),
    LeaveOut,
}

/// Decides. `key` writes the text that is hashed for the draw; it is called only when needed.
pub(super) fn decide(
    candidate: &Candidate<'_>,
    seen: &SeenSet,
    key: impl FnOnce(&mut String),
) -> Decision {
    const LOG: Decision = Decision::Log(None);
    let Some(mode) = candidate.mode.filter(|mode| *mode != "none") else {
        return LOG;
    };
    if !candidate.is_production || candidate.forward_all {
        return LOG;
    }
    if seen.insert(sighting(candidate)) || candidate.seen_analytical_gates {
        return LOG;
    }
    let matched_no_rule = matches!(candidate.rule_id, "disabled" | "default" | "");
    let rate = match (candidate.rule_rate, candidate.special_case_rate) {
        (Some(rate), _) => rate,
        (None, Some(rate)) if matched_no_rule => rate,
        _ => return LOG,
    };
    let Some(rate) = whole_rate(rate) else {
        return LOG;
    };
    let mut text = String::with_capacity(128);
    key(&mut text);
    let hit = i128::from(sampling_hash(&text)) % i128::from(rate) == 0;
    match mode {
        "on" if !hit => Decision::LeaveOut,
        "on" | "shadow" => Decision::Log(Some(Sampled { rate, hit })),
        _ => LOG,
    }
}

fn sighting(candidate: &Candidate<'_>) -> SeenKey {
    let pair = (candidate.name, candidate.rule_id);
    SeenKey::new(
        FixedState::with_seed(1).hash_one(pair),
        FixedState::with_seed(2).hash_one(pair),
    )
}

/// The rate as a positive whole number; anything else means that everything is logged.
fn whole_rate(rate: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cut to a whole number on purpose; the cast saturates"
    )]
    (rate >= 1.0).then_some(rate as u64)
}

/// First eight bytes of the SHA-256, as a signed number: for rates that are no power of two, the
/// unsigned reading would give other answers.
pub(super) fn sampling_hash(text: &str) -> i64 {
    let digest = Sha256::digest(text.as_bytes());
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(digest.iter())
        .for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(first)
}

/// The part of the hashed text that names the user. The legacy SDK writes the prefix `u:` twice.
fn write_user<'a>(
    out: &mut String,
    user_id: Option<&str>,
    custom_ids: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let _ = write!(out, ";u:u:{};", user_id.unwrap_or("None"));
    for (name, id) in custom_ids {
        let _ = write!(out, "{name}:{id};");
    }
}

/// Text hashed for a gate.
pub(super) fn gate_key<'a>(
    out: &mut String,
    name: &str,
    rule_id: &str,
    value: bool,
    user_id: Option<&str>,
    custom_ids: impl Iterator<Item = (&'a str, &'a str)>,
) {
    config_key(out, name, rule_id, user_id, custom_ids);
    out.push_str(if value { ";v:True" } else { ";v:False" });
}

/// Text hashed for a config or an experiment.
pub(super) fn config_key<'a>(
    out: &mut String,
    name: &str,
    rule_id: &str,
    user_id: Option<&str>,
    custom_ids: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let _ = write!(out, "n:{name}");
    write_user(out, user_id, custom_ids);
    let _ = write!(out, "r:{rule_id}");
}

/// Text hashed for a parameter of a layer. `delegate` is named whether the parameter is explicit
/// or not.
pub(super) fn layer_key<'a>(
    out: &mut String,
    (name, parameter): (&str, &str),
    rule_id: &str,
    delegate: Option<&str>,
    user_id: Option<&str>,
    custom_ids: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let delegate = delegate.unwrap_or("None");
    let _ = write!(out, "n:{name};e:{delegate};p:{parameter}");
    write_user(out, user_id, custom_ids);
    let _ = write!(out, "r:{rule_id}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_vectors() {
        for (text, expected) in [
            (
                "n:g_sampled;u:u:a;r:r_sampled;v:True",
                1_713_385_707_049_747_455,
            ),
            (
                "n:g_sampled;u:u:user12;r:r_sampled;v:True",
                4_440_082_325_910_592_570,
            ),
            (
                "n:g_sampled;u:u:user19;r:r_sampled;v:True",
                405_396_147_423_441_690,
            ),
            (
                "n:g_sampled;u:u:user23;r:r_sampled;v:True",
                -1_349_970_882_736_512_620,
            ),
            (
                "n:g_email;u:u:user0;r:default;v:False",
                7_952_355_503_970_030_654,
            ),
            (
                "n:g_email;u:u:user6;r:default;v:False",
                -2_202_447_416_219_077_030,
            ),
            ("n:nope;u:u:user0;r:;v:False", -2_371_467_617_683_037_544),
            (
                "n:g_sampled;u:u:None;b:2;a:3;r:r_sampled;v:True",
                -1_840_145_708_920_812_500,
            ),
            ("n:c_sampled;u:u:user16;r:r_cs", 245_092_095_616_141_320),
            (
                "n:layer_s;e:exp_s;p:p;u:u:user5;r:r_exp_s",
                135_969_748_417_880_500,
            ),
            (
                "n:layer_un;e:None;p:an_int;u:u:user0;r:default",
                4_678_927_377_964_188_375,
            ),
            (
                "n:layer_un;e:None;p:an_int;u:u:user8;r:default",
                -4_552_973_250_218_292_465,
            ),
            ("", -2_039_914_840_885_289_964),
        ] {
            assert_eq!(sampling_hash(text), expected, "{text}");
        }
    }

    #[test]
    fn key_texts() {
        let none = || std::iter::empty();
        let text = |write: &dyn Fn(&mut String)| {
            let mut out = String::new();
            write(&mut out);
            out
        };
        assert_eq!(
            text(&|out| gate_key(out, "nope", "", false, Some("user0"), none())),
            "n:nope;u:u:user0;r:;v:False"
        );
        let ids = [("b", "2"), ("a", "3")];
        assert_eq!(
            text(&|out| gate_key(out, "g_sampled", "r_sampled", true, None, ids.into_iter())),
            "n:g_sampled;u:u:None;b:2;a:3;r:r_sampled;v:True"
        );
        assert_eq!(
            text(&|out| config_key(out, "c_sampled", "r_cs", Some("user16"), none())),
            "n:c_sampled;u:u:user16;r:r_cs"
        );
        assert_eq!(
            text(&|out| layer_key(out, ("layer_s", "p"), "r", Some("exp_s"), Some("u"), none())),
            "n:layer_s;e:exp_s;p:p;u:u:u;r:r"
        );
        assert_eq!(
            text(&|out| layer_key(out, ("layer_un", "x"), "default", None, Some("u"), none())),
            "n:layer_un;e:None;p:x;u:u:u;r:default"
        );
    }

    fn candidate() -> Candidate<'static> {
        Candidate {
            mode: Some("on"),
            is_production: true,
            special_case_rate: None,
            rule_rate: Some(10.0),
            forward_all: false,
            seen_analytical_gates: false,
            name: "g_sampled",
            rule_id: "r_sampled",
        }
    }

    /// Decides for user "a", whose draw does not hit a rate of 10, after a first sighting.
    fn second(candidate: &Candidate<'_>) -> Decision {
        let seen = SeenSet::new();
        let key = |out: &mut String| out.push_str("n:g_sampled;u:u:a;r:r_sampled;v:True");
        assert_eq!(
            decide(candidate, &seen, key),
            Decision::Log(None),
            "first sighting"
        );
        decide(candidate, &seen, key)
    }

    #[test]
    fn modes_and_switches() {
        const LOG: Decision = Decision::Log(None);
        let missed = Decision::Log(Some(Sampled {
            rate: 10,
            hit: false,
        }));
        for (mode, expected) in [
            (Some("on"), Decision::LeaveOut),
            (Some("shadow"), missed),
            (Some("none"), LOG),
            (Some("weird"), LOG),
            (None, LOG),
        ] {
            let candidate = Candidate {
                mode,
                ..candidate()
            };
            assert_eq!(second(&candidate), expected, "{mode:?}");
        }
        for switch in 0..3 {
            let candidate = Candidate {
                is_production: switch != 0,
                forward_all: switch == 1,
                seen_analytical_gates: switch == 2,
                ..candidate()
            };
            assert_eq!(second(&candidate), LOG, "switch {switch}");
        }
    }

    #[test]
    fn rates() {
        const LOG: Decision = Decision::Log(None);
        let all = Decision::Log(Some(Sampled { rate: 1, hit: true }));
        // Rate of the rule, special rate, rule.
        for (rule_rate, special_case_rate, rule_id, expected) in [
            (Some(10.0), None, "r", Decision::LeaveOut),
            (None, None, "r", LOG),
            (None, None, "default", LOG),
            (Some(0.0), None, "r", LOG),
            (Some(-3.0), None, "r", LOG),
            (Some(f64::NAN), None, "r", LOG),
            (Some(1.9), None, "r", all),
            (None, Some(10.0), "r", LOG),
            (None, Some(10.0), "override", LOG),
            (None, Some(10.0), "default", Decision::LeaveOut),
            (None, Some(10.0), "disabled", Decision::LeaveOut),
            (None, Some(10.0), "", Decision::LeaveOut),
            (None, Some(0.0), "", LOG),
            (Some(1.0), Some(10.0), "", all),
        ] {
            let candidate = Candidate {
                special_case_rate,
                rule_rate,
                rule_id,
                ..candidate()
            };
            let given = (rule_rate, special_case_rate, rule_id);
            assert_eq!(second(&candidate), expected, "{given:?}");
        }
    }

    #[test]
    fn without_sampling_the_first_sighting_is_not_used_up() {
        let seen = SeenSet::new();
        let off = Candidate {
            mode: Some("none"),
            ..candidate()
        };
        decide(&off, &seen, |_| {});
        assert_eq!(seen.len(), 0);
    }
}
