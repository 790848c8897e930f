//! Local overrides. They work before initialize, in local mode and for names that do not exist.

use super::Client;
use crate::error::Error;
use crate::eval::{Kind, Overrides};

impl Client {
    /// Overrides the value of `name`: for the unit with `id`, or for everybody.
    ///
    /// # Errors
    /// When the value is not of the kind's type.
    pub fn override_value(
        &self,
        kind: Kind,
        name: &str,
        value_json: &str,
        id: Option<&str>,
    ) -> Result<(), Error> {
        self.ctx
            .store
            .change_overrides(|all| all.set(kind, name, value_json, id.unwrap_or_default()))
    }

    /// Removes one override: that of `id`, or that of everybody.
    ///
    /// # Errors
    /// None today.
    pub fn remove_override(&self, kind: Kind, name: &str, id: Option<&str>) -> Result<(), Error> {
        self.ctx.store.change_overrides(|all| {
            all.remove(kind, name, id.unwrap_or_default());
            Ok(())
        })
    }

    /// Removes all overrides.
    ///
    /// # Errors
    /// None today.
    pub fn remove_all_overrides(&self) -> Result<(), Error> {
        self.ctx.store.change_overrides(|all| {
            *all = Overrides::default();
            Ok(())
        })
    }

    /// Replaces all overrides.
    ///
    /// # Errors
    /// When the text is not overrides JSON; what was overridden stays so.
    pub fn load_overrides(&self, json: &str) -> Result<(), Error> {
        let loaded = Overrides::from_json(json)?;
        self.ctx.store.change_overrides(|all| {
            *all = loaded;
            Ok(())
        })
    }

    /// All overrides as JSON.
    #[must_use]
    pub fn dump_overrides(&self) -> String {
        self.ctx.store.load().overrides.to_json()
    }
}
