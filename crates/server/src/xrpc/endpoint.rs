//! A row of the endpoint table: everything that is known about a method before it is called.

use crate::auth::{Access, AuthPolicy, Caller, OAuthPolicy};
use crate::limits::Bucket;

use super::handler::{ErasedHandler, Handler, erase};

/// Largest JSON body of methods that do not say otherwise.
pub const JSON_LIMIT: u64 = 150 * 1024;
/// Largest JSON body of the methods that write records.
pub const RECORD_JSON_LIMIT: u64 = 1_000_000;

/// The lexicon's type of method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Query,
    Procedure,
    Subscription,
}

/// What a method reads from the request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputPolicy {
    None,
    /// `application/json`, at most so many bytes after decoding.
    Json {
        max_bytes: u64,
    },
    /// Any content type, streamed; at most `blob_upload_limit` bytes.
    Blob,
    /// `application/vnd.ipld.car`, streamed; at most `import_limit` bytes.
    Car,
}

/// One XRPC method.
pub struct Endpoint {
    pub nsid: &'static str,
    pub kind: Kind,
    pub auth: AuthPolicy,
    /// What an OAuth client must have been allowed, where `auth` takes sessions.
    pub oauth: OAuthPolicy,
    pub input: InputPolicy,
    /// Rate limits that every call costs one point in; those that depend on the input are charged by the handler.
    pub buckets: &'static [Bucket],
    /// Whether the call counts towards the limit per IP address over all methods.
    pub global_limit: bool,
    pub(crate) handler: Box<dyn ErasedHandler>,
}

/// A query: GET, parameters, no body.
pub fn query<C: Caller, Args: 'static>(
    nsid: &'static str,
    access: Access<C>,
    handler: impl Handler<C, Args>,
) -> Endpoint {
    Endpoint::new(nsid, Kind::Query, access, handler)
}

/// A procedure: POST; reads what its handler asks for.
pub fn procedure<C: Caller, Args: 'static>(
    nsid: &'static str,
    access: Access<C>,
    handler: impl Handler<C, Args>,
) -> Endpoint {
    Endpoint::new(nsid, Kind::Procedure, access, handler)
}

/// A subscription: GET with an upgrade to WebSocket.
pub fn subscription<C: Caller, Args: 'static>(
    nsid: &'static str,
    access: Access<C>,
    handler: impl Handler<C, Args>,
) -> Endpoint {
    Endpoint::new(nsid, Kind::Subscription, access, handler)
}

impl Endpoint {
    fn new<C: Caller, Args: 'static, H: Handler<C, Args>>(
        nsid: &'static str,
        kind: Kind,
        access: Access<C>,
        handler: H,
    ) -> Self {
        let input = H::INPUT;
        let handler = erase(handler);
        Self {
            nsid,
            kind,
            auth: access.policy,
            oauth: OAuthPolicy::Never,
            input,
            buckets: &[],
            global_limit: true,
            handler,
        }
    }

    /// OAuth clients may call it, if they were allowed as much.
    #[must_use]
    pub fn oauth(mut self, policy: OAuthPolicy) -> Self {
        self.oauth = policy;
        self
    }

    /// Another limit for the JSON body.
    #[must_use]
    pub fn json_limit(mut self, max_bytes: u64) -> Self {
        self.input = InputPolicy::Json { max_bytes };
        self
    }

    /// The body is a CAR file rather than a blob.
    #[must_use]
    pub fn car(mut self) -> Self {
        self.input = InputPolicy::Car;
        self
    }

    /// Rate limits of this method.
    #[must_use]
    pub fn limits(mut self, buckets: &'static [Bucket]) -> Self {
        self.buckets = buckets;
        self
    }

    /// Does not count towards the limit over all methods.
    #[must_use]
    pub fn outside_global_limit(mut self) -> Self {
        self.global_limit = false;
        self
    }
}
