//! The behavior of the library as its users see it, against real servers on loopback.
#![allow(clippy::pedantic, reason = "tests are read one at a time")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests run peers on threads and bound their waits by the real clock"
)]

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "grpc")]
#[cfg(test)]
mod grpc;
#[cfg(test)]
#[path = "../../examples/local_server/server.rs"]
mod local_server;

#[cfg(test)]
mod events_cases;
#[cfg(test)]
mod events_configs;
#[cfg(test)]
mod events_crash;
#[cfg(test)]
mod events_custom;
#[cfg(test)]
mod events_dedupe;
#[cfg(test)]
mod events_delivery;
#[cfg(test)]
mod events_gates;
#[cfg(test)]
mod events_overrides;
#[cfg(test)]
mod events_queue;
#[cfg(test)]
mod events_reports;
#[cfg(test)]
mod events_sampling;
#[cfg(test)]
mod events_soak;
#[cfg(test)]
mod events_sources;
#[cfg(test)]
mod events_spool;
#[cfg(all(unix, feature = "grpc"))]
#[cfg(test)]
mod net_environment;
#[cfg(test)]
mod net_http;
#[cfg(test)]
mod net_proxy;
#[cfg(feature = "tls")]
#[cfg(test)]
mod net_tls;
#[cfg(test)]
mod sync_chaos;
#[cfg(test)]
mod sync_data_store;
#[cfg(test)]
mod sync_endpoints;
#[cfg(unix)]
#[cfg(test)]
mod sync_fork;
#[cfg(test)]
mod sync_id_lists;
#[cfg(test)]
mod sync_init;
#[cfg(test)]
mod sync_packed;
#[cfg(all(feature = "redis", feature = "grpc"))]
#[cfg(test)]
mod sync_redis;
#[cfg(test)]
mod sync_reports;
#[cfg(test)]
mod sync_rounds;
