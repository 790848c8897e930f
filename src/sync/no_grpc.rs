//! The build without the feature `grpc`: a forward proxy that speaks it is refused.

use std::sync::Arc;

use serde_json::Value;

use super::engine::Engine;
use super::fetch::Bounds;
use super::source::Loaded;
use crate::clock::Clock;
use crate::context::Context;
use crate::error::Error;
use crate::net::specs_gateway;
use crate::options::Protocol;

/// There is none.
pub(super) enum ForwardProxy {}

impl ForwardProxy {
    /// # Errors
    /// [`Error::Unsupported`] naming the option, if it asks for such a proxy.
    pub(super) fn new(ctx: &Context) -> Result<Option<Arc<ForwardProxy>>, Error> {
        let Some((endpoint, proxy)) = specs_gateway(&ctx.settings) else {
            return Ok(None);
        };
        let protocol = match proxy.protocol {
            Protocol::GrpcWebsocket => "grpc_websocket",
            _ => "grpc",
        };
        let key = endpoint.as_str();
        Err(Error::Unsupported {
            what: format!(
                "proxy_configs.{key} with protocol `{protocol}` (built without the cargo feature \
                 `grpc`)"
            ),
        })
    }

    pub(super) fn is_streaming(&self) -> bool {
        match *self {}
    }

    pub(super) fn polling_since_ms(&self) -> Option<i64> {
        match *self {}
    }

    pub(super) fn stop(&self) {
        match *self {}
    }

    pub(super) fn join(&self, _: &dyn Clock, _: i64) -> bool {
        match *self {}
    }

    pub(super) fn after_fork_child(&self) {
        match *self {}
    }

    pub(super) fn stats(&self, _: i64) -> Option<Value> {
        match *self {}
    }
}

impl Engine {
    #[expect(clippy::unused_self, reason = "the build with gRPC has the same shape")]
    pub(super) fn load_forward_proxy(&self, proxy: &ForwardProxy, _: Bounds) -> Loaded {
        match *proxy {}
    }
}

/// Never has anything to start.
///
/// # Errors
/// None.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the build with gRPC has the same shape"
)]
pub(super) fn start_stream(_: &Arc<Engine>, _: Box<dyn Fn() + Send>) -> Result<(), Error> {
    Ok(())
}
