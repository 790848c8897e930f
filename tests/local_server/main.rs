//! The local server itself: what it serves, how it misbehaves on demand, what it survives.

#[cfg(test)]
#[path = "../../examples/local_server/server.rs"]
mod server;

#[cfg(test)]
mod client;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod program;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod shop;
