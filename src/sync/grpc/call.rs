//! The two calls of the service.

use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::connection::{Connection, Dial, Sender};
use super::error::CallError;
use super::message::{ConfigSpecRequest, ConfigSpecResponse, STREAM_PATH, UNARY_PATH};
use crate::net::TransportErrorKind as Kind;
use crate::sync::fetch::MAX_SPECS_BYTES;

/// Metadata in which a forward proxy tells its own host name.
const HOST_METADATA: &str = "x-sfp-hostname";
const USER_AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
/// Room for what surrounds the specs in a message.
const ENVELOPE_BYTES: usize = 1 << 10;

/// Where calls go to: scheme and authority, as a URL.
pub(super) struct Caller<'a> {
    pub(super) origin: &'a str,
}

impl Caller<'_> {
    /// Asks once; `limit` is for everything, connecting included.
    pub(super) async fn unary(
        &self,
        dial: Dial,
        message: ConfigSpecRequest,
        limit: Duration,
    ) -> Result<ConfigSpecResponse, CallError> {
        let exchange = async {
            let connection = dial.connect().await?;
            let mut request = request(message);
            request.set_timeout(limit);
            let mut client = self.client(connection.sender())?;
            let answer = client.unary(request, path(UNARY_PATH), codec()).await;
            drop(client);
            connection.close().await;
            Ok(answer?.into_inner())
        };
        match timeout(limit, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::transport(Kind::Timeout, "no answer in time")),
        }
    }

    /// Opens the stream.
    pub(super) async fn subscribe(
        &self,
        dial: Dial,
        message: ConfigSpecRequest,
    ) -> Result<Subscription, CallError> {
        let connection = dial.connect().await?;
        let mut client = self.client(connection.sender())?;
        let codec = codec();
        let opened = client
            .server_streaming(request(message), path(STREAM_PATH), codec)
            .await;
        drop(client);
        match opened {
            Ok(response) => {
                let proxy_host = proxy_host(response.metadata());
                Ok(Subscription {
                    messages: response.into_inner(),
                    connection,
                    proxy_host,
                })
            }
            Err(status) => {
                connection.close().await;
                Err(status.into())
            }
        }
    }

    fn client(&self, sender: Sender) -> Result<Grpc<Sender>, CallError> {
        let origin = self
            .origin
            .parse()
            .map_err(|e| CallError::transport(Kind::Request, e))?;
        Ok(Grpc::with_origin(sender, origin)
            .max_decoding_message_size(MAX_SPECS_BYTES + ENVELOPE_BYTES))
    }
}

/// A stream that is open.
pub(super) struct Subscription {
    messages: Streaming<ConfigSpecResponse>,
    connection: Connection,
    /// What the proxy calls itself, if it told.
    pub(super) proxy_host: Option<String>,
}

impl Subscription {
    /// The next message; `None` when the proxy has ended the stream in good order.
    pub(super) async fn next(&mut self) -> Result<Option<ConfigSpecResponse>, Status> {
        self.messages.message().await
    }

    /// Tells the proxy that nobody listens any more.
    pub(super) async fn close(self) {
        drop(self.messages);
        self.connection.close().await;
    }
}

fn codec() -> ProstCodec<ConfigSpecRequest, ConfigSpecResponse> {
    ProstCodec::new()
}

fn path(text: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(text)
}

fn request(message: ConfigSpecRequest) -> Request<ConfigSpecRequest> {
    let mut request = Request::new(message);
    let agent = MetadataValue::from_static(USER_AGENT);
    request.metadata_mut().insert("user-agent", agent);
    request
}

fn proxy_host(metadata: &MetadataMap) -> Option<String> {
    let value = metadata.get(HOST_METADATA)?.to_str().ok()?;
    Some(value.to_owned())
}
