//! Asking for much at once.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Client, Flags};
use crate::client_init::{Identity, ResponseOptions, respond};
use crate::error::Error;
use crate::eval::trace::NoTrace;
use crate::eval::{Kind, World, evaluate};
use crate::json_input;
use crate::json_writer::{ObjectWriter, object, write_list};
use crate::spec::{Entity, Spec};
use crate::user::User;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    #[serde(borrow)]
    users: Vec<&'a RawValue>,
    entities: Vec<EntityRef>,
    #[serde(default)]
    log_exposures: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityRef {
    kind: String,
    name: String,
}

impl Client {
    /// Many users and entities in one crossing: one row of results a user. What is wrong with one
    /// cell is that cell's `error`.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Argument`] when the request as a whole is malformed;
    /// [`Error::State`] before initialize and after shutdown.
    pub fn evaluate_batch(self: &Arc<Self>, request_json: &str) -> Result<String, Error> {
        self.ensure_ready()?;
        let request: Request<'_> = json_input::parse("request", request_json)?;
        let flags = Flags::from_bits(if request.log_exposures {
            0
        } else {
            Flags::NO_EXPOSURE
        })?;
        let mut out = Vec::new();
        let mut object = ObjectWriter::new(&mut out);
        object.key("results");
        write_list(object.out, &request.users, |out, user| {
            let user = User::from_json(user.get()).map(Arc::new);
            write_list(out, &request.entities, |out, entity| {
                let kind = Kind::from_name(&entity.kind).ok_or_else(|| {
                    let is_not = "is not gate, config, experiment or layer";
                    Error::argument("kind", format!("{:?} {is_not}", entity.kind))
                });
                let result = match (&user, kind) {
                    (Ok(user), Ok(kind)) => self.evaluate(kind, user, &entity.name, flags),
                    (Ok(_), Err(error)) => Err(error),
                    (Err(error), _) => return error_cell(out, error),
                };
                match result {
                    Ok(result) => result.write_json(out),
                    Err(error) => error_cell(out, &error),
                }
            });
        });
        object.end();
        Ok(String::from_utf8(out).unwrap_or_default())
    }

    /// Value and rule of every gate and config for one user, local overrides applied. No
    /// exposures, no layers; segments and holdouts are included.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown.
    pub fn evaluate_all(&self, user: &Arc<User>) -> Result<String, Error> {
        self.ensure_ready()?;
        let snapshot = self.ctx.store.load_full();
        let clock = &self.ctx.clock;
        let now_ms = || clock.now_ms();
        let world: World<'_> = self.world(&snapshot, user, &now_ms);
        let section = |kind: Kind| {
            let specs = kind.namespace().table(world.specs).specs();
            let entries = specs.map(|(_, spec)| {
                let evaluation = evaluate(&world, kind, &spec.name, &mut NoTrace);
                let value = match kind {
                    Kind::Gate => Value::Bool(evaluation.value()),
                    _ => Value::Object(evaluation.object(&snapshot).to_map()),
                };
                let entry = object!({"value": value, "rule_id": evaluation.rule_id(&snapshot)});
                (spec.name.to_string(), entry)
            });
            Value::Object(entries.collect())
        };
        let all = object!({
            "feature_gates": section(Kind::Gate),
            "dynamic_configs": section(Kind::Config),
        });
        Ok(all.to_string())
    }

    /// What a client SDK needs to start for this user, as JSON in UTF-8; `null` while there are no
    /// specs. Works at every time; leaves no exposures.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Argument`] naming what is wrong with the options.
    pub fn client_init_response(
        &self,
        user: &Arc<User>,
        options_json: &str,
    ) -> Result<Vec<u8>, Error> {
        let options = ResponseOptions::from_json(options_json)?;
        let snapshot = self.ctx.store.load_full();
        let clock = &self.ctx.clock;
        let now_ms = || clock.now_ms();
        let identity = Identity {
            sdk_type: self.ctx.sdk_type(),
            sdk_version: self.ctx.sdk_version(),
        };
        let world = self.world(&snapshot, user, &now_ms);
        Ok(respond(&world, &options, &identity, fastrand::f64()))
    }

    /// Names of what the current specs define. Kind 0 lists all kinds, as an object; the others
    /// give a list.
    ///
    /// # Errors
    /// [`Error::Argument`] for a number that is no kind.
    pub fn list_entities(&self, kind: i32) -> Result<String, Error> {
        let snapshot = self.ctx.store.load_full();
        let specs = &snapshot.specs;
        let names = |kind: Kind, entities: &[Entity]| -> Vec<String> {
            let wanted = |spec: &Spec| entities.is_empty() || entities.contains(&spec.entity);
            let specs = kind.namespace().table(specs).specs().map(|(_, spec)| spec);
            specs
                .filter(|spec| wanted(spec))
                .map(|spec| spec.name.to_string())
                .collect()
        };
        let gates = || names(Kind::Gate, &[]);
        let configs = || names(Kind::Config, &[Entity::DynamicConfig, Entity::Autotune]);
        let experiments = || names(Kind::Experiment, &[Entity::Experiment]);
        let layers = || names(Kind::Layer, &[]);
        let listed = match (kind, Kind::from_number(kind)) {
            (0, _) => object!({
                "gates": gates(),
                "configs": configs(),
                "experiments": experiments(),
                "layers": layers(),
                "autotunes": names(Kind::Config, &[Entity::Autotune]),
            }),
            (_, Some(Kind::Gate)) => json!(gates()),
            (_, Some(Kind::Config)) => json!(configs()),
            (_, Some(Kind::Experiment)) => json!(experiments()),
            (_, Some(Kind::Layer)) => json!(layers()),
            (_, None) => return Err(Error::argument("kind", "expected 0 to 4")),
        };
        Ok(listed.to_string())
    }
}

fn error_cell(out: &mut Vec<u8>, error: &Error) {
    let error = object!({"code": error.code(), "message": error.to_string()});
    out.extend_from_slice(object!({"error": error}).to_string().as_bytes());
}
