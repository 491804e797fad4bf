//! How clients prove who they are. <https://atproto.com/specs/oauth#confidential-client-authentication>

use std::sync::Arc;

use cairn_oauth::assertion::{self, AssertionError, ClientAuth, Credentials, Expected};
use cairn_oauth::client::{ClientAuthentication, ClientMetadata};
use cairn_oauth::dpop::Proof;
use cairn_oauth::{OAuthError, Params};

use crate::app::App;

use super::clients::{self, Age};

/// A client that asks something.
pub(super) struct Caller {
    pub(super) client: Arc<ClientMetadata>,
    pub(super) auth: ClientAuth,
}

impl Caller {
    /// How the client has proven who it is, as it is stored with requests and sessions.
    pub(super) fn auth_json(&self) -> Result<String, OAuthError> {
        serde_json::to_string(&self.auth).map_err(OAuthError::server_error)
    }

    /// Checks that what a client has begun, authenticated like `stored`, may go on with this caller.
    ///
    /// # Errors
    /// `invalid_grant` for other clients, and for the same one with another key.
    pub(super) fn may_continue(&self, client_id: &str, stored: &str) -> Result<(), OAuthError> {
        if self.client.id().as_str() != client_id {
            return Err(OAuthError::invalid_grant("it was issued to another client"));
        }
        let begun: ClientAuth = serde_json::from_str(stored).map_err(OAuthError::server_error)?;
        begun.may_continue_as(&self.auth)
    }
}

/// Finds out which client sends these parameters. Its assertion is used up.
///
/// # Errors
/// `invalid_client` when it does not prove to be who it says.
pub(super) async fn authenticate(
    app: &App,
    params: &Params,
    proof: Option<&Proof>,
) -> Result<Caller, OAuthError> {
    let credentials = Credentials::from_params(params)?;
    let dpop_jkt = proof.map(|proof| proof.jkt.as_str());
    match check(app, &credentials, dpop_jkt, Age::Cached).await? {
        Err(err) if err.may_be_key_rotation() => {
            Ok(check(app, &credentials, dpop_jkt, Age::Renewed).await??)
        }
        outcome => Ok(outcome?),
    }
}

/// Holds credentials against what the client publishes.
async fn check(
    app: &App,
    credentials: &Credentials<'_>,
    dpop_jkt: Option<&str>,
    age: Age,
) -> Result<Result<Caller, AssertionError>, OAuthError> {
    let client = clients::find(app, credentials.client_id, age).await?;
    let auth = match (client.authentication(), credentials.assertion) {
        (ClientAuthentication::None, None) => ClientAuth::None,
        // It may have published keys since its document was fetched.
        (ClientAuthentication::None, Some(_)) => return Ok(Err(AssertionError::UnknownKey)),
        (ClientAuthentication::PrivateKeyJwt { .. }, None) => {
            return Ok(Err(AssertionError::Missing));
        }
        (ClientAuthentication::PrivateKeyJwt { alg, keys }, Some(assertion)) => {
            let expected = Expected {
                client_id: credentials.client_id,
                issuer: &app.config.public_url,
                alg: *alg,
                dpop_jkt,
            };
            let keys = clients::keys(app, keys, age).await?;
            let (used, now) = (&app.oauth.assertions, app.clock.now());
            match assertion::verify(assertion, &expected, &keys, used, now) {
                Ok(key) => ClientAuth::PrivateKeyJwt(key),
                Err(err) => return Ok(Err(err)),
            }
        }
    };
    Ok(Ok(Caller { client, auth }))
}
