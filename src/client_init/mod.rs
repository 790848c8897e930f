//! Client initialize responses: what a client SDK needs to know about one user, so that it can
//! start without a request of its own.
//!
//! Every gate, config and layer is evaluated once; nested gates are shared between them. The
//! response is written straight into one buffer. Names are hashed as the client asks; rule ids,
//! group names and parameter names are not. Nothing is exposed.

mod hash;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::eval::trace::NoTrace;
use crate::eval::{
    Evaluator, Namespace, NestedGate, NestedGates, Overridden, Verdict, World, result,
};
use crate::json_input;
use crate::json_writer::{ObjectWriter, write_list, write_text};
use crate::spec::{Entity, JsonObject, Returned, Rule, Spec, SpecSet};
use hash::Hash;

/// What a caller may ask of a response.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseOptions {
    client_sdk_key: Option<String>,
    hash: Hash,
    include_local_overrides: bool,
    target_app_id: Option<String>,
}

impl ResponseOptions {
    /// Options from JSON; empty text means defaults.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Argument`] naming the member.
    pub fn from_json(text: &str) -> Result<ResponseOptions, Error> {
        if text.trim().is_empty() {
            return Ok(ResponseOptions::default());
        }
        let value: Value = json_input::parse_any("response options", text)?;
        let Value::Object(mut map) = value else {
            return Err(Error::argument(
                "response options",
                "expected a JSON object",
            ));
        };
        map.retain(|_, value| !value.is_null());
        serde_path_to_error::deserialize(map)
            .map_err(|e| Error::argument(e.path().to_string(), e.inner().to_string()))
    }
}

/// Who answers, for the `sdkInfo` of a response.
pub struct Identity<'a> {
    pub sdk_type: &'a str,
    pub sdk_version: &'a str,
}

/// The response for the user of `world` as JSON, in UTF-8; `null` when there are no specs yet.
/// `draw` is a random number from 0 to 1, for session recording.
#[must_use]
pub fn respond(
    world: &World<'_>,
    options: &ResponseOptions,
    identity: &Identity<'_>,
    draw: f64,
) -> Vec<u8> {
    if world.specs.lcut == 0 {
        return b"null".to_vec();
    }
    let key_app = options
        .client_sdk_key
        .as_deref()
        .map(|key| app_of_key(world.specs, key));
    let mut world = *world;
    if let Some(app) = key_app {
        // Conditions on the app see that of the key, an unknown key has none. A target app only
        // filters.
        world.app_id = app;
    }
    let app = options
        .target_app_id
        .as_deref()
        .filter(|app| !app.is_empty())
        .or_else(|| key_app.flatten());
    let overrides = world.overrides.filter(|_| options.include_local_overrides);
    world.overrides = overrides;
    let mut trace = NoTrace;
    let mut evaluator = Evaluator::new(world, &mut trace);
    evaluator.remember();
    let mut writer = Writer {
        world,
        evaluator,
        app,
        hash: options.hash,
        gate_values: Vec::new(),
    };
    let specs = world.specs;
    let objects = specs.configs.sent() + specs.layers.sent();
    let mut out = Vec::with_capacity(1024 + 400 * specs.gates.sent() + 1000 * objects);
    writer.write(&mut out, identity, draw);
    out
}

/// The app of a client key, which may be listed by its hash or as it is.
fn app_of_key<'a>(specs: &'a SpecSet, key: &str) -> Option<&'a str> {
    let hashed = crate::eval::bucket::djb2(key).to_string();
    specs
        .hashed_sdk_keys_to_app_ids
        .get(&*hashed)
        .or_else(|| specs.sdk_keys_to_app_ids.get(key))
        .map(|app| &**app)
}

struct Writer<'a, 't> {
    world: World<'a>,
    evaluator: Evaluator<'a, 't, NoTrace>,
    app: Option<&'a str>,
    hash: Hash,
    /// Gates of the response and their values, for session recording.
    gate_values: Vec<(Arc<str>, bool)>,
}

/// One evaluated spec.
struct Evaluated<'a> {
    verdict: Verdict,
    overridden: Option<Overridden>,
    rule: Option<&'a Rule>,
    nested: NestedGates,
    undelegated: usize,
}

impl Evaluated<'_> {
    fn is_experiment_group(&self) -> bool {
        self.rule.is_some_and(|rule| rule.is_experiment_group)
    }

    fn group_name(&self) -> Option<&str> {
        self.rule?.group_name()
    }
}

