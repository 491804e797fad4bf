//! The answer to an authorization request, on its way back to the client. RFC 6749 §4.1.2, RFC 9207

use url::Url;

use super::{AuthorizationRequest, ResponseMode};
use crate::OAuthError;
use crate::token::Code;

/// What a client is told.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Yes: the code for the first tokens.
    Code(&'a Code),
    /// No, and why.
    Error(&'a OAuthError),
}

/// How a browser brings the answer to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// By going to this URL. Send 303, so that a POST does not come along.
    Redirect(Url),
    /// By posting these fields to this URL.
    FormPost {
        /// The URL.
        action: Url,
        /// Names and values, not escaped.
        fields: Vec<(&'static str, String)>,
    },
}

impl AuthorizationRequest {
    /// Where and how the answer goes. It names the issuer, so that a client of many servers knows whose it is.
    #[must_use]
    pub fn redirect_with(&self, issuer: &str, answer: Answer<'_>) -> Response {
        let mut fields = vec![("iss", issuer.to_owned()), ("state", self.state.clone())];
        match answer {
            Answer::Code(code) => fields.push(("code", code.as_str().to_owned())),
            Answer::Error(error) => {
                fields.push(("error", error.code.as_str().to_owned()));
                fields.push(("error_description", error.description().to_owned()));
            }
        }
        let mut url = self.redirect_uri.url().clone();
        match self.response_mode {
            ResponseMode::Query => {
                url.query_pairs_mut().extend_pairs(&fields);
            }
            ResponseMode::Fragment => {
                let mut fragment = url::form_urlencoded::Serializer::new(String::new());
                url.set_fragment(Some(&fragment.extend_pairs(&fields).finish()));
            }
            ResponseMode::FormPost => return Response::FormPost { action: url, fields },
        }
        Response::Redirect(url)
    }
}
