//! Authorization requests, which clients push to the server before they send anybody there.
//! RFC 6749 §4.1.1, RFC 9126, <https://atproto.com/specs/oauth#authorization-requests>

mod response;

use cairn_model::{AtIdentifier, Did, Language};
use serde::{Deserialize, Serialize};

pub use response::{Answer, Response};

use crate::client::{ClientId, ClientMetadata, RedirectKind, RedirectUri};
use crate::dpop::Proof;
use crate::pkce::{CodeChallenge, is_sha256_base64url};
use crate::scope::Scopes;
use crate::{OAuthError, OAuthErrorCode, Params};

/// The longest `state`: it comes back in a URL.
const MAX_STATE_BYTES: usize = 2048;
/// More languages than a page is tried in.
const MAX_UI_LOCALES: usize = 16;

/// How the answer travels to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// In the body of a POST.
    FormPost,
}

/// What the client wants people to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Nothing.
    None,
    /// To sign in, even if they have.
    Login,
    /// To consent, even if they have.
    Consent,
    /// Which account.
    SelectAccount,
    /// To sign up.
    Create,
}

/// How the client shows the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisplayMode {
    /// As a page.
    Page,
    /// In a small window.
    Popup,
    /// On a touch screen.
    Touch,
    /// On a feature phone.
    Wap,
}

/// A request that keeps the rules of the profile and of its client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: ClientId,
    /// Where people are sent back to.
    pub redirect_uri: RedirectUri,
    /// What the client asks for; scopes that are not understood are gone.
    pub scope: Scopes,
    /// What the client recognises its request by.
    pub state: String,
    /// What the client will prove itself by.
    pub code_challenge: CodeChallenge,
    /// The thumbprint of the key that tokens are to be bound to. See [`AuthorizationRequest::bind_dpop`].
    pub dpop_jkt: Option<String>,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// Who is meant to sign in.
    pub login_hint: Option<AtIdentifier>,
    /// What people are to be asked.
    pub prompt: Option<Prompt>,
    /// Languages, the best first.
    pub ui_locales: Vec<String>,
    /// How the page is shown.
    pub display: Option<DisplayMode>,
    /// The most seconds since somebody has signed in, or they must again.
    pub max_age: Option<u32>,
}

impl AuthorizationRequest {
    /// Reads a pushed request of a client that has authenticated already.
    ///
    /// Permission sets that the scopes include must be resolved by the caller.
    pub fn from_params(params: &Params, client: &ClientMetadata) -> Result<Self, OAuthError> {
        refuse_unsupported(params)?;
        if params.require("client_id")? != client.id().as_str() {
            return Err(OAuthError::invalid_request("client_id is not the one of the client"));
        }
        check_response_type(params.require("response_type")?)?;
        let redirect_uri = redirect_uri(params.get("redirect_uri"), client)?;
        let response_mode: ResponseMode = choice(params, "response_mode")?.unwrap_or_default();
        // An app is opened, not posted to.
        if response_mode == ResponseMode::FormPost && redirect_uri.kind() == RedirectKind::App {
            return Err(OAuthError::invalid_request("response_mode does not fit the redirect_uri"));
        }
        let request = Self {
            client_id: client.id().clone(),
            redirect_uri,
            response_mode,
            scope: scope(params.get("scope"), client)?,
            state: state(params.require("state")?)?,
            code_challenge: code_challenge(params)?,
            dpop_jkt: params.get("dpop_jkt").map(thumbprint).transpose()?,
            login_hint: params.get("login_hint").map(login_hint).transpose()?,
            prompt: choice(params, "prompt")?,
            ui_locales: ui_locales(params.get("ui_locales").unwrap_or_default()),
            display: choice(params, "display")?,
            max_age: max_age(params.get("max_age"))?,
        };
        if request.prompt == Some(Prompt::None) && !may_be_silent(client) {
            return Err(OAuthError::new(
                OAuthErrorCode::ConsentRequired,
                "public clients cannot sign people in without a prompt",
            ));
        }
        Ok(request)
    }

    /// Binds the request to the key of the proof that came with it (RFC 9449 §10).
    ///
    /// # Errors
    /// `invalid_dpop_proof` if the request names another key.
    pub fn bind_dpop(&mut self, proof: Option<&Proof>) -> Result<(), OAuthError> {
        let Some(Proof { jkt }) = proof else {
            return Ok(());
        };
        if self.dpop_jkt.as_ref().is_some_and(|named| named != jkt) {
            return Err(OAuthError::new(
                OAuthErrorCode::InvalidDpopProof,
                "dpop_jkt is not the key of the DPoP proof",
            ));
        }
        self.dpop_jkt = Some(jkt.clone());
        Ok(())
    }

    /// Whether people must be asked, whatever they have agreed to before: anybody can claim to be a public client.
    #[must_use]
    pub fn must_ask(&self, client: &ClientMetadata) -> bool {
        self.prompt == Some(Prompt::Consent) || !may_be_silent(client)
    }
}