impl<'a> Writer<'a, '_> {
    fn write(&mut self, out: &mut Vec<u8>, identity: &Identity<'_>, draw: f64) {
        let specs = self.world.specs;
        let mut object = ObjectWriter::new(out);
        object.key("feature_gates");
        self.section(object.out, Namespace::Gates, Self::gate_entry);
        object.key("dynamic_configs");
        self.section(object.out, Namespace::Configs, Self::config_entry);
        object.key("layer_configs");
        self.section(object.out, Namespace::Layers, Self::layer_entry);
        object.raw("sdkParams", "{}");
        object.raw("has_updates", "true");
        object.text("generator", identity.sdk_type);
        object.key("evaluated_keys");
        self.evaluated_keys(object.out);
        object.raw("time", &specs.lcut.to_string());
        object.key("user");
        let environment = match self.world.environment {
            None if !self.world.user.has_environment() => specs.default_environment.as_ref(),
            environment => environment,
        };
        self.world.user.write_logged(environment, object.out);
        object.text("hash_used", self.hash.as_str());
        object.key("sdkInfo");
        let mut info = ObjectWriter::new(object.out);
        info.text("sdkType", identity.sdk_type);
        info.text("sdkVersion", identity.sdk_version);
        info.end();
        if let Some(info) = &specs.session_replay_info {
            let gate = |name: &str| {
                self.gate_values
                    .iter()
                    .find(|(gate, _)| &**gate == name)
                    .map(|(_, value)| *value)
            };
            session::write(&mut object, info, self.hash, draw, gate);
        }
        object.end();
    }

    fn section(
        &mut self,
        out: &mut Vec<u8>,
        namespace: Namespace,
        entry: fn(&mut Self, &mut Vec<u8>, u32, &'a Spec),
    ) {
        let mut object = ObjectWriter::new(out);
        for (slot, spec) in namespace.table(self.world.specs).specs() {
            let hidden = matches!(spec.entity, Entity::Segment | Entity::Holdout);
            let in_app = self
                .app
                .is_none_or(|app| spec.target_app_ids.iter().any(|id| **id == *app));
            if hidden || !in_app {
                continue;
            }
            let table = namespace.table(self.world.specs);
            object.key_by(|out| self.hash.write(table, slot, out));
            entry(self, object.out, slot, spec);
        }
        object.end();
    }

    fn evaluate(&mut self, namespace: Namespace, slot: u32, name: &str) -> Evaluated<'a> {
        let overridden = self
            .world
            .overrides
            .and_then(|overrides| overrides.lookup(namespace, name, self.world.user));
        if let Some(overridden) = overridden {
            let verdict = Verdict::overridden(overridden.as_bool());
            return Evaluated {
                verdict,
                overridden: Some(overridden),
                rule: None,
                nested: NestedGates::new(),
                undelegated: 0,
            };
        }
        self.evaluate_spec(namespace, slot, name)
    }

    /// What the spec itself says, whatever its own local override.
    fn evaluate_spec(&mut self, namespace: Namespace, slot: u32, name: &str) -> Evaluated<'a> {
        self.evaluator.start_next();
        let verdict = match namespace {
            Namespace::Gates => self.evaluator.remembered_gate(slot),
            _ => self.evaluator.spec(namespace, Some(slot), name),
        };
        let nested = std::mem::take(&mut self.evaluator.nested);
        Evaluated {
            undelegated: verdict
                .undelegated
                .map_or(nested.len(), |count| count as usize),
            rule: result::rule_of(self.world.specs, verdict.origin),
            verdict,
            overridden: None,
            nested,
        }
    }

    fn gate_entry(&mut self, out: &mut Vec<u8>, slot: u32, spec: &'a Spec) {
        let evaluated = self.evaluate(Namespace::Gates, slot, &spec.name);
        if self.world.specs.session_replay_info.is_some() {
            let value = evaluated.verdict.value;
            self.gate_values.push((Arc::clone(&spec.name), value));
        }
        let mut entry = ObjectWriter::new(out);
        entry.key("name");
        self.hash.write(&self.world.specs.gates, slot, entry.out);
        entry.bool("value", evaluated.verdict.value);
        entry.text(
            "rule_id",
            result::rule_id(self.world.specs, evaluated.verdict.origin),
        );
        self.exposures(&mut entry, "secondary_exposures", &evaluated.nested);
        entry.text("id_type", &spec.id_type);
        entry.end();
    }

    fn config_entry(&mut self, out: &mut Vec<u8>, slot: u32, spec: &'a Spec) {
        let evaluated = self.evaluate(Namespace::Configs, slot, &spec.name);
        let mut entry = ObjectWriter::new(out);
        entry.key("name");
        self.hash.write(&self.world.specs.configs, slot, entry.out);
        self.common_members(&mut entry, spec, &evaluated);
        entry.text("id_type", &spec.id_type);
        entry.bool("passed", evaluated.verdict.value);
        entry.key("value");
        let shared_layer = self.shared_layer(spec);
        write_value(entry.out, shared_layer, self.object(&evaluated));
        match spec.entity {
            Entity::Experiment => {
                if let Some(group) = evaluated.group_name() {
                    entry.text("group_name", group);
                }
                entry.bool("is_user_in_experiment", evaluated.is_experiment_group());
                entry.bool("is_experiment_active", spec.is_active);
                if spec.has_shared_params {
                    entry.bool("is_in_layer", true);
                    entry.key("explicit_parameters");
                    write_names(entry.out, spec.explicit_parameters.as_deref());
                }
            }
            Entity::Autotune => {
                if let Some(group) = evaluated.group_name().filter(|group| !group.is_empty()) {
                    entry.text("group_name", group);
                }
            }
            _ => {}
        }
        entry.end();
    }

    fn layer_entry(&mut self, out: &mut Vec<u8>, slot: u32, spec: &'a Spec) {
        let evaluated = self.evaluate(Namespace::Layers, slot, &spec.name);
        let configs = &self.world.specs.configs;
        let mut entry = ObjectWriter::new(out);
        entry.key("name");
        self.hash.write(&self.world.specs.layers, slot, entry.out);
        self.common_members(&mut entry, spec, &evaluated);
        entry.bool("passed", evaluated.verdict.value);
        entry.key("value");
        write_value(entry.out, None, self.object(&evaluated));
        let mut explicit = spec.explicit_parameters.as_deref();
        if let Some(delegate) = evaluated.verdict.delegate
            && let Some(experiment) = configs.spec(delegate)
        {
            explicit = experiment.explicit_parameters.as_deref();
            entry.key("allocated_experiment_name");
            self.hash.write(configs, delegate, entry.out);
            // A local override of the experiment does not reach the layer, nor these members.
            let alone = self.evaluate_spec(Namespace::Configs, delegate, &experiment.name);
            entry.bool("is_user_in_experiment", alone.is_experiment_group());
            entry.bool("is_experiment_active", experiment.is_active);
            if let Some(group) = alone.group_name() {
                entry.text("group_name", group);
            }
        }
        entry.key("explicit_parameters");
        write_names(entry.out, explicit);
        let undelegated = evaluated
            .nested
            .get(..evaluated.undelegated)
            .unwrap_or_default();
        self.exposures(&mut entry, "undelegated_secondary_exposures", undelegated);
        entry.end();
    }

    /// Members that configs and layers have alike.
    fn common_members(&self, entry: &mut ObjectWriter<'_>, spec: &Spec, evaluated: &Evaluated<'_>) {
        let rule_id = result::rule_id(self.world.specs, evaluated.verdict.origin);
        entry.text("group", rule_id);
        entry.text("rule_id", rule_id);
        self.exposures(entry, "secondary_exposures", &evaluated.nested);
        entry.bool(
            "is_device_based",
            spec.id_type.eq_ignore_ascii_case("stableid"),
        );
    }

    fn object<'e>(&self, evaluated: &'e Evaluated<'_>) -> &'e Arc<JsonObject>
    where
        'a: 'e,
    {
        if let Some(Overridden::Object(object)) = &evaluated.overridden {
            return object;
        }
        let spec = result::spec_of(self.world.specs, evaluated.verdict.origin);
        match (spec, evaluated.rule) {
            (_, Some(rule)) if evaluated.verdict.passed => rule.returned.object(),
            (Some(spec), _) => spec.default.object(),
            (None, _) => JsonObject::empty(),
        }
    }

    /// The defaults of the layer that an experiment with shared parameters lives in.
    fn shared_layer(&self, spec: &Spec) -> Option<&'a Arc<JsonObject>> {
        if !spec.has_shared_params || spec.entity != Entity::Experiment {
            return None;
        }
        let specs = self.world.specs;
        let layer = specs
            .layers
            .get(specs.experiment_to_layer.get(&*spec.name)?)?;
        match &layer.default {
            Returned::Object(object) => Some(object),
            Returned::Bool(_) => None,
        }
    }

    fn exposures(&self, entry: &mut ObjectWriter<'_>, key: &'static str, nested: &[NestedGate]) {
        let specs = self.world.specs;
        entry.key(key);
        write_list(entry.out, nested, |out, gate| {
            let mut object = ObjectWriter::new(out);
            object.key("gate");
            self.hash.write(&specs.gates, gate.gate, object.out);
            object.raw(
                "gateValue",
                if gate.value { "\"true\"" } else { "\"false\"" },
            );
            object.text("ruleID", result::rule_id(specs, gate.origin));
            object.end();
        });
    }

    fn evaluated_keys(&self, out: &mut Vec<u8>) {
        let user = self.world.user;
        let mut keys = ObjectWriter::new(out);
        if let Some(id) = user.user_id() {
            keys.text("userID", id);
        }
        if user.has_custom_ids() {
            keys.key("customIDs");
            let mut ids = ObjectWriter::new(keys.out);
            for (id_type, id) in user.custom_ids() {
                ids.any_key(id_type);
                write_text(ids.out, id);
            }
            ids.end();
        }
        keys.end();
    }
}

fn write_names(out: &mut Vec<u8>, names: Option<&[Box<str>]>) {
    write_list(out, names.unwrap_or_default(), |out, name| {
        write_text(out, name);
    });
}

/// Appends `value`, over the members of `below` if there are any.
fn write_value(out: &mut Vec<u8>, below: Option<&Arc<JsonObject>>, value: &Arc<JsonObject>) {
    let Some(below) = below else {
        out.extend_from_slice(value.text().as_bytes());
        return;
    };
    let mut merged: Map<String, Value> = below.to_map();
    for (key, member) in value.members() {
        merged.insert(key.to_string(), member.to_value());
    }
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, &merged);
}
