//! Who is asking: a user, parsed once from JSON and immutable from then on.
//!
//! All text of a user lies in one arena and every entry is a few words, so that a live user is
//! small. What evaluation derives from a user (user agent, country, hashes of ids) is computed on
//! first need and kept. Private attributes can be read by evaluation and are never written to a log.

mod logged;
mod parse;
mod plain;
mod value;

use once_cell::race::OnceBox;
use smallvec::SmallVec;

pub use value::ValueRef;
use value::{Span, UserValue};

use crate::spec::id_list::id_hash;

/// A user. Made by [`User::from_json`]; shared as `Arc<User>`.
pub struct User {
    text: Box<str>,
    top: [UserValue; TopLevel::COUNT],
    entries: Box<[Entry]>,
    custom_ids: SmallVec<[(Span, Span); 2]>,
    given: Given,
    identity: u64,
    derived: OnceBox<Derived>,
}

/// The named fields of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TopLevel {
    UserId,
    Email,
    Ip,
    UserAgent,
    Country,
    Locale,
    AppVersion,
}

impl TopLevel {
    const COUNT: usize = 7;

    /// All fields with their names on the wire, in logging order.
    const WIRE: [(TopLevel, &'static str); Self::COUNT] = [
        (TopLevel::UserId, "userID"),
        (TopLevel::Email, "email"),
        (TopLevel::Ip, "ip"),
        (TopLevel::UserAgent, "userAgent"),
        (TopLevel::Country, "country"),
        (TopLevel::Locale, "locale"),
        (TopLevel::AppVersion, "appVersion"),
    ];

    /// The field that a condition's `field` means, by its lower-cased name.
    #[must_use]
    pub fn from_lowercase(name: &str) -> Option<TopLevel> {
        Some(match name {
            "userid" | "user_id" => TopLevel::UserId,
            "email" => TopLevel::Email,
            "ip" | "ipaddress" | "ip_address" => TopLevel::Ip,
            "useragent" | "user_agent" => TopLevel::UserAgent,
            "country" => TopLevel::Country,
            "locale" => TopLevel::Locale,
            "appversion" | "app_version" => TopLevel::AppVersion,
            _ => return None,
        })
    }
}

/// The maps of a user, in the order evaluation looks into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Group {
    Custom,
    Private,
    Environment,
}

struct Entry {
    key: Span,
    group: Group,
    value: UserValue,
}

/// Which of the user's objects were given, even if empty.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each object")]
struct Given {
    custom: bool,
    private: bool,
    environment: bool,
    custom_ids: bool,
}

impl Given {
    fn has(self, group: Group) -> bool {
        match group {
            Group::Custom => self.custom,
            Group::Private => self.private,
            Group::Environment => self.environment,
        }
    }
}

/// Facts computed from a user on first need. Two threads may compute the same fact at once and one
/// wins; nobody waits, so a fork in between cannot leave the child waiting for ever.
#[derive(Default)]
struct Derived {
    #[cfg(feature = "ua")]
    user_agent: OnceBox<Option<crate::derive::user_agent::UserAgent>>,
    id_hashes: [OnceBox<u64>; 2],
}

impl User {
    /// A named field as given; null and missing are [`ValueRef::Missing`].
    #[must_use]
    pub fn top_level(&self, field: TopLevel) -> ValueRef<'_> {
        self.top
            .get(field as usize)
            .map_or(ValueRef::Missing, |value| value.read(&self.text))
    }

    /// The value of `key` in one of the user's maps, matched exactly.
    #[must_use]
    pub fn entry(&self, group: Group, key: &str) -> ValueRef<'_> {
        self.entries
            .iter()
            .find(|entry| {
                entry.group == group
                    && entry.key.len() == key.len()
                    && entry.key.read(&self.text) == key
            })
            .map_or(ValueRef::Missing, |entry| entry.value.read(&self.text))
    }

    /// The entries of one of the user's maps, in the order given.
    pub fn entries(&self, group: Group) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.entries
            .iter()
            .filter(move |entry| entry.group == group)
            .map(|entry| (entry.key.read(&self.text), entry.value.read(&self.text)))
    }

    /// Whether the user brought an environment of its own.
    #[must_use]
    pub fn has_environment(&self) -> bool {
        self.given.environment
    }

    /// Bytes of text in memory.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The user id, which may be empty text if there are custom ids.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match self.top_level(TopLevel::UserId) {
            ValueRef::Text(id) => Some(id),
            _ => None,
        }
    }

    /// Custom ids as `(type, id)`, in the order given.
    pub fn custom_ids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.custom_ids
            .iter()
            .map(|(key, id)| (key.read(&self.text), id.read(&self.text)))
    }

    /// Whether custom ids were given, even if none.
    #[must_use]
    pub fn has_custom_ids(&self) -> bool {
        self.given.custom_ids
    }

    /// The custom id of exactly this type.
    #[must_use]
    pub fn custom_id(&self, id_type: &str) -> Option<&str> {
        self.custom_ids()
            .find(|(key, _)| *key == id_type)
            .map(|(_, id)| id)
    }

    /// A hash of the user id and the values of the custom ids, in order: the user's share of the
    /// key by which exposures are de-duplicated.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// [`id_hash`] of one of the user's ids, kept for the user id and the first custom id.
    pub(crate) fn unit_hash(&self, unit_id: &str) -> u64 {
        let slot = if self.user_id().is_some_and(|id| std::ptr::eq(id, unit_id)) {
            0
        } else if self
            .custom_ids()
            .next()
            .is_some_and(|(_, id)| std::ptr::eq(id, unit_id))
        {
            1
        } else {
            return id_hash(unit_id);
        };
        match self.derived().id_hashes.get(slot) {
            Some(cell) => *cell.get_or_init(|| Box::new(id_hash(unit_id))),
            None => id_hash(unit_id),
        }
    }

    /// The parsed form of `text`, which must be this user's user agent.
    #[cfg(feature = "ua")]
    pub(crate) fn user_agent(&self, text: &str) -> Option<&crate::derive::user_agent::UserAgent> {
        self.derived()
            .user_agent
            .get_or_init(|| Box::new(crate::derive::user_agent::parse(text)))
            .as_ref()
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(Box::default)
    }
}

impl std::fmt::Debug for User {
    /// Ids only: the rest may be private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.custom_ids().collect();
        f.debug_struct("User")
            .field("user_id", &self.user_id())
            .field("custom_ids", &ids)
            .finish()
    }
}