/// Whether the client is known well enough to sign people in without asking them.
fn may_be_silent(client: &ClientMetadata) -> bool {
    client.is_confidential() || client.is_trusted()
}

fn refuse_unsupported(params: &Params) -> Result<(), OAuthError> {
    if params.get("request").is_some() {
        return Err(OAuthError::new(
            OAuthErrorCode::RequestNotSupported,
            "request objects are not supported, push the parameters",
        ));
    }
    // RFC 9126 §2.1 for the first; the others belong to OpenID Connect and RFC 9396.
    let refused = ["request_uri", "claims", "id_token_hint", "nonce", "authorization_details"];
    match refused.into_iter().find(|name| params.get(name).is_some()) {
        Some(name) => Err(OAuthError::invalid_request(format!("'{name}' is not supported"))),
        None => Ok(()),
    }
}

fn check_response_type(response_type: &str) -> Result<(), OAuthError> {
    if response_type == "code" {
        return Ok(());
    }
    Err(OAuthError::new(OAuthErrorCode::UnsupportedResponseType, "response_type must be code"))
}

/// Interop: the specification wants the parameter; as with the reference implementation, and as RFC 6749 allows, a
/// client with one redirect URI may leave it out.
fn redirect_uri(asked: Option<&str>, client: &ClientMetadata) -> Result<RedirectUri, OAuthError> {
    match (asked, client.redirect_uris()) {
        (Some(asked), _) => client
            .redirect_uri(asked)
            .ok_or_else(|| OAuthError::invalid_request("redirect_uri is not one of the client's")),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(OAuthError::invalid_request("redirect_uri is missing")),
    }
}

fn scope(asked: Option<&str>, client: &ClientMetadata) -> Result<Scopes, OAuthError> {
    let invalid = |description: String| OAuthError::new(OAuthErrorCode::InvalidScope, description);
    let asked = asked.ok_or_else(|| invalid("scope is missing".to_owned()))?;
    for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
        if scope == "openid" {
            return Err(invalid("OpenID Connect is not supported".to_owned()));
        }
        if !client.declares(scope) {
            let shown: String = scope.chars().take(100).collect();
            return Err(invalid(format!("scope '{shown}' is not declared in the client metadata")));
        }
    }
    let scopes = Scopes::parse(asked);
    if scopes.contains_atproto() {
        return Ok(scopes);
    }
    Err(invalid("scope 'atproto' is required".to_owned()))
}

fn state(state: &str) -> Result<String, OAuthError> {
    if state.len() > MAX_STATE_BYTES {
        return Err(OAuthError::invalid_request("state is too long"));
    }
    Ok(state.to_owned())
}

fn code_challenge(params: &Params) -> Result<CodeChallenge, OAuthError> {
    let challenge = params.get("code_challenge");
    let challenge = challenge.ok_or_else(|| OAuthError::invalid_request("PKCE is required"))?;
    // RFC 7636 §4.3: without a method, plain is meant.
    if params.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    CodeChallenge::parse(challenge)
}

fn thumbprint(jkt: &str) -> Result<String, OAuthError> {
    if is_sha256_base64url(jkt) {
        return Ok(jkt.to_owned());
    }
    Err(OAuthError::invalid_request("dpop_jkt is not a thumbprint"))
}

/// A handle or a DID, in any case: people type it.
fn login_hint(hint: &str) -> Result<AtIdentifier, OAuthError> {
    let known_method = |did: &Did| matches!(did.method(), "plc" | "web");
    match AtIdentifier::parse(&hint.to_lowercase()) {
        Ok(hint) if hint.as_did().is_none_or(known_method) => Ok(hint),
        _ => Err(OAuthError::invalid_request("login_hint is neither a handle nor a DID")),
    }
}

/// Languages that are none are left out: they are wishes (OpenID Connect Core §3.1.2.1).
fn ui_locales(text: &str) -> Vec<String> {
    let tags = text.split(' ').filter(|tag| Language::parse(tag).is_ok());
    tags.take(MAX_UI_LOCALES).map(str::to_owned).collect()
}

fn max_age(seconds: Option<&str>) -> Result<Option<u32>, OAuthError> {
    let invalid = |_| OAuthError::invalid_request("max_age is not a number of seconds");
    seconds.map(|seconds| seconds.parse().map_err(invalid)).transpose()
}

/// A parameter that has one of a few values.
fn choice<'a, T: Deserialize<'a>>(
    params: &'a Params,
    name: &'static str,
) -> Result<Option<T>, OAuthError> {
    let Some(value) = params.get(name) else {
        return Ok(None);
    };
    let value = serde::de::value::BorrowedStrDeserializer::<serde::de::value::Error>::new(value);
    let invalid =
        |_| OAuthError::invalid_request(format!("{name} has a value that is not supported"));
    T::deserialize(value).map(Some).map_err(invalid)
}
