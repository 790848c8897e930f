//! Cuts the text of a ruleset into members and entries.
//!
//! An entry that the previous ruleset had too, word for word, is recognized by comparing the bytes
//! and is not read. So an update costs one comparison of the documents, and what has changed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{Document, Entries, Entry};
use super::{Conditions, SpecSet, Table};

/// Not a JSON object. Where it went wrong is for the caller to find out.
#[derive(Debug)]
pub(super) struct Malformed;

type Cut<T> = Result<T, Malformed>;

/// How far behind the expected entry of a list the next one that is still there may be.
const LOOK_AHEAD: usize = 64;

/// Cuts all of `text`.
pub(super) fn split<'a>(text: &'a str, previous: &SpecSet) -> Cut<Document<'a>> {
    let before = previous.text();
    let mut document = Document::default();
    let mut cursor = Cursor { text, at: 0 };
    cursor.object(|cursor, key| {
        let specs = |table| Old::Specs { table, before };
        match &*key {
            "feature_gates" => document.feature_gates = cursor.entries(&specs(&previous.gates))?,
            "dynamic_configs" => {
                document.dynamic_configs = cursor.entries(&specs(&previous.configs))?;
            }
            "layer_configs" => document.layer_configs = cursor.entries(&specs(&previous.layers))?,
            "condition_map" => {
                let conditions = &previous.conditions;
                document.condition_map = cursor.entries(&Old::Conditions { conditions, before })?;
            }
            "override_rules" => document.override_rules = cursor.entries(&Old::Nothing)?,
            _ => {
                let raw = cursor.read::<&RawValue>()?;
                document.members.insert(key, raw);
            }
        }
        Ok(())
    })?;
    match cursor.peek() {
        None => Ok(document),
        Some(_) => Err(Malformed),
    }
}

/// What the previous ruleset had where entries are cut.
enum Old<'p> {
    Nothing,
    Specs {
        table: &'p Table,
        before: &'p str,
    },
    Conditions {
        conditions: &'p Conditions,
        before: &'p str,
    },
}

impl<'p> Old<'p> {
    /// Slot and text of what had this name.
    fn named(&self, name: &str) -> Option<(u32, &'p str)> {
        match self {
            Old::Nothing => None,
            Old::Specs { table, .. } => self.in_slot(table.slot_of(name)?),
            Old::Conditions { conditions, .. } => self.in_slot(conditions.slot_of(name)?),
        }
    }

    fn in_slot(&self, slot: u32) -> Option<(u32, &'p str)> {
        let text = match self {
            Old::Nothing => None,
            Old::Specs { table, before } => table.pieces.get(slot as usize)?.of(before),
            Old::Conditions { conditions, before } => conditions.get(slot)?.piece.of(before),
        };
        Some((slot, text?))
    }

    /// Whether it had names where entries that are cut now have them. The same text has another
    /// name, or none, where it has not.
    fn is_alike(&self, is_map: bool) -> bool {
        match self {
            Old::Nothing => false,
            Old::Specs { table, .. } => table.is_map == is_map,
            Old::Conditions { .. } => is_map,
        }
    }

