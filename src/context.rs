//! What the parts of one client share.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Clock;
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::host::Hooks;
use crate::json_writer::object;
use crate::options::{Options, Settings};
use crate::random;
use crate::report::Reporter;
use crate::store::Store;

/// Shared by the evaluation, sync and events of one client.
pub struct Context {
    pub sdk_key: String,
    pub settings: Settings,
    pub hooks: Hooks,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub reporter: Reporter,
    sdk_type: String,
    /// Another one in each process.
    session_id: ForkCell<Arc<str>>,
}

/// Prefix that every server key has.
const SECRET_PREFIX: &str = "secret-";

impl Context {
    /// Checks the key and puts the parts together. Starts nothing.
    ///
    /// # Errors
    /// [`Error::Argument`] for a key that is not a server secret key, unless `local_mode`.
    pub fn new(sdk_key: &str, options: Options, clock: Arc<dyn Clock>) -> Result<Context, Error> {
        let Options { settings, hooks } = options;
        if !settings.local_mode && !sdk_key.starts_with(SECRET_PREFIX) {
            return Err(Error::argument(
                "sdk_key",
                "a server secret key starts with \"secret-\" (any text is accepted in local_mode)",
            ));
        }
        if sdk_key
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
        {
            return Err(Error::argument(
                "sdk_key",
                "contains a space or a control character",
            ));
        }
        let sdk_type = match &settings.wrapper {
            Some(wrapper) => format!("tidegate-{}", wrapper.name),
            None => "tidegate".to_owned(),
        };
        let store = Store::new(sdk_key);
        store.replace_environment(settings.effective_environment());
        Ok(Context {
            sdk_key: sdk_key.to_owned(),
            reporter: Reporter::new(&settings, &hooks, Arc::clone(&clock)),
            store,
            settings,
            hooks,
            clock,
            sdk_type,
            session_id: ForkCell::new(new_session_id),
        })
    }

    /// Who we say we are: `tidegate`, or `tidegate-` and the wrapper's name.
    #[must_use]
    pub fn sdk_type(&self) -> &str {
        &self.sdk_type
    }

    /// Our version, or the wrapper's if it gives one.
    #[must_use]
    pub fn sdk_version(&self) -> &str {
        match &self.settings.wrapper {
            Some(wrapper) if !wrapper.version.is_empty() => &wrapper.version,
            _ => env!("CARGO_PKG_VERSION"),
        }
    }

    /// The same id in every request of this client in this process.
    #[must_use]
    pub fn session_id(&self) -> Arc<str> {
        Arc::clone(self.session_id.get())
    }

    /// The `statsigMetadata` of requests.
    #[must_use]
    pub fn statsig_metadata(&self) -> Value {
        object!({
            "sdkType": self.sdk_type(),
            "sdkVersion": self.sdk_version(),
            "languageVersion": self.language_version(),
            "sessionID": &*self.session_id(),
        })
    }

    fn language_version(&self) -> &str {
        match &self.settings.wrapper {
            Some(wrapper) if !wrapper.language_version.is_empty() => &wrapper.language_version,
            _ => "unknown",
        }
    }

    /// Whether nothing may go over the network.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.settings.local_mode
    }

    /// In a forked child: another session, and locks that nobody holds.
    pub fn after_fork_child(&self) {
        self.session_id.renew();
        self.store.after_fork_child();
        self.reporter.after_fork_child();
    }
}

/// A random (version 4) UUID, another one in each process.
#[must_use]
pub fn new_session_id() -> Arc<str> {
    Arc::from(random::uuid(random::bits()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn keys_of_the_wrong_form_are_refused() {
        for (key, local, accepted) in [
            ("secret-abc", false, true),
            ("secret-", false, true),
            ("client-abc", false, false),
            ("", false, false),
            ("client-abc", true, true),
            ("secret-a b", false, false),
        ] {
            let settings = Settings {
                local_mode: local,
                ..Settings::default()
            };
            let options = Options {
                settings,
                ..Options::default()
            };
            let made = Context::new(key, options, Arc::new(SystemClock::default()));
            assert_eq!(made.is_ok(), accepted, "{key}");
        }
    }

    #[test]
    fn session_ids_are_version_4_uuids() {
        let id = new_session_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes().get(14), Some(&b'4'));
        assert!(matches!(
            id.as_bytes().get(19),
            Some(b'8' | b'9' | b'a' | b'b')
        ));
    }
}
