use std::borrow::Cow;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6_1 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6.1 Mobile/15E148 Safari/604.1";
const ANDROID_CHROME: &str = "Mozilla/5.0 (Linux; Android 12; Pixel 6) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/104.0.5112.69 Mobile Safari/537.36";
const WINDOWS_XP: &str = "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9b5) \
    Gecko/2008032620 Firefox/3.0b5";

/// A text, then name and version of its system and of its browser.
type Sample = (String, String, Option<String>, String, Option<String>);

/// Texts as they are seen on the web, and some that are not, with the answers of the published
/// Python implementation. Written by `data/refresh.py`.
static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| serde_json::from_str(include_str!("samples.json")).unwrap());

fn answer(text: &str) -> (String, Option<String>, String, Option<String>) {
    let found = parse(text).unwrap();
    (
        found.os_name.into(),
        found.os_version.map(String::from),
        found.browser_name.into(),
        found.browser_version.map(String::from),
    )
}

#[test]
fn the_rules_of_the_library_are_those_of_the_files() {
    assert_eq!(browser_rules(), include_str!("../data/browser_rules.tsv"));
    assert_eq!(os_rules(), include_str!("../data/os_rules.tsv"));
}

#[test]
fn every_sample_gets_the_answer_of_the_python_library() {
    assert!(SAMPLES.len() >= 400);
    for (text, os_name, os_version, browser_name, browser_version) in &*SAMPLES {
        let expected = (
            os_name.clone(),
            os_version.clone(),
            browser_name.clone(),
            browser_version.clone(),
        );
        assert_eq!(answer(text), expected, "{text:?}");
    }
}

#[test]
fn versions_have_three_numbers_or_are_missing() {
    let cases = [
        (
            "all parts",
            IPHONE,
            "iOS",
            Some("15.6.1"),
            "Mobile Safari",
            Some("15.6.1"),
        ),
        (
            "fourth part",
            ANDROID_CHROME,
            "Android",
            Some("12.0.0"),
            "Chrome Mobile",
            Some("104.0.5112"),
        ),
        (
            "not a number",
            WINDOWS_XP,
            "Windows",
            None,
            "Firefox Beta",
            None,
        ),
        (
            "leading zeros",
            "Firefox/3.05.007",
            "Other",
            Some("0.0.0"),
            "Firefox",
            Some("3.5.7"),
        ),
        (
            "unknown",
            "zzz",
            "Other",
            Some("0.0.0"),
            "Other",
            Some("0.0.0"),
        ),
        ("empty", "", "Other", Some("0.0.0"), "Other", Some("0.0.0")),
    ];
    for (name, text, os_name, os_version, browser_name, browser_version) in cases {
        let expected = (
            os_name.to_owned(),
            os_version.map(str::to_owned),
            browser_name.to_owned(),
            browser_version.map(str::to_owned),
        );
        assert_eq!(answer(text), expected, "{name}");
    }
    let digits = "9".repeat(30);
    let version = format!("{digits}.1.0");
    assert_eq!(
        answer(&format!("Firefox/{digits}.1")).3,
        Some(version),
        "beyond 64 bits"
    );
}

#[test]
fn ipad_os_stands_in_for_a_missing_system_version() {
    let cases = [
        ("two parts", "App/1 (iPad; iPadOS 26.5)", "26.5.0"),
        ("one part", "App/1 (iPad; iPadOS 26)", "26.0.0"),
        ("four parts", "App/1 (iPad; iPadOS 26.5.1.7)", "26.5.1"),
        ("dot at the end", "App/1 (iPad; iPadOS 26.)", "26.0.0"),
        ("at the end", "App/1 iPadOS 26.5", "26.5.0"),
        ("underscore", "App/1 (iPad; iPadOS 26_5)", "26.0.0"),
        ("letter behind", "App/1 (iPad;-iPadOS 26.5b)", "26.5.0"),
        ("leading zeros", "App/1 (iPad; iPadOS 026.05)", "26.5.0"),
        (
            "second one counts",
            "App/1 (iPad; iPadOS x; iPadOS 26.5)",
            "26.5.0",
        ),
        ("other system", "App/1 (Linux; iPadOS 26.5)", "26.5.0"),
        ("lower case", "App/1 (iPad; ipados 26.5)", "0.0.0"),
        ("slash", "App/1 (iPad; iPadOS/26.5)", "0.0.0"),
        ("two spaces", "App/1 (iPad; iPadOS  26.5)", "0.0.0"),
        ("inside a word", "App/1 (iPad; xiPadOS 26.5)", "0.0.0"),
        ("after an underscore", "App/1 (iPad; _iPadOS 26.5)", "0.0.0"),
        ("after a letter", "App/1 (iPad; \u{e9}iPadOS 26.5)", "0.0.0"),
        (
            "known version",
            "App/1 (Windows NT 10.0; iPadOS 26.5)",
            "10.0.0",
        ),
    ];
    for (name, text, version) in cases {
        assert_eq!(answer(text).1.as_deref(), Some(version), "{name}: {text}");
    }
    assert_eq!(
        answer("App/1 (Windows NT 5.1; iPadOS 26.5)").1,
        None,
        "known, not a number"
    );
}

