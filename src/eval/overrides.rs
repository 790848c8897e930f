//! Local overrides: consulted before anything else, for the name asked for and for nested gates.
//!
//! Configs and experiments share one store, as they share one namespace. An override of an
//! experiment does not reach a layer that delegates to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Kind, Namespace};
use crate::error::Error;
use crate::json_input;
use crate::json_writer::object;
use crate::spec::JsonObject;
use crate::user::User;

/// An overridden value.
#[derive(Debug, Clone)]
pub enum Overridden {
    Gate(bool),
    Object(Arc<JsonObject>),
}

impl Overridden {
    /// The value of a gate.
    #[must_use]
    pub fn as_bool(&self) -> bool {
        matches!(self, Overridden::Gate(true))
    }

    fn parse(kind: Kind, what: &str, value: &Value) -> Result<Overridden, Error> {
        match (kind, value) {
            (Kind::Gate, Value::Bool(value)) => Ok(Overridden::Gate(*value)),
            (Kind::Gate, _) => Err(Error::argument(
                what,
                "a gate override must be true or false",
            )),
            (_, Value::Object(map)) => Ok(Overridden::Object(Arc::new(JsonObject::from_map(
                map.clone(),
            )))),
            _ => Err(Error::argument(what, "an override must be a JSON object")),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Overridden::Gate(value) => Value::Bool(*value),
            Overridden::Object(object) => Value::Object(object.to_map()),
        }
    }
}

/// Values of one name: by id, the empty id meaning everybody.
type ById = BTreeMap<Box<str>, Overridden>;

/// All overrides of a client. Replaced whole when one changes.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    names: [BTreeMap<Box<str>, ById>; 3],
}

impl Overrides {
    /// Whether nothing is overridden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeMap::is_empty)
    }

    /// The override of `name` for `user`: by user id, then by each custom id in the order given,
    /// then for everybody.
    #[must_use]
    pub fn lookup(&self, namespace: Namespace, name: &str, user: &User) -> Option<Overridden> {
        let names = self.names.get(namespace as usize)?;
        let by_id = names.get(name)?;
        let ids = user
            .user_id()
            .into_iter()
            .chain(user.custom_ids().map(|(_, id)| id));
        // The empty text is the key of "everybody", never an id to look up.
        ids.filter(|id| !id.is_empty())
            .chain([""])
            .find_map(|id| by_id.get(id))
            .cloned()
    }

    /// Sets an override from JSON text.
    ///
    /// # Errors
    /// When the value is not of the kind's type.
    pub fn set(&mut self, kind: Kind, name: &str, value_json: &str, id: &str) -> Result<(), Error> {
        let value: Value = json_input::parse_any("override value", value_json)?;
        self.insert(kind, name, id, Overridden::parse(kind, name, &value)?);
        Ok(())
    }

    fn insert(&mut self, kind: Kind, name: &str, id: &str, value: Overridden) {
        if let Some(names) = self.names.get_mut(kind.namespace() as usize) {
            names
                .entry(name.into())
                .or_default()
                .insert(id.into(), value);
        }
    }

    /// Removes exactly one entry: that of `id`, or that of everybody.
    pub fn remove(&mut self, kind: Kind, name: &str, id: &str) {
        let Some(names) = self.names.get_mut(kind.namespace() as usize) else {
            return;
        };
        if let Some(by_id) = names.get_mut(name) {
            by_id.remove(id);
            if by_id.is_empty() {
                names.remove(name);
            }
        }
    }

    /// Overrides from `{"gates":{name:{id:value}},"configs":{},"experiments":{},"layers":{}}`.
    ///
    /// # Errors
    /// When the text is not JSON of that shape; the message names the entry.
    pub fn from_json(text: &str) -> Result<Overrides, Error> {
        let value: Value = json_input::parse_any("overrides", text)?;
        let Value::Object(value) = value else {
            return Err(Error::argument("overrides", "expected a JSON object"));
        };
        let mut overrides = Overrides::default();
        for (section, names) in &value {
            let kind = match section.as_str() {
                "gates" => Kind::Gate,
                "configs" => Kind::Config,
                "experiments" => Kind::Experiment,
                "layers" => Kind::Layer,
                _ => {
                    return Err(Error::argument(
                        section.as_str(),
                        "unknown kind of override",
                    ));
                }
            };
            for (name, by_id) in object(names, section)? {
                let what = format!("{section}.{name}");
                for (id, value) in object(by_id, &what)? {
                    overrides.insert(kind, name, id, Overridden::parse(kind, &what, value)?);
                }
            }
        }
        Ok(overrides)
    }

    /// The same shape that [`Overrides::from_json`] reads. Experiments appear among the configs.
    #[must_use]
    pub fn to_json(&self) -> String {
        let section = |namespace: Namespace| -> Value {
            let names = self.names.get(namespace as usize);
            let names = names.into_iter().flatten().map(|(name, by_id)| {
                let by_id = by_id
                    .iter()
                    .map(|(id, value)| (id.to_string(), value.to_value()));
                (name.to_string(), Value::Object(by_id.collect()))
            });
            Value::Object(names.collect())
        };
        object!({
            "gates": section(Namespace::Gates),
            "configs": section(Namespace::Configs),
            "experiments": object!({}),
            "layers": section(Namespace::Layers),
        })
        .to_string()
    }
}

fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>, Error> {
    value
        .as_object()
        .ok_or_else(|| Error::argument(what, "expected an object"))
}
