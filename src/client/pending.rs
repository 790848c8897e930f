//! What the C interface has names for and this version does not do.

use std::sync::Arc;

use super::Client;
use crate::error::Error;
use crate::eval::Kind;
use crate::user::User;

impl Client {
    /// Why `user` gets what it gets, as JSON.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown; [`Error::Unsupported`].
    pub fn explain(&self, _user: &Arc<User>, _kind: Kind, _name: &str) -> Result<String, Error> {
        self.ensure_ready()?;
        Err(Error::Unsupported {
            what: "explain".to_owned(),
        })
    }
}
