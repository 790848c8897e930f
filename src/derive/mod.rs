//! Facts computed from a user: the country of an IP address, the browser and system of a user
//! agent.
//!
//! Pure functions of their argument over tables that are part of the library. The tables are made
//! ready on first use or by `preload`, without a lock: a fork while another thread does so leaves
//! the child free to do it again. Nothing is cached per text; the caller keeps the answer.

#[cfg(feature = "country")]
pub mod country;
#[cfg(feature = "ua")]
pub mod user_agent;

/// Whether the table behind [`country`] is part of this build.
pub const COUNTRY_LOOKUP_LOADED: bool = cfg!(feature = "country");

/// Whether the rules behind [`user_agent`] are part of this build.
pub const UA_PARSER_LOADED: bool = cfg!(feature = "ua");
