//! User JSON to [`User`], in one pass over the text.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use smallvec::SmallVec;

use super::value::{Span, UserValue};
use super::{Entry, Given, Group, TopLevel, User, ValueRef, plain};
use crate::error::Error;
use crate::json_input;

impl User {
    /// Parses user JSON. Accepts wire names and the snake-case names of the vendor's Python SDK.
    ///
    /// # Errors
    /// [`Error::Json`] for text that is not JSON; [`Error::Argument`] when a member has the wrong
    /// type or when there is neither a user id nor a custom id.
    pub fn from_json(text: &str) -> Result<User, Error> {
        match plain::parse(text) {
            Some(builder) => builder.finish(),
            None => User::from_any_json(text),
        }
    }

    /// Parses whatever is valid, and tells what is not.
    pub(super) fn from_any_json(text: &str) -> Result<User, Error> {
        let mended = json_input::mend(text);
        let text = &*mended;
        let mut builder = Builder {
            arena: String::with_capacity(text.len()),
            ..Builder::default()
        };
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(UserVisitor(&mut builder))
            .and_then(|()| json.end())
            .map_err(|e| match e.classify() {
                serde_json::error::Category::Data => Error::argument("user", e.to_string()),
                _ => Error::Json {
                    what: "user",
                    detail: e.to_string(),
                },
            })?;
        builder.finish()
    }
}

#[derive(Default)]
pub(super) struct Builder {
    pub(super) arena: String,
    pub(super) top: [UserValue; TopLevel::COUNT],
    pub(super) entries: SmallVec<[Entry; 8]>,
    pub(super) custom_ids: SmallVec<[(Span, Span); 2]>,
    pub(super) given: Given,
}

impl Builder {
    fn finish(mut self) -> Result<User, Error> {
        if let Some(id) = self.top.get_mut(TopLevel::UserId as usize) {
            match id {
                UserValue::Json(_) => {
                    return Err(Error::argument("user.userID", "expected text or a number"));
                }
                UserValue::Null | UserValue::Text(_) => {}
                number => {
                    let span = append_text(&mut self.arena, number.read(""))?;
                    *number = UserValue::Text(span);
                }
            }
        }
        // Of exactly the right size from the start.
        let mut entries = Vec::with_capacity(self.entries.len());
        entries.extend(self.entries);
        let mut user = User {
            text: self.arena.into_boxed_str(),
            top: self.top,
            entries: entries.into_boxed_slice(),
            custom_ids: self.custom_ids,
            given: self.given,
            identity: 0,
            derived: once_cell::race::OnceBox::new(),
        };
        if user.user_id().is_none_or(str::is_empty) && user.custom_ids.is_empty() {
            return Err(Error::argument(
                "user",
                "needs a userID or at least one customID",
            ));
        }
        user.identity = identity(&user);
        Ok(user)
    }
}

fn append_text(arena: &mut String, value: ValueRef<'_>) -> Result<Span, Error> {
    let start = arena.len();
    arena.push_str(&value.to_text().unwrap_or_default());
    Span::new(start, arena.len()).ok_or_else(too_large)
}

fn too_large() -> Error {
    Error::argument("user", "larger than 4 GiB")
}

/// Length-prefixed, so that ids that contain separators cannot collide.
fn identity(user: &User) -> u64 {
    let mut hasher = foldhash::quality::FixedState::with_seed(IDENTITY_SEED).build_hasher();
    let mut add = |id: &str| {
        hasher.write_usize(id.len());
        hasher.write(id.as_bytes());
    };
    match user.user_id() {
        Some(id) => add(id),
        None => add("\u{0}none"),
    }
    for (_, id) in user.custom_ids() {
        add(id);
    }
    hasher.finish()
}

const IDENTITY_SEED: u64 = 0x7469_6465_6761_7465;

struct UserVisitor<'b>(&'b mut Builder);

/// What a member of the user object is.
#[derive(Clone, Copy)]
pub(super) enum Member {
    Top(TopLevel),
    Map(Group),
    CustomIds,
    Unknown,
}

impl Member {
    pub(super) fn of(name: &[u8]) -> Member {
        match name {
            b"userID" | b"user_id" => Member::Top(TopLevel::UserId),
            b"email" => Member::Top(TopLevel::Email),
            b"ip" => Member::Top(TopLevel::Ip),
            b"userAgent" | b"user_agent" => Member::Top(TopLevel::UserAgent),
            b"country" => Member::Top(TopLevel::Country),
            b"locale" => Member::Top(TopLevel::Locale),
            b"appVersion" | b"app_version" => Member::Top(TopLevel::AppVersion),
            b"custom" => Member::Map(Group::Custom),
            b"privateAttributes" | b"private_attributes" => Member::Map(Group::Private),
            b"statsigEnvironment" | b"statsig_environment" => Member::Map(Group::Environment),
            b"customIDs" | b"custom_ids" => Member::CustomIds,
            _ => Member::Unknown,
        }
    }

    /// A number of its own for each member that counts, and 0 for the others.
    pub(super) fn number(self) -> u32 {
        match self {
            Member::Unknown => 0,
            Member::CustomIds => 1,
            Member::Map(group) => 2 + u32::from(group as u8),
            Member::Top(field) => 5 + u32::from(field as u8),
        }
    }
}

struct MemberSeed;