    /// Slots in the order of the list.
    fn order(&self) -> &'p [u32] {
        match self {
            Old::Specs { table, .. } => &table.order,
            Old::Nothing | Old::Conditions { .. } => &[],
        }
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// What is read of a spec to find out which one it is.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest().bytes();
        let blanks = rest.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += blanks.count();
        self.rest().bytes().next()
    }

    fn next(&mut self) -> Cut<u8> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn read<T: Deserialize<'a>>(&mut self) -> Cut<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let value = values.next().ok_or(Malformed)?.map_err(|_| Malformed)?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Steps over `text` if it stands here. It is a list or an object: another value might go on.
    fn steps_over(&mut self, text: &str) -> bool {
        let stands = text.starts_with(['{', '[']) && self.rest().starts_with(text);
        if stands {
            self.at += text.len();
        }
        stands
    }

    /// Steps through the values between `open` and `close`, which commas separate.
    fn values(
        &mut self,
        (open, close): (u8, u8),
        mut each: impl FnMut(&mut Self) -> Cut<()>,
    ) -> Cut<()> {
        if self.next()? != open {
            return Err(Malformed);
        }
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            match self.next()? {
                b',' => {}
                byte if byte == close => return Ok(()),
                _ => return Err(Malformed),
            }
        }
    }

    fn object(&mut self, mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Cut<()>) -> Cut<()> {
        self.values((b'{', b'}'), |cursor| {
            let Key(key) = cursor.read()?;
            if cursor.next()? != b':' {
                return Err(Malformed);
            }
            cursor.peek();
            each(cursor, key)
        })
    }

    fn entries(&mut self, old: &Old<'_>) -> Cut<Option<Entries<'a>>> {
        let mut entries = Entries::default();
        let first = self.peek();
        entries.is_map = first == Some(b'{');
        let old = if old.is_alike(entries.is_map) {
            old
        } else {
            &Old::Nothing
        };
        match first {
            Some(b'{') => {
                self.object(|cursor, key| {
                    let known = old.named(&key);
                    let (raw, same) = cursor.entry(known)?;
                    let key = Some(key);
                    entries.items.push(Entry { key, raw, same });
                    Ok(())
                })?;
            }
            Some(b'[') => {
                let mut expected = old.order();
                self.values((b'[', b']'), |cursor| {
                    let key = None;
                    let (raw, same) = cursor.element(old, &mut expected)?;
                    entries.items.push(Entry { key, raw, same });
                    Ok(())
                })?;
            }
            _ => {
                let other = self.read::<&RawValue>()?;
                if other.get() == "null" {
                    return Ok(None);
                }
                entries.unusable = true;
            }
        }
        Ok(Some(entries))
    }

    /// The value here, and the slot of what the previous ruleset had, if it is that.
    fn entry(&mut self, known: Option<(u32, &str)>) -> Cut<(&'a str, Option<u32>)> {
        let here = self.rest();
        if let Some((slot, text)) = known
            && self.steps_over(text)
        {
            return Ok((here.get(..text.len()).unwrap_or_default(), Some(slot)));
        }
        Ok((self.read::<&RawValue>()?.get(), None))
    }

    /// The same in a list, where the name is not known before all is read: what followed last time
    /// is expected to follow again, and what has been read tells what follows it.
    fn element(&mut self, old: &Old<'_>, expected: &mut &[u32]) -> Cut<(&'a str, Option<u32>)> {
        self.peek();
        let next = expected.split_first();
        let (raw, same) = self.entry(next.and_then(|(slot, _)| old.in_slot(*slot)))?;
        if let (Some(_), Some((_, rest))) = (same, next) {
            *expected = rest;
            return Ok((raw, same));
        }
        if old.order().is_empty() {
            return Ok((raw, None));
        }
        let named = serde_json::from_str::<Named<'_>>(raw).ok();
        let name = named.and_then(|named| named.name);
        let known = name.and_then(|name| old.named(&name));
        if let Some((slot, _)) = known {
            let ahead = expected.iter().take(LOOK_AHEAD);
            if let Some(position) = ahead.clone().position(|other| *other == slot) {
                *expected = expected.get(position + 1..).unwrap_or_default();
            }
        }
        let same = known.filter(|(_, text)| *text == raw);
        Ok((raw, same.map(|(slot, _)| slot)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::spec::compile::{Compiled, compile};
    use crate::spec::{Spec, SpecSet};

    fn loaded(document: String, previous: &SpecSet) -> SpecSet {
        match compile(&Arc::new(document), None, previous).expect("a ruleset") {
            Compiled::Specs(specs) => *specs,
            Compiled::NoUpdate => panic!("no ruleset"),
        }
    }

    fn compiled(document: &Value, previous: &SpecSet) -> SpecSet {
        loaded(document.to_string(), previous)
    }

    fn spec(salt: &str, conditions: &Value) -> Value {
        json!({"salt": salt, "enabled": true, "rules": [
            {"id": "r", "passPercentage": 100, "returnValue": true, "conditions": conditions}]})
    }

    fn listed(name: &str, salt: &str) -> Value {
        let mut spec = spec(salt, &json!([{"type": "public"}]));
        spec["name"] = json!(name);
        spec
    }

    fn list(gates: &[(&str, &str)]) -> Value {
        let gates: Vec<Value> = gates
            .iter()
            .map(|(name, salt)| listed(name, salt))
            .collect();
        json!({"time": 1, "feature_gates": gates})
    }

    fn map(gates: &[(&str, &str, &str)], conditions: &Value) -> Value {
        let gates = gates
            .iter()
            .map(|(name, salt, condition)| ((*name).to_owned(), spec(salt, &json!([condition]))));
        let gates: serde_json::Map<String, Value> = gates.collect();
        json!({"time": 1, "feature_gates": gates, "condition_map": conditions})
    }

    /// Names of the gates of `later` that were taken over from `earlier`, in the order sent.
    fn kept<'a>(earlier: &SpecSet, later: &'a SpecSet) -> Vec<&'a str> {
        let is_kept = |spec: &&Arc<Spec>| {
            let before = earlier.gates.get(&spec.name);
            before.is_some_and(|before| Arc::ptr_eq(before, spec))
        };
        let specs = later.gates.specs().map(|(_, spec)| spec);
        specs.filter(is_kept).map(|spec| &*spec.name).collect()
    }

    #[test]
    fn of_a_list_what_is_the_same_is_kept_wherever_it_stands() {
        let first = list(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let earlier = compiled(&first, &SpecSet::default());
        for (gates, expected) in [
            (
                vec![("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")],
                vec!["a", "c", "d"],
            ),
            (
                vec![("new", "1"), ("a", "1"), ("b", "1"), ("d", "1")],
                vec!["a", "b", "d"],
            ),
            (
                vec![("d", "1"), ("c", "1"), ("b", "1"), ("a", "1")],
                vec!["d", "c", "b", "a"],
            ),
            (vec![("c", "2"), ("d", "2")], vec![]),
            (vec![("ab", "1"), ("b", "1")], vec!["b"]),
            (vec![], vec![]),
        ] {
            let later = compiled(&list(&gates), &earlier);
            assert_eq!(kept(&earlier, &later), expected);
            let names: Vec<_> = later.gates.specs().map(|(_, spec)| &*spec.name).collect();
            assert_eq!(
                names,
                gates.iter().map(|(name, _)| *name).collect::<Vec<_>>()
            );
            for (name, salt) in gates {
                assert_eq!(&*later.gates.get(name).expect("it").salt, salt);
            }
        }
    }

    #[test]
    fn of_one_name_twice_the_last_counts_also_when_it_goes() {
        let earlier = compiled(&list(&[("a", "1"), ("a", "2")]), &SpecSet::default());
        assert_eq!(&*earlier.gates.get("a").expect("it").salt, "2");
        let later = compiled(&list(&[("a", "1")]), &earlier);
        assert_eq!(&*later.gates.get("a").expect("it").salt, "1");
        assert_eq!(kept(&earlier, &later), Vec::<&str>::new());
    }

    #[test]
    fn of_a_map_what_is_the_same_is_kept_with_the_same_conditions() {
        let public = json!({"type": "public"});
        let conditions = json!({"1": public, "2": {"type": "user_bucket", "operator": "lt",
            "targetValue": 5, "additionalValues": {"salt": "s"}}});
        let first = map(
            &[("a", "1", "1"), ("b", "1", "2"), ("c", "1", "3")],
            &conditions,
        );
        let earlier = compiled(&first, &SpecSet::default());
        // The condition that "c" names is not there: it may come, and "c" has to see it.
        let same = compiled(&first, &earlier);
        assert_eq!(kept(&earlier, &same), ["a", "b"]);
        let mut more = first.clone();
        more["condition_map"]["3"] = public.clone();
        assert_eq!(kept(&same, &compiled(&more, &same)), ["a", "b"]);
        let mut other = first.clone();
        other["condition_map"]["2"] = public;
        assert_eq!(kept(&same, &compiled(&other, &same)), ["a"]);
        let mut gone = first.clone();
        gone["condition_map"]
            .as_object_mut()
            .expect("a map")
            .remove("1");
        assert_eq!(kept(&same, &compiled(&gone, &same)), ["b"]);
        let moved = map(
            &[("c", "1", "3"), ("b", "2", "2"), ("a", "1", "1")],
            &conditions,
        );
        assert_eq!(kept(&same, &compiled(&moved, &same)), ["a"]);
    }

    #[test]
    fn a_text_that_had_to_be_mended_is_no_text_to_compare_with() {
        let first = list(&[("a", "\u{1}"), ("b", "1")]).to_string();
        let cut = |text: &str| text.replacen("\\u0001", "\\ud800", 1);
        let earlier = loaded(cut(&first), &SpecSet::default());
        assert_eq!(&*earlier.gates.get("a").expect("it").salt, "\u{fffd}");
        let later = loaded(
            cut(&first).replacen("\"time\":1", "\"time\":2", 1),
            &earlier,
        );
        assert_eq!(kept(&earlier, &later), Vec::<&str>::new());
        let plain = loaded(first, &later);
        assert_eq!(&*plain.gates.get("a").expect("it").salt, "\u{1}");
        assert_eq!(kept(&later, &plain), Vec::<&str>::new());
    }
}
