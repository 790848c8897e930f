//! Custom events: one from its parts, or many from JSON.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Client;
use crate::error::Error;
use crate::exposure::{CustomEvent, EventValue};
use crate::json_input::{self, Readable};
use crate::user::User;

/// An event as `log_event_json` takes it. The Python SDK's names and the wire's are accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventJson<'a> {
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    #[serde(alias = "eventName")]
    event_name: Option<String>,
    #[serde(default)]
    value: Option<serde_json::Value>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(default)]
    time: Option<i64>,
    #[serde(
        borrow,
        default,
        rename = "statsigMetadata",
        alias = "statsig_metadata"
    )]
    statsig_metadata: Option<&'a RawValue>,
}

impl Client {
    /// Accepts one event. Never blocks and does no I/O.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown; [`Error::Argument`] or
    /// [`Error::Json`] naming what is wrong with the event.
    pub fn log_event(
        &self,
        user: &Arc<User>,
        name: &str,
        value: EventValue,
        metadata_json: Option<&str>,
    ) -> Result<(), Error> {
        self.ensure_ready()?;
        self.events.log(CustomEvent {
            user: Arc::clone(user),
            name: event_name(name)?,
            value: checked_value(value)?,
            metadata: metadata_json
                .map(|text| object("metadata", &json_input::mend(text)))
                .transpose()?
                .flatten(),
            statsig_metadata: None,
            time_ms: self.ctx.clock.now_ms(),
        })
    }

    /// Accepts one event, or a list of them. A bad one does not keep the others out.
    ///
    /// # Errors
    /// [`Error::Json`] when the text as a whole is not JSON (nothing is accepted then);
    /// otherwise the error of the first bad event, naming its index.
    pub fn log_event_json(&self, json: &str) -> Result<(), Error> {
        self.ensure_ready()?;
        let mended = json_input::mend(json);
        let json = &*mended;
        let events: Vec<&RawValue> = if json.trim_start().starts_with('[') {
            json_input::parse_any("events", json)?
        } else {
            vec![json_input::parse_any("event", json)?]
        };
        let mut first_error = None;
        for (index, raw) in events.iter().enumerate() {
            let accepted = self
                .parse_event(raw)
                .and_then(|event| self.events.log(event));
            if let Err(error) = accepted {
                first_error.get_or_insert_with(|| {
                    Error::argument(format!("event {index}"), error.to_string())
                });
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn parse_event(&self, raw: &RawValue) -> Result<CustomEvent, Error> {
        let event: EventJson<'_> = json_input::parse("event", raw.get())?;
        let user = event
            .user
            .ok_or_else(|| Error::argument("user", "missing"))?;
        let value = match event.value {
            None | Some(serde_json::Value::Null) => EventValue::None,
            Some(serde_json::Value::String(text)) => EventValue::Text(text.into()),
            Some(serde_json::Value::Number(number)) => {
                EventValue::Number(number.as_f64().unwrap_or(f64::NAN))
            }
            Some(_) => return Err(Error::argument("value", "expected text, a number or null")),
        };
        if event.time.is_some_and(|time| time < 0) {
            return Err(Error::argument("time", "expected milliseconds since 1970"));
        }
        let optional = |what, raw: Option<&RawValue>| {
            raw.map(|raw| object(what, raw.get()))
                .transpose()
                .map(Option::flatten)
        };
        Ok(CustomEvent {
            user: Arc::new(User::from_json(user.get())?),
            name: event_name(event.event_name.as_deref().unwrap_or_default())?,
            value: checked_value(value)?,
            metadata: optional("metadata", event.metadata)?,
            statsig_metadata: optional("statsigMetadata", event.statsig_metadata)?,
            time_ms: event.time.unwrap_or_else(|| self.ctx.clock.now_ms()),
        })
    }
}

fn event_name(name: &str) -> Result<Box<str>, Error> {
    if name.is_empty() {
        return Err(Error::argument("event_name", "must not be empty"));
    }
    Ok(name.into())
}

/// JSON has no infinities and no NaN.
fn checked_value(value: EventValue) -> Result<EventValue, Error> {
    match value {
        EventValue::Number(number) if !number.is_finite() => {
            Err(Error::argument("value", "must be a finite number"))
        }
        value => Ok(value),
    }
}

/// `text` as a JSON object; null and blank text are no object.
fn object(what: &'static str, text: &str) -> Result<Option<Box<str>>, Error> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        return Ok(None);
    }
    json_input::parse_any::<Readable>(what, trimmed)?;
    if trimmed.starts_with('{') {
        Ok(Some(trimmed.into()))
    } else {
        Err(Error::argument(what, "expected a JSON object"))
    }
}