impl<'de> DeserializeSeed<'de> for MemberSeed {
    type Value = Member;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Member, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberSeed {
    type Value = Member;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(Member::of(name.as_bytes()))
    }
}

impl<'de> Visitor<'de> for UserVisitor<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user object")
    }
    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(member) = members.next_key_seed(MemberSeed)? {
            match member {
                Member::Top(field) => {
                    let value = members.next_value_seed(ValueSeed(&mut self.0.arena))?;
                    if let Some(slot) = self.0.top.get_mut(field as usize) {
                        *slot = value;
                    }
                }
                Member::Map(group) => {
                    self.0.entries.retain(|entry| entry.group != group);
                    members.next_value_seed(GroupSeed {
                        builder: self.0,
                        group: Some(group),
                    })?;
                }
                Member::CustomIds => {
                    self.0.custom_ids.clear();
                    members.next_value_seed(GroupSeed {
                        builder: self.0,
                        group: None,
                    })?;
                }
                Member::Unknown => {
                    members.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// An object of the user: one of its groups, or (without a group) the custom ids.
struct GroupSeed<'b> {
    builder: &'b mut Builder,
    group: Option<Group>,
}

impl<'de> DeserializeSeed<'de> for GroupSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for GroupSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.group {
            Some(Group::Custom) => "custom",
            Some(Group::Private) => "privateAttributes",
            Some(Group::Environment) => "statsigEnvironment",
            None => "customIDs",
        };
        write!(f, "an object for {name}")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<(), M::Error> {
        match self.group {
            Some(Group::Custom) => self.builder.given.custom = true,
            Some(Group::Private) => self.builder.given.private = true,
            Some(Group::Environment) => self.builder.given.environment = true,
            None => self.builder.given.custom_ids = true,
        }
        while let Some(key) = entries.next_key_seed(TextSeed(&mut self.builder.arena))? {
            let value = entries.next_value_seed(ValueSeed(&mut self.builder.arena))?;
            if let Some(group) = self.group {
                self.builder.entries.push(Entry { key, group, value });
            } else {
                let id = match value {
                    UserValue::Null => continue,
                    UserValue::Text(span) => span,
                    UserValue::Json(_) => {
                        return Err(M::Error::custom("customIDs: expected text or numbers"));
                    }
                    number => append_text(&mut self.builder.arena, number.read(""))
                        .map_err(M::Error::custom)?,
                };
                self.builder.custom_ids.push((key, id));
            }
        }
        Ok(())
    }
}

/// Text, appended to the arena.
struct TextSeed<'b>(&'b mut String);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = Span;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Span, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for TextSeed<'_> {
    type Value = Span;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
        let start = self.0.len();
        self.0.push_str(text);
        Span::new(start, self.0.len()).ok_or_else(|| E::custom("user larger than 4 GiB"))
    }
}

/// Any value; text goes to the arena.
struct ValueSeed<'b>(&'b mut String);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = UserValue;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<UserValue, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = UserValue;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<UserValue, E> {
        Ok(UserValue::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<UserValue, E> {
        Ok(UserValue::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<UserValue, E> {
        Ok(UserValue::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<UserValue, E> {
        Ok(i64::try_from(value).map_or(UserValue::UInt(value), UserValue::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<UserValue, E> {
        Ok(UserValue::Float(value))
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<UserValue, E> {
        TextSeed(self.0).visit_str(text).map(UserValue::Text)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<UserValue, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(seq)).map(|v| UserValue::Json(Box::new(v)))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UserValue, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(|v| UserValue::Json(Box::new(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_member_is_read() {
        let user = User::from_json(
            r#"{"user_id": 5, "app_version": "1.2", "custom": {"k": "v\n", "n": [1]},
                "private_attributes": {"p": true}, "custom_ids": {"c": 7, "none": null}}"#,
        )
        .expect("a user");
        assert_eq!(user.user_id(), Some("5"));
        assert_eq!(user.top_level(TopLevel::AppVersion), ValueRef::Text("1.2"));
        assert_eq!(user.entry(Group::Custom, "k"), ValueRef::Text("v\n"));
        assert_eq!(user.entry(Group::Private, "p"), ValueRef::Bool(true));
        assert_eq!(user.custom_ids().collect::<Vec<_>>(), [("c", "7")]);
    }

    #[test]
    fn bad_users_are_named() {
        for (text, part) in [
            ("", "user is not valid JSON"),
            ("[]", "a user object"),
            ("{}", "userID or at least one customID"),
            (r#"{"userID": ""}"#, "userID or at least one customID"),
            (r#"{"userID": "a", "custom": 5}"#, "object for custom"),
            (r#"{"userID": ["a"]}"#, "userID"),
            (r#"{"userID": "a"} x"#, "not valid JSON"),
        ] {
            let error = User::from_json(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn identity_depends_on_ids_and_their_order_only() {
        let identity = |text: &str| User::from_json(text).expect("a user").identity();
        let base = identity(r#"{"userID":"a","customIDs":{"x":"1","y":"2"}}"#);
        assert_eq!(
            base,
            identity(r#"{"userID":"a","email":"e","customIDs":{"p":"1","q":"2"}}"#)
        );
        assert_ne!(
            base,
            identity(r#"{"userID":"a","customIDs":{"x":"2","y":"1"}}"#)
        );
        assert_ne!(
            identity(r#"{"userID":"a,b"}"#),
            identity(r#"{"userID":"a","customIDs":{"x":"b"}}"#)
        );
    }
}
