//! What clients say about themselves, and their keys. <https://atproto.com/specs/oauth#clients>

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cairn_oauth::OAuthError;
use cairn_oauth::client::{
    ClientId, ClientKeys, ClientMetadata, ClientMetadataError, Jwks, Network,
};
use url::Url;

use crate::app::App;

use super::documents::{DocumentError, Documents, FRESH, fetch_json};

/// Clients that are remembered.
const MAX_CLIENTS: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not zero");
/// Sets of keys that are remembered.
const MAX_KEY_SETS: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not zero");
/// The largest document; the largest ones in use have 3 KiB.
const MAX_BYTES: usize = 64 * 1024;
/// A client that seems to have changed its keys is asked again, but no more often than this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);

/// The documents of clients.
pub(super) struct Clients {
    metadata: Documents<ClientId, ClientMetadata>,
    keys: Documents<Url, Jwks>,
}

/// How old what a client publishes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Cached,
    /// The client has signed with a key that it did not publish.
    Renewed,
}

impl Age {
    fn limit(self) -> Duration {
        match self {
            Self::Cached => FRESH,
            Self::Renewed => RENEWAL_PAUSE,
        }
    }
}

impl Clients {
    pub(super) fn new() -> Self {
        Self { metadata: Documents::new(MAX_CLIENTS), keys: Documents::new(MAX_KEY_SETS) }
    }
}

/// Where clients may live: where the server itself may send requests.
fn network(app: &App) -> Network {
    if app.http.policy().allow_private { Network::Private } else { Network::Public }
}

/// The host that answers for a client, for people; none for one on the person's own device.
pub fn display_host(app: &App, client_id: &str) -> Option<String> {
    match ClientId::parse_on(client_id, network(app)) {
        Ok(ClientId::Discoverable(id)) => Some(id.host().to_owned()),
        Ok(ClientId::Loopback(_)) | Err(_) => None,
    }
}

/// The client of this id.
///
/// # Errors
/// `invalid_client` for what is no client id, `invalid_client_metadata` and `invalid_redirect_uri` when its document
/// cannot be had or breaks a rule.
pub(super) async fn find(
    app: &App,
    client_id: &str,
    age: Age,
) -> Result<Arc<ClientMetadata>, OAuthError> {
    let id = ClientId::parse_on(client_id, network(app))?;
    let discoverable = match &id {
        ClientId::Loopback(id) => return Ok(Arc::new(ClientMetadata::loopback(id)?)),
        ClientId::Discoverable(id) => id.url().clone(),
    };
    let (http, own) = (app.http.clone(), id.clone());
    let trusted = app.config.oauth_trusted_clients.iter().any(|trusted| trusted == client_id);
    let fetch = async move {
        let document = fetch_json(&http, discoverable, MAX_BYTES).await?;
        let refused = |err: ClientMetadataError| DocumentError::Metadata(Arc::new(err));
        Ok(ClientMetadata::new(&own, &document).map_err(refused)?.with_trust(trusted))
    };
    let now = app.clock.now();
    Ok(app.oauth.clients.metadata.get(&id, age.limit(), now, fetch).await?)
}

/// The keys of a confidential client.
///
/// # Errors
/// `invalid_client_metadata` when they cannot be had.
pub(super) async fn keys(app: &App, keys: &ClientKeys, age: Age) -> Result<Arc<Jwks>, OAuthError> {
    let url = match keys {
        ClientKeys::Inline(keys) => return Ok(Arc::new(keys.clone())),
        ClientKeys::Remote(url) => url.clone(),
    };
    let (http, own) = (app.http.clone(), url.clone());
    let fetch = async move {
        let document = fetch_json(&http, own, MAX_BYTES).await?;
        Jwks::from_slice(&document).map_err(|err| DocumentError::Keys(Arc::new(err)))
    };
    let now = app.clock.now();
    Ok(app.oauth.clients.keys.get(&url, age.limit(), now, fetch).await?)
}
