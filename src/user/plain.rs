//! User JSON as nearly all hosts write it: text without escapes, whole numbers, and maps without
//! nesting. Then the JSON itself is the arena, and parsing only notes where things stand in it.
//! Anything else, valid or not, is left to the general parser, which also tells what is wrong.

use super::parse::{Builder, Member};
use super::value::{Span, UserValue};
use super::{Entry, Group, TopLevel};

/// More digits could exceed 64 bits.
const DIGITS_MAX: usize = 18;

/// Reads `text` if it is plain. The arena of the builder is `text`.
pub(super) fn parse(text: &str) -> Option<Builder> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut builder = Builder::default();
    reader.user(&mut builder)?;
    text.clone_into(&mut builder.arena);
    Some(builder)
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn user(&mut self, builder: &mut Builder) -> Option<()> {
        let mut seen = 0_u32;
        self.expect(b'{')?;
        let mut is_open = !self.accept(b'}');
        while is_open {
            let member = Member::of(self.key()?);
            // Of a member that is given twice the last one counts: not plain.
            let bit = 1_u32 << member.number();
            if seen & bit != 0 && bit != 1 {
                return None;
            }
            seen |= bit;
            match member {
                Member::Top(field) => {
                    let (value, literal) = self.value()?;
                    let value = match value {
                        UserValue::Null => UserValue::Null,
                        // A user id is text, however it is given.
                        _ if field == TopLevel::UserId => UserValue::Text(literal),
                        value => value,
                    };
                    *builder.top.get_mut(field as usize)? = value;
                }
                Member::Map(group) => {
                    if self
                        .map(|key, value, _| builder.entries.push(Entry { key, group, value }))?
                    {
                        match group {
                            Group::Custom => builder.given.custom = true,
                            Group::Private => builder.given.private = true,
                            Group::Environment => builder.given.environment = true,
                        }
                    }
                }
                Member::CustomIds => {
                    builder.given.custom_ids = self.map(|key, value, literal| {
                        if !matches!(value, UserValue::Null) {
                            builder.custom_ids.push((key, literal));
                        }
                    })?;
                }
                Member::Unknown => {
                    self.value()?;
                }
            }
            is_open = self.goes_on()?;
        }
        self.skip_space();
        (self.at == self.bytes.len()).then_some(())
    }

    /// A map without nesting, or null: whether it is a map.
    fn map(&mut self, mut entry: impl FnMut(Span, UserValue, Span)) -> Option<bool> {
        if !self.accept(b'{') {
            let (value, _) = self.value()?;
            return matches!(value, UserValue::Null).then_some(false);
        }
        let mut is_open = !self.accept(b'}');
        while is_open {
            let start = self.key_start()?;
            let key = self.text(start)?;
            self.expect(b':')?;
            let (value, literal) = self.value()?;
            entry(key, value, literal);
            is_open = self.goes_on()?;
        }
        Some(true)
    }

    /// A value, and where it stands: without its quotes if it is text.
    fn value(&mut self) -> Option<(UserValue, Span)> {
        self.skip_space();
        let start = self.at;
        let value = match self.bytes.get(start)? {
            b'"' => {
                let span = self.text(start + 1)?;
                return Some((UserValue::Text(span), span));
            }
            b't' => self.word(b"true", UserValue::Bool(true))?,
            b'f' => self.word(b"false", UserValue::Bool(false))?,
            b'n' => self.word(b"null", UserValue::Null)?,
            b'-' | b'0'..=b'9' => self.whole_number()?,
            _ => return None,
        };
        Some((value, Span::new(start, self.at)?))
    }

    fn word(&mut self, word: &[u8], value: UserValue) -> Option<UserValue> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn whole_number(&mut self) -> Option<UserValue> {
        let is_negative = self.bytes.get(self.at) == Some(&b'-');
        let start = self.at + usize::from(is_negative);
        let digits = self.bytes.get(start..)?;
        let len = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = digits.get(..len)?;
        let is_plain = match (digits.first()?, self.bytes.get(start + len)) {
            (_, Some(b'.' | b'e' | b'E')) => false,
            (b'0', _) => len == 1 && !is_negative,
            _ => len <= DIGITS_MAX,
        };
        if !is_plain {
            return None;
        }
        let magnitude = digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        self.at = start + len;
        Some(UserValue::Int(if is_negative {
            -magnitude
        } else {
            magnitude
        }))
    }

    /// The name of a member of the user, up to and including its colon.
    fn key(&mut self) -> Option<&[u8]> {
        let start = self.key_start()?;
        self.text(start)?;
        let end = self.at - 1;
        self.expect(b':')?;
        self.bytes.get(start..end)
    }

    fn key_start(&mut self) -> Option<usize> {
        self.skip_space();
        (self.bytes.get(self.at) == Some(&b'"')).then_some(self.at + 1)
    }

    /// Text from `start`, which is behind the opening quote, to its closing quote.
    fn text(&mut self, start: usize) -> Option<Span> {
        let stops = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
        let len = self.bytes.get(start..)?.iter().position(stops)?;
        let end = start + len;
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        Span::new(start, end)
    }

    /// Behind an entry: whether another one follows.
    fn goes_on(&mut self) -> Option<bool> {
        if self.accept(b',') {
            return Some(true);
        }
        self.expect(b'}')?;
        Some(false)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.accept(byte).then_some(())
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::super::User;

    /// What can be told of a user or of the refusal.
    fn told(user: Result<User, crate::error::Error>) -> String {
        match user {
            Ok(user) => format!(
                "{} {} {:?} {:?}",
                user.to_json(true),
                user.identity(),
                user.custom_ids().collect::<Vec<_>>(),
                (user.has_environment(), user.has_custom_ids()),
            ),
            Err(error) => error.to_string(),
        }
    }

    fn check(text: &str) {
        assert_eq!(
            told(User::from_json(text)),
            told(User::from_any_json(text)),
            "{text}"
        );
    }

    #[test]
    fn plain_users_are_read_plainly() {
        for text in [
            r#"{"userID":"a"}"#,
            "{ \"userID\" : 5 ,\n\t\"email\": null , \"custom\" : { } }",
            r#"{"user_id":true,"customIDs":{"a":1,"b":null,"c":"x"},"custom":{"k":-7,"l":"é"}}"#,
            r#"{"userID":"a","unknown":1,"unknown":"x","privateAttributes":null}"#,
            r#"{"userID":"a","statsigEnvironment":{"tier":"development"}}"#,
        ] {
            assert!(super::parse(text).is_some(), "{text}");
            check(text);
        }
    }

    #[test]
    fn anything_else_is_left_to_the_general_parser() {
        for text in [
            "",
            "{",
            "[]",
            "{}x",
            r#"{"userID":"a",}"#,
            r#"{"userID":"a\n"}"#,
            r#"{"userID":1.5}"#,
            r#"{"userID":01}"#,
            r#"{"userID":-0}"#,
            r#"{"userID":12345678901234567890}"#,
            r#"{"userID":"a","userID":"b"}"#,
            r#"{"userID":"a","custom":{"k":[1]}}"#,
            r#"{"userID":"a" "email":"b"}"#,
            "{\"userID\":\"a\u{1}\"}",
            r#"{"userID":tru}"#,
            r#"{"userID":1e3}"#,
            r#"{"userID":-}"#,
            r#"{"userID":"a","custom":5}"#,
        ] {
            assert!(super::parse(text).is_none(), "{text}");
            check(text);
        }
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-20_i64..20).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(|f| json!(f)),
            "[a-z]{0,9}".prop_map(Value::from),
            ".{0,5}".prop_map(Value::from),
            Just(json!([1, {"a": "b"}])),
        ]
    }

    fn map() -> impl Strategy<Value = Value> {
        let entries = prop::collection::vec(("[a-c]{0,2}", scalar()), 0..5);
        entries.prop_map(|entries| Value::Object(entries.into_iter().collect()))
    }

    fn user() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "userID",
            "user_id",
            "email",
            "ip",
            "userAgent",
            "country",
            "locale",
            "appVersion",
            "custom",
            "privateAttributes",
            "statsigEnvironment",
            "customIDs",
            "custom_ids",
            "other",
        ]);
        let members = prop::collection::vec((names, prop_oneof![2 => scalar(), 2 => map()]), 0..8);
        members.prop_map(|members| {
            let members = members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Value::Object(members.collect::<Map<_, _>>())
        })
    }

    proptest! {
        #[test]
        fn both_parsers_agree(user in user(), pretty: bool, cut in any::<prop::sample::Index>(), put in "[\\[\\]{}\",:0-9a-z.\\\\ -]?") {
            let text = if pretty {
                serde_json::to_string_pretty(&user)
            } else {
                serde_json::to_string(&user)
            };
            let text = text.expect("JSON");
            check(&text);
            // The same with one character replaced, most often no longer JSON.
            let at = cut.index(text.len());
            if text.is_char_boundary(at) {
                let rest = text[at..].chars().next().map_or(0, char::len_utf8);
                check(&format!("{}{put}{}", &text[..at], &text[at + rest..]));
            }
        }
    }
}
