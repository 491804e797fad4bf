//! Client metadata documents, and the rules that they must keep.
//! <https://atproto.com/specs/oauth#client-id-metadata-document>

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::id::{Network, is_public_host};
use super::{
    ApplicationType, ClientAuthentication, ClientId, ClientKeys, ClientMetadata, DeclaredScopes,
    Jwks, JwksError, RedirectUri, RedirectUriError,
};
use crate::{OAuthError, OAuthErrorCode, SIGNING_ALGORITHMS};

/// The largest metadata document: what a fetch should be limited to.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const MAX_REDIRECT_URIS: usize = 100;

/// Why metadata are refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientMetadataError {
    /// Not a JSON object, or a field is of a wrong type.
    #[error("client metadata are not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// Longer than [`MAX_DOCUMENT_BYTES`].
    #[error("client metadata are too long")]
    TooLong,
    /// A required field is missing.
    #[error("client metadata lack '{0}'")]
    Missing(&'static str),
    /// A field has a value that the profile does not allow.
    #[error("client metadata have a value of '{0}' that is not allowed")]
    Value(&'static str),
    /// A field asks for something that this server does not do.
    #[error("client metadata have '{0}', which is not supported")]
    Unsupported(&'static str),
    /// An array has a value twice.
    #[error("client metadata have a value twice in '{0}'")]
    Duplicate(&'static str),
    /// The document is another client's.
    #[error("client metadata name another client_id")]
    ClientId,
    /// The client has both `jwks` and `jwks_uri`, or neither.
    #[error("a confidential client has either 'jwks' or 'jwks_uri'")]
    Keys,
    /// The keys are not usable.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// A redirect URI breaks a rule.
    #[error("{uri}: {error}")]
    RedirectUri {
        /// The URI.
        uri: String,
        /// The rule.
        error: RedirectUriError,
    },
}

impl From<ClientMetadataError> for OAuthError {
    fn from(error: ClientMetadataError) -> Self {
        let code = match error {
            ClientMetadataError::RedirectUri { .. } => OAuthErrorCode::InvalidRedirectUri,
            _ => OAuthErrorCode::InvalidClientMetadata,
        };
        Self::of(code, &error)
    }
}

/// The document as it is written. `null` counts as left out.
#[derive(Deserialize)]
struct Document {
    client_id: Option<String>,
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    tos_uri: Option<String>,
    policy_uri: Option<String>,
    application_type: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
    scope: Option<String>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_signing_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    subject_type: Option<String>,
    require_signed_request_object: Option<bool>,
    tls_client_certificate_bound_access_tokens: Option<bool>,
    authorization_details_types: Option<Vec<String>>,
    default_max_age: Option<Value>,
    userinfo_signed_response_alg: Option<Value>,
    userinfo_encrypted_response_alg: Option<Value>,
    id_token_signed_response_alg: Option<Value>,
    authorization_signed_response_alg: Option<Value>,
    authorization_encrypted_response_alg: Option<Value>,
    authorization_encrypted_response_enc: Option<Value>,
}

pub(super) fn read(id: &ClientId, bytes: &[u8]) -> Result<ClientMetadata, ClientMetadataError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(ClientMetadataError::TooLong);
    }
    let document: Document = serde_json::from_slice(bytes)?;
    match &document.client_id {
        None => return Err(ClientMetadataError::Missing("client_id")),
        Some(own) if own != id.as_str() => return Err(ClientMetadataError::ClientId),
        Some(_) => {}
    }
    refuse_unsupported(&document)?;
    let refresh = check_grants(&document)?;
    if document.dpop_bound_access_tokens != Some(true) {
        return Err(ClientMetadataError::Value("dpop_bound_access_tokens"));
    }
    let application_type = match document.application_type.as_deref() {
        None | Some("web") => ApplicationType::Web,
        Some("native") => ApplicationType::Native,
        Some(_) => return Err(ClientMetadataError::Value("application_type")),
    };
    let authentication = authentication(id, &document, application_type)?;
    let redirect_uris = redirect_uris(id, &document, application_type)?;
    let scope = document.scope.as_deref().ok_or(ClientMetadataError::Missing("scope"))?;
    let client_uri = link(id, "client_uri", document.client_uri.as_deref())?;
    if client_uri.as_ref().is_some_and(|uri| !is_on_host_of(uri, id)) {
        return Err(ClientMetadataError::Value("client_uri"));
    }
    Ok(ClientMetadata {
        id: id.clone(),
        application_type,
        authentication,
        redirect_uris,
        scopes: DeclaredScopes::parse(scope)?,
        refresh,
        client_uri,
        logo_uri: link(id, "logo_uri", document.logo_uri.as_deref())?,
        tos_uri: link(id, "tos_uri", document.tos_uri.as_deref())?,
        policy_uri: link(id, "policy_uri", document.policy_uri.as_deref())?,
        name: document.client_name,
        trusted: false,
    })
}

/// Refuses what would make the client believe in something that does not happen.
fn refuse_unsupported(document: &Document) -> Result<(), ClientMetadataError> {
    let present = [
        ("default_max_age", document.default_max_age.is_some()),
        ("userinfo_signed_response_alg", document.userinfo_signed_response_alg.is_some()),
        ("userinfo_encrypted_response_alg", document.userinfo_encrypted_response_alg.is_some()),
        ("id_token_signed_response_alg", document.id_token_signed_response_alg.is_some()),
        ("authorization_signed_response_alg", document.authorization_signed_response_alg.is_some()),
        (
            "authorization_encrypted_response_alg",
            document.authorization_encrypted_response_alg.is_some(),
        ),
        (
            "authorization_encrypted_response_enc",
            document.authorization_encrypted_response_enc.is_some(),
        ),
        (
            "tls_client_certificate_bound_access_tokens",
            document.tls_client_certificate_bound_access_tokens == Some(true),
        ),
        ("require_signed_request_object", document.require_signed_request_object == Some(true)),
        (
            "authorization_details_types",
            document.authorization_details_types.as_ref().is_some_and(|types| !types.is_empty()),
        ),
        ("subject_type", document.subject_type.as_deref().is_some_and(|kind| kind != "public")),
    ];
    match present.into_iter().find(|(_, present)| *present) {
        Some((field, _)) => Err(ClientMetadataError::Unsupported(field)),
        None => Ok(()),
    }
}

/// Checks grants and response types; says whether the client refreshes.
fn check_grants(document: &Document) -> Result<bool, ClientMetadataError> {
    let grants = list(document.grant_types.as_deref(), "authorization_code");
    if !grants.iter().all(|grant| matches!(*grant, "authorization_code" | "refresh_token")) {
        return Err(ClientMetadataError::Value("grant_types"));
    }
    if has_duplicate(&grants) {
        return Err(ClientMetadataError::Duplicate("grant_types"));
    }
    if !grants.contains(&"authorization_code") {
        return Err(ClientMetadataError::Value("grant_types"));
    }
    if !list(document.response_types.as_deref(), "code").contains(&"code") {
        return Err(ClientMetadataError::Value("response_types"));
    }
    Ok(grants.contains(&"refresh_token"))
}

fn list<'a>(values: Option<&'a [String]>, default: &'a str) -> Vec<&'a str> {
    values.map_or_else(|| vec![default], |values| values.iter().map(String::as_str).collect())
}

fn has_duplicate(values: &[&str]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    !sorted.is_sorted_by(|a, b| a < b)
}

fn authentication(
    id: &ClientId,
    document: &Document,
    application_type: ApplicationType,
) -> Result<ClientAuthentication, ClientMetadataError> {
    let signing_alg = document.token_endpoint_auth_signing_alg.as_deref();
    let has_keys = document.jwks.is_some() || document.jwks_uri.is_some();
    match document.token_endpoint_auth_method.as_deref() {
        // Interop: RFC 7591's default is a secret, which the profile does not have; its specification calls the field
        // optional. With keys, the document does not say what it means. The reference implementation wants the field.
        None if has_keys => Err(ClientMetadataError::Missing("token_endpoint_auth_method")),
        None | Some("none") if signing_alg.is_some() => {
            Err(ClientMetadataError::Value("token_endpoint_auth_signing_alg"))
        }
        None | Some("none") => Ok(ClientAuthentication::None),
        // RFC 8252 §8.4: what is on everybody's phone keeps no secret.
        Some("private_key_jwt") if application_type == ApplicationType::Native => {
            Err(ClientMetadataError::Value("token_endpoint_auth_method"))
        }
        Some("private_key_jwt") => {
            let alg = match signing_alg {
                None => None,
                Some(alg) => Some(
                    SIGNING_ALGORITHMS
                        .into_iter()
                        .find(|known| *known == alg)
                        .ok_or(ClientMetadataError::Value("token_endpoint_auth_signing_alg"))?,
                ),
            };
            let keys = match (&document.jwks, document.jwks_uri.as_deref()) {
                (Some(jwks), None) => ClientKeys::Inline(Jwks::from_json(jwks.clone())?),
                (None, Some(uri)) => {
                    let uri = link(id, "jwks_uri", Some(uri))?;
                    ClientKeys::Remote(uri.ok_or(ClientMetadataError::Keys)?)
                }
                _ => return Err(ClientMetadataError::Keys),
            };
            Ok(ClientAuthentication::PrivateKeyJwt { alg, keys })
        }
        Some(_) => Err(ClientMetadataError::Value("token_endpoint_auth_method")),
    }
}

fn redirect_uris(
    id: &ClientId,
    document: &Document,
    application_type: ApplicationType,
) -> Result<Vec<RedirectUri>, ClientMetadataError> {
    let uris = document.redirect_uris.as_deref().unwrap_or_default();
    if uris.is_empty() {
        return Err(ClientMetadataError::Missing("redirect_uris"));
    }
    if uris.len() > MAX_REDIRECT_URIS {
        return Err(ClientMetadataError::Value("redirect_uris"));
    }
    let read = |text: &String| {
        let uri = RedirectUri::parse_on(text, id.network())?;
        uri.check(id, application_type)?;
        Ok(uri)
    };
    let read = |text: &String| {
        read(text).map_err(|error| ClientMetadataError::RedirectUri { uri: text.clone(), error })
    };
    uris.iter().map(read).collect()
}

/// A link to a page, an image or keys: https, on the public Internet unless the client is not.
fn link(
    id: &ClientId,
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Url>, ClientMetadataError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let url = Url::parse(text).map_err(|_| ClientMetadataError::Value(field))?;
    let private = id.network() == Network::Private && url.scheme() == "http";
    let public =
        url.scheme() == "https" && (id.network() == Network::Private || is_public_host(&url));
    let credentials = !url.username().is_empty() || url.password().is_some();
    if !(private || public) || credentials {
        return Err(ClientMetadataError::Value(field));
    }
    Ok(Some(url))
}

/// Interop: the specification asks for the client id's host name; the reference implementation for its origin and a
/// parent of its path as well.
fn is_on_host_of(uri: &Url, id: &ClientId) -> bool {
    match id {
        ClientId::Loopback(_) => false,
        ClientId::Discoverable(id) => uri.host_str() == Some(id.host()),
    }
}