#[test]
fn texts_of_more_than_a_thousand_characters_are_not_looked_at() {
    let padded = |len| format!("{IPHONE}{}", "\u{e9}".repeat(len - IPHONE.len()));
    assert_eq!(&*parse(&padded(1000)).unwrap().os_name, "iOS");
    assert_eq!(parse(&padded(1001)), None);
    assert_eq!(parse(&padded(5000)), None);
}

#[test]
fn all_patterns_compile() {
    for (rules, at_least) in [(&parser().browser, 400), (&parser().os, 200)] {
        assert!(rules.sources().count() >= at_least);
        assert_eq!(rules.patterns_that_do_not_compile(), Vec::<&str>::new());
    }
}

/// The rules as the `ua-parser` crate reads them: all patterns, no needles of ours.
struct Reference {
    browser: ua_parser::user_agent::Extractor<'static>,
    os: ua_parser::os::Extractor<'static>,
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
    let column = |text: &'static str| (!text.is_empty()).then_some(Cow::Borrowed(text));
    let mut browser = ua_parser::user_agent::Builder::new();
    for (pattern, [family, v1, v2, v3]) in parser().browser.sources() {
        let rule = ua_parser::user_agent::Parser {
            regex: pattern.into(),
            family_replacement: column(family),
            v1_replacement: column(v1),
            v2_replacement: column(v2),
            v3_replacement: column(v3),
            v4_replacement: None,
        };
        browser = browser.push(rule).unwrap();
    }
    let mut os = ua_parser::os::Builder::new();
    for (pattern, [family, v1, v2, v3]) in parser().os.sources() {
        let rule = ua_parser::os::Parser {
            regex: pattern.into(),
            os_replacement: column(family),
            os_v1_replacement: column(v1),
            os_v2_replacement: column(v2),
            os_v3_replacement: column(v3),
            os_v4_replacement: None,
        };
        os = os.push(rule).unwrap();
    }
    Reference {
        browser: browser.build().unwrap(),
        os: os.build().unwrap(),
    }
});

fn assert_agrees_with_reference(text: &str) {
    let browser = REFERENCE.browser.extract(text);
    // The crate stops at a rule that finds no name, the Python library and we go on.
    if browser
        .as_ref()
        .is_some_and(|found| found.family.is_empty())
    {
        return;
    }
    let browser = browser.map(|found| Match {
        name: Some(found.family),
        version: [found.major, found.minor, found.patch].map(|part| part.map(Cow::Borrowed)),
    });
    assert_eq!(
        parser().browser.first_match(text),
        browser,
        "browser of {text:?}"
    );
    let os = REFERENCE.os.extract(text).map(|found| Match {
        name: Some(found.os),
        version: [found.major, found.minor, found.patch],
    });
    assert_eq!(parser().os.first_match(text), os, "system of {text:?}");
}

/// Texts that a pattern matches, but for its word boundaries and anchors.
fn matching(pattern: &str) -> impl Strategy<Value = String> {
    let bound = [
        (r"\$", r"\x24"),
        ("$", ""),
        (r"\b", ""),
        ("(^", "("),
        ("|^", "|"),
    ];
    let free = bound.iter().fold(
        pattern.trim_start_matches('^').to_owned(),
        |text, (from, to)| text.replace(from, to),
    );
    prop::string::string_regex(&free).unwrap()
}

#[test]
fn texts_made_for_each_rule_get_the_answer_of_the_reference() {
    let mut runner = TestRunner::deterministic();
    for rules in [&parser().browser, &parser().os] {
        for (pattern, _) in rules.sources() {
            let texts = matching(pattern);
            for _ in 0..10 {
                assert_agrees_with_reference(&texts.new_tree(&mut runner).unwrap().current());
            }
        }
    }
}

/// A text cut out of the samples: the start of one and the end of another.
fn spliced() -> impl Strategy<Value = String> {
    let part = || (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (part(), part()).prop_map(|((first, start), (second, end))| {
        let cut = |text: &str, at: &prop::sample::Index| {
            let at = at.index(text.len() + 1);
            let (start, end) = text.split_at_checked(at).unwrap_or((text, text));
            (start.to_owned(), end.to_owned())
        };
        let first = cut(&first.get(&SAMPLES).0, &start).0;
        first + &cut(&second.get(&SAMPLES).0, &end).1
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn needles_hide_no_rule_that_matches(text in spliced()) {
        assert_agrees_with_reference(&text);
    }

    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        let found = parse(&text);
        prop_assert_eq!(found.is_some(), text.chars().count() <= 1000);
    }
}
