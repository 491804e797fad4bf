//! Forms are taken from our own pages only.
//!
//! Three things have to agree: the browser says that the request comes from this origin (`Sec-Fetch-Site`, or `Origin`
//! where a browser does not send that), the device cookie came with it (`SameSite=Lax` keeps it from forms of other
//! sites), and the form carries a token made of that cookie's secret. Each page shows the token under another mask, so that
//! compression does not betray it (BREACH).

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::{Secret, ServerConfig};

/// The name of the hidden field.
pub const FIELD: &str = "csrf";

const TOKEN_BYTES: usize = 16;

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrfError {
    #[error("the form comes from another site")]
    Foreign,
    #[error("the browser sent no cookie with the form")]
    NoCookie,
    #[error("the form is out of date")]
    Token,
}

/// Makes values that only this server can make, for cookies and forms.
#[derive(Clone)]
pub struct Sealer(Hmac<Sha256>);

impl Sealer {
    pub(super) fn new(secret: &Secret) -> Self {
        let mut root = keyed(secret.expose());
        root.update(b"cairn pages");
        Self(keyed(&root.finalize().into_bytes()))
    }

    /// A value for `parts`, for the purpose that is named.
    pub fn seal(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn csrf(&self, device_secret: &str) -> [u8; TOKEN_BYTES] {
        let whole = self.seal("csrf", &[device_secret.as_bytes()]);
        std::array::from_fn(|n| whole[n])
    }

    /// The token for a form on one page.
    pub fn form_token(&self, device_secret: &str) -> String {
        let token = self.csrf(device_secret);
        let mask = cairn_identity::random_bytes::<TOKEN_BYTES>();
        let mut both = mask.to_vec();
        both.extend(token.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        BASE64URL_NOPAD.encode(&both)
    }

    fn is_form_token(&self, device_secret: &str, given: &str) -> bool {
        let Ok(both) = BASE64URL_NOPAD.decode(given.as_bytes()) else { return false };
        let Some((mask, masked)) = both.split_at_checked(TOKEN_BYTES) else { return false };
        let token: Vec<u8> = masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        masked.len() == TOKEN_BYTES && bool::from(token.ct_eq(&self.csrf(device_secret)))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Whether the browser says that a request comes from one of our own pages.
pub fn is_same_origin(config: &ServerConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| {
            let host = text("host").unwrap_or_default();
            origin == config.public_url
                // Under its other names (127.0.0.1), and only on this machine.
                || (config.dev_mode && origin.strip_prefix("http://") == Some(host))
        }),
        // Old browsers send neither; the cookie and the token still have to agree.
        None => true,
    }
}

/// Checks a form that was sent.
pub fn check(
    sealer: &Sealer,
    config: &ServerConfig,
    headers: &HeaderMap,
    device_secret: Option<&str>,
    given: &str,
) -> Result<(), CsrfError> {
    if !is_same_origin(config, headers) {
        return Err(CsrfError::Foreign);
    }
    let device_secret = device_secret.ok_or(CsrfError::NoCookie)?;
    if !sealer.is_form_token(device_secret, given) {
        return Err(CsrfError::Token);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_one_browser_and_looks_different_on_each_page() {
        let sealer = Sealer::new(&Secret::new("secret"));
        let (first, second) = (sealer.form_token("a"), sealer.form_token("a"));
        assert_ne!(first, second);
        assert!(sealer.is_form_token("a", &first) && sealer.is_form_token("a", &second));
        assert!(!sealer.is_form_token("b", &first));
        assert!(!Sealer::new(&Secret::new("other")).is_form_token("a", &first));
        for broken in ["", "AAAA", "!", &first[1..]] {
            assert!(!sealer.is_form_token("a", broken), "{broken}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let sealer = Sealer::new(&Secret::new("secret"));
        assert_ne!(sealer.seal("p", &[b"ab", b"c"]), sealer.seal("p", &[b"a", b"bc"]));
        assert_ne!(sealer.seal("p", &[]), sealer.seal("q", &[]));
    }
}
