//! Which handles an account of this server may have.
//!
//! A handle is either under one of the server's own domains, and then the server answers for it, or it belongs to a
//! domain of the user's, and then it must resolve to the user's DID. Spec: <https://atproto.com/specs/handle>.

use cairn_model::Handle;

use super::blocked_words::BlockedWords;
use super::reserved::is_reserved;
use crate::error::XrpcError;

/// Length of the name in front of the server's domain. Interop: the bounds of the reference implementation.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=18;

/// Top-level domains that can never hold a handle on the public network. `.test` is for development.
const REFUSED_TLDS: &[&str] =
    &["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion"];

/// Why a handle cannot be taken here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    #[error("Input/handle must be a valid handle")]
    Syntax,
    #[error("Handle TLD is invalid or disallowed")]
    Tld,
    #[error("Invalid characters in handle")]
    Dots,
    #[error("Handle too short")]
    TooShort,
    #[error("Handle too long")]
    TooLong,
    #[error("Inappropriate language in handle")]
    Blocked,
    #[error("Reserved handle")]
    Reserved,
    #[error("Not a supported handle domain")]
    UnsupportedDomain,
    #[error("External handle did not resolve to DID")]
    DoesNotResolve,
    #[error("Handle already taken: {0}")]
    Taken(Handle),
}

impl From<HandleError> for XrpcError {
    fn from(err: HandleError) -> Self {
        let name = match err {
            HandleError::Reserved | HandleError::Taken(_) => "HandleNotAvailable",
            HandleError::UnsupportedDomain => "UnsupportedDomain",
            HandleError::DoesNotResolve => "InvalidRequest",
            _ => "InvalidHandle",
        };
        Self::named(name, err.to_string())
    }
}

/// What a server's operator has laid down.
#[derive(Clone, Copy, Debug)]
pub struct HandleRules<'a> {
    /// The server's own domains; each starts with a dot.
    pub domains: &'a [String],
    /// Words that no handle may contain.
    pub blocked: &'a BlockedWords,
}

/// Who answers for a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// This server.
    Own,
    /// The user's own name server or web server.
    External,
}

/// Whose domain `handle` is under, without any other rule. `domains` start with a dot.
pub fn domain_of(handle: &Handle, domains: &[String]) -> Domain {
    match name_under(handle, domains) {
        Some(_) => Domain::Own,
        None => Domain::External,
    }
}

/// The part of `handle` before the longest of `domains` that it ends with.
fn name_under<'a>(handle: &'a Handle, domains: &[String]) -> Option<&'a str> {
    domains
        .iter()
        .filter_map(|domain| handle.as_str().strip_suffix(domain.as_str()))
        .min_by_key(|name| name.len())
}

/// Whether a name is one of the server's own domains itself.
pub fn is_apex(name: &str, domains: &[String]) -> bool {
    domains.iter().any(|domain| domain.strip_prefix('.') == Some(name))
}

/// Parses a handle as a user typed it and applies every rule that needs no network.
///
/// `any_valid` lets administrators hand out reserved names, those with blocked words, and the server's domain itself;
/// others get that only by its name server, like any domain.
pub fn check(
    input: &str,
    rules: HandleRules<'_>,
    any_valid: bool,
) -> Result<(Handle, Domain), HandleError> {
    let HandleRules { domains, blocked } = rules;
    let handle = Handle::parse(input).map_err(|_| HandleError::Syntax)?;
    let tld = handle.as_str().rsplit('.').next().unwrap_or_default();
    if REFUSED_TLDS.contains(&tld) && domain_of(&handle, domains) == Domain::External {
        return Err(HandleError::Tld);
    }
    let name = name_under(&handle, domains);
    if !any_valid && blocked.is_in(name.unwrap_or(handle.as_str())) {
        return Err(HandleError::Blocked);
    }
    let Some(name) = name else {
        let is_ours = any_valid && is_apex(handle.as_str(), domains);
        return Ok((handle, if is_ours { Domain::Own } else { Domain::External }));
    };
    if name.contains('.') {
        return Err(HandleError::Dots);
    }
    if name.len() < *NAME_CHARS.start() {
        return Err(HandleError::TooShort);
    }
    if name.len() > *NAME_CHARS.end() {
        return Err(HandleError::TooLong);
    }
    if !any_valid && is_reserved(name) {
        return Err(HandleError::Reserved);
    }
    Ok((handle, Domain::Own))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static BLOCKED: LazyLock<BlockedWords> = LazyLock::new(BlockedWords::built_in);

    fn rules(domains: &[String]) -> HandleRules<'_> {
        HandleRules { domains, blocked: &BLOCKED }
    }

    fn domains() -> Vec<String> {
        vec![".pds.test".to_owned(), ".example.com".to_owned()]
    }

    #[test]
    fn names_under_our_domains_are_one_label_of_three_to_eighteen_characters() {
        let check = |handle: &str| {
            check(handle, rules(&domains()), false)
                .map(|(handle, domain)| (handle.to_string(), domain))
        };
        assert_eq!(check("Alice.PDS.test"), Ok(("alice.pds.test".to_owned(), Domain::Own)));
        assert_eq!(check("a.b.pds.test"), Err(HandleError::Dots));
        assert_eq!(check("al.pds.test"), Err(HandleError::TooShort));
        assert_eq!(check("abcdefghijklmnopqrs.pds.test"), Err(HandleError::TooLong));
        assert_eq!(check("admin.pds.test"), Err(HandleError::Reserved));
        assert_eq!(check("f-a-g.pds.test"), Err(HandleError::Blocked));
        assert_eq!(check("alice.f4ggot.org"), Err(HandleError::Blocked));
        assert_eq!(
            check("alice.elsewhere.org"),
            Ok(("alice.elsewhere.org".to_owned(), Domain::External))
        );
        assert_eq!(check("alice.local"), Err(HandleError::Tld));
        assert_eq!(check("alice"), Err(HandleError::Syntax));
        assert_eq!(check("ali ce.pds.test"), Err(HandleError::Syntax));
    }

    #[test]
    fn administrators_may_hand_out_any_valid_name() {
        for handle in ["support.pds.test", "fag.pds.test"] {
            assert!(check(handle, rules(&domains()), true).is_ok());
        }
        assert_eq!(check("al.pds.test", rules(&domains()), true), Err(HandleError::TooShort));
        let apex = check("pds.test", rules(&domains()), true).unwrap();
        assert_eq!((apex.0.as_str(), apex.1), ("pds.test", Domain::Own));
        assert_eq!(check("pds.test", rules(&domains()), false).unwrap().1, Domain::External);
    }
}
