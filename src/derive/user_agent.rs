//! Browser and operating system of a user agent text, by the rules of uap-core.
//!
//! Names are the families of uap-core. Versions are written as the legacy Python SDK writes them:
//! always three numbers, so that version conditions and exact ones see the same text everywhere.

mod rules;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use once_cell::race::OnceBox;

use self::rules::{Match, Rules};

/// Longer texts are not looked at; the vendor's SDKs have the same limit.
const MAX_CHARS: usize = 1000;

/// The family of what no rule knows.
const UNKNOWN: &str = "Other";

/// What a user agent text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent {
    /// Family of the operating system, for example `Mac OS X`; `Other` if unknown.
    pub os_name: Box<str>,
    /// `major.minor.patch` of the system, missing parts 0. `None` if a part is not a number, as in
    /// Windows XP.
    pub os_version: Option<Box<str>>,
    /// Family of the browser, for example `Chrome Mobile`; `Other` if unknown.
    pub browser_name: Box<str>,
    /// `major.minor.patch` of the browser, like `os_version`.
    pub browser_version: Option<Box<str>>,
}

/// Reads a user agent text. `None` if it is longer than 1000 characters.
#[must_use]
pub fn parse(text: &str) -> Option<UserAgent> {
    if text.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    let parser = parser();
    let os = parser.os.first_match(text).unwrap_or_default();
    let browser = parser.browser.first_match(text).unwrap_or_default();
    let os_version = match os.version {
        [None, ..] => version(ipad_os_version(text)),
        ref known => version(known.each_ref().map(Option::as_deref)),
    };
    Some(UserAgent {
        os_version,
        browser_version: version(browser.version.each_ref().map(Option::as_deref)),
        os_name: name(os),
        browser_name: name(browser),
    })
}

pub(super) fn preload() {
    parser();
}

pub(super) fn is_ready() -> bool {
    PARSER.get().is_some()
}

struct Parser {
    browser: Rules,
    os: Rules,
}

static PARSER: OnceBox<Parser> = OnceBox::new();

fn parser() -> &'static Parser {
    PARSER.get_or_init(|| {
        Box::new(Parser {
            browser: Rules::new(browser_rules()),
            os: Rules::new(os_rules()),
        })
    })
}

fn browser_rules() -> &'static str {
    static LINES: OnceBox<String> = OnceBox::new();
    LINES.get_or_init(|| Box::new(lines(include_bytes!("data/browser_rules.tsv.br"))))
}

fn os_rules() -> &'static str {
    static LINES: OnceBox<String> = OnceBox::new();
    LINES.get_or_init(|| Box::new(lines(include_bytes!("data/os_rules.tsv.br"))))
}

fn lines(compressed: &[u8]) -> String {
    String::from_utf8(super::unpacked(compressed)).unwrap_or_default()
}

fn name(found: Match<'_>) -> Box<str> {
    found.name.unwrap_or(Cow::Borrowed(UNKNOWN)).into()
}

/// The parts as numbers without leading zeros, however long; `None` if one is not a number.
fn version(parts: [Option<&str>; 3]) -> Option<Box<str>> {
    let mut out = String::with_capacity(16);
    for part in parts {
        let digits = part.unwrap_or_default();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if !out.is_empty() {
            out.push('.');
        }
        match digits.trim_start_matches('0') {
            "" => out.push('0'),
            number => out.push_str(number),
        }
    }
    Some(out.into())
}

/// The numbers after the word `iPadOS`, which apps send and no rule of uap-core reads.
fn ipad_os_version(text: &str) -> [Option<&str>; 3] {
    text.match_indices("iPadOS ")
        .filter(|(at, _)| {
            let before = text
                .get(..*at)
                .and_then(|before| before.chars().next_back());
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
        .map(|(at, name)| dotted_numbers(text.get(at + name.len()..).unwrap_or_default()))
        .find(|parts| parts[0].is_some())
        .unwrap_or_default()
}

fn dotted_numbers(mut text: &str) -> [Option<&str>; 3] {
    let mut parts = [None; 3];
    for part in &mut parts {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, rest) = text.split_at_checked(end).unwrap_or_default();
        if digits.is_empty() {
            break;
        }
        *part = Some(digits);
        let Some(next) = rest.strip_prefix('.') else {
            break;
        };
        text = next;
    }
    parts
}
