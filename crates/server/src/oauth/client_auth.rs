//! How clients prove who they are. <https://atproto.com/specs/oauth#confidential-client-authentication>

use std::sync::Arc;

use cairn_oauth::assertion::{self, AssertionError, ClientKey, Credentials, Expected};
use cairn_oauth::client::{ClientAuthentication, ClientKeys, ClientMetadata};
use cairn_oauth::dpop::Proof;
use cairn_oauth::{OAuthError, Params};
use serde::{Deserialize, Serialize};

use crate::app::App;

use super::clients::{self, Keys};

/// How a client has proven who it is. A session stays with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub(super) enum ClientAuth {
    None,
    PrivateKeyJwt(ClientKey),
}

impl ClientAuth {
    /// As it is stored with requests and sessions.
    pub(super) fn to_json(&self) -> Result<String, OAuthError> {
        serde_json::to_string(self).map_err(OAuthError::server_error)
    }
}

/// A client that asks something.
pub(super) struct Caller {
    pub(super) client: Arc<ClientMetadata>,
    pub(super) auth: ClientAuth,
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
    let client = clients::find(app, credentials.client_id).await?;
    let auth = match (client.authentication(), credentials.assertion) {
        (ClientAuthentication::None, None) => ClientAuth::None,
        (ClientAuthentication::None, Some(_)) => return Err(AssertionError::UnknownKey.into()),
        (ClientAuthentication::PrivateKeyJwt { .. }, None) => {
            return Err(AssertionError::Missing.into());
        }
        (ClientAuthentication::PrivateKeyJwt { alg, keys }, Some(assertion)) => {
            let expected = Expected {
                client_id: credentials.client_id,
                issuer: &app.config.public_url,
                alg: *alg,
                dpop_jkt: proof.map(|proof| proof.jkt.as_str()),
            };
            ClientAuth::PrivateKeyJwt(verify(app, assertion, &expected, keys).await?)
        }
    };
    Ok(Caller { client, auth })
}

/// Checks an assertion; once more with keys fetched anew if the client may have changed them.
async fn verify(
    app: &App,
    assertion: &str,
    expected: &Expected<'_>,
    keys: &ClientKeys,
) -> Result<ClientKey, OAuthError> {
    let check = async |which| {
        let keys = clients::keys(app, keys, which).await?;
        let now = app.clock.now();
        Ok::<_, OAuthError>(assertion::verify(
            assertion,
            expected,
            &keys,
            &app.oauth.assertions,
            now,
        ))
    };
    match check(Keys::Cached).await? {
        Err(err) if err.may_be_key_rotation() && matches!(keys, ClientKeys::Remote(_)) => {
            Ok(check(Keys::Renewed).await??)
        }
        outcome => Ok(outcome?),
    }
}
