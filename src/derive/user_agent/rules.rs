//! An ordered list of rules, of which the first that matches a text wins.
//!
//! There are hundreds of patterns, most of which no text of a process ever needs. Each comes with
//! needles, one of which must occur in a text that it matches: only patterns whose needles occur
//! are tried, and a pattern is compiled when it is first tried.

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use once_cell::race::OnceBox;
use regex_automata::Input;
use regex_automata::meta::Regex;

/// What the rule that matched says. Without a name: no rule matched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Match<'t> {
    pub(super) name: Option<Cow<'t, str>>,
    /// Major, minor, patch.
    pub(super) version: [Option<Cow<'t, str>>; 3],
}

pub(super) struct Rules {
    ordered: Box<[Rule]>,
    /// Finds all needles. `None` if it could not be built: then all rules are tried.
    needles: Option<AhoCorasick>,
    /// Position in `ordered` of the rule that each needle belongs to.
    owners: Box<[usize]>,
    /// Positions of the rules without needles.
    always_tried: Box<[usize]>,
}

impl Rules {
    /// Reads lines of six columns separated by tabs: pattern, needles separated by bars, and the
    /// templates of name, major, minor and patch.
    pub(super) fn new(lines: &'static str) -> Self {
        let mut ordered = Vec::new();
        let mut needles = Vec::new();
        let mut owners = Vec::new();
        let mut always_tried = Vec::new();
        for (position, line) in lines.lines().enumerate() {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let pattern = column();
            match column() {
                "" => always_tried.push(position),
                list => {
                    needles.extend(list.split('|'));
                    owners.resize(needles.len(), position);
                }
            }
            ordered.push(Rule {
                pattern,
                templates: [column(), column(), column(), column()],
                regex: OnceBox::new(),
            });
        }
        Rules {
            ordered: ordered.into(),
            needles: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(needles)
                .ok(),
            owners: owners.into(),
            always_tried: always_tried.into(),
        }
    }

    /// What the first rule that matches `text` says. As in the Python library, a rule whose name
    /// comes out empty does not count.
    pub(super) fn first_match<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        self.worth_trying(text)
            .into_iter()
            .filter_map(|position| self.ordered.get(position))
            .find_map(|rule| rule.apply(text))
    }

    /// Positions, in order, of the rules that may match `text`.
    fn worth_trying(&self, text: &str) -> Vec<usize> {
        let Some(needles) = &self.needles else {
            return (0..self.ordered.len()).collect();
        };
        let mut positions = self.always_tried.to_vec();
        positions.extend(
            needles
                .find_overlapping_iter(text)
                .filter_map(|needle| self.owners.get(needle.pattern().as_usize())),
        );
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

struct Rule {
    pattern: &'static str,
    /// Of name, major, minor and patch. Empty: the group of the same number.
    templates: [&'static str; 4],
    /// `None` inside if the pattern does not compile, which a test rules out.
    regex: OnceBox<Option<Regex>>,
}

impl Rule {
    fn apply<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        let regex = self.regex()?;
        let mut groups = regex.create_captures();
        // A fresh cache each time: those that regexes keep for themselves, one for each thread,
        // would add up to megabytes for each thread.
        regex.search_captures_with(&mut regex.create_cache(), &Input::new(text), &mut groups);
        if !groups.is_match() {
            return None;
        }
        let group = |number| text.get(groups.get_group(number)?.range());
        let [name, major, minor, patch] = self.templates;
        Some(Match {
            name: Some(fill(name, 1, group)?),
            version: [
                fill(major, 2, group),
                fill(minor, 3, group),
                fill(patch, 4, group),
            ],
        })
    }

    fn regex(&self) -> Option<&Regex> {
        // Without the lazy DFA, which pays only with a cache that is kept.
        let config = Regex::config().hybrid(false);
        let build = || Box::new(Regex::builder().configure(config).build(self.pattern).ok());
        self.regex.get_or_init(build).as_ref()
    }
}

/// The template with each `$n` replaced by group n, or the group `number` if there is no template.
/// `None` if that is empty.
fn fill<'t>(
    template: &'static str,
    number: usize,
    group: impl Fn(usize) -> Option<&'t str>,
) -> Option<Cow<'t, str>> {
    if template.is_empty() {
        return group(number)
            .filter(|text| !text.is_empty())
            .map(Cow::Borrowed);
    }
    let mut pieces = template.split('$');
    let start = pieces.next().unwrap_or_default();
    if start.len() == template.len() {
        return Some(Cow::Borrowed(template));
    }
    let mut out = start.to_owned();
    for piece in pieces {
        let mut chars = piece.chars();
        if let Some(digit) = chars.next().and_then(|c| c.to_digit(10)) {
            out.push_str(group(digit as usize).unwrap_or_default());
            out.push_str(chars.as_str());
        } else {
            out.push('$');
            out.push_str(piece);
        }
    }
    let trimmed = out.trim();
    (!trimmed.is_empty()).then(|| Cow::Owned(trimmed.to_owned()))
}

#[cfg(test)]
impl Rules {
    /// The pattern and the templates of each rule, compiled or not.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&'static str, [&'static str; 4])> {
        self.ordered
            .iter()
            .map(|rule| (rule.pattern, rule.templates))
    }

    pub(super) fn patterns_that_do_not_compile(&self) -> Vec<&'static str> {
        self.ordered
            .iter()
            .filter(|rule| rule.regex().is_none())
            .map(|rule| rule.pattern)
            .collect()
    }
}
