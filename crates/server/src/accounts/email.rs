//! E-mail addresses: enough syntax to refuse what no mail server takes, and the operator's list of throw-away ones.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::XrpcError;

/// RFC 5321 §4.5.3.1: a path is at most 256 octets with its brackets.
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;

/// The address in the form in which it is stored: lower case, so that it is unique.
///
/// # Errors
/// 400 for an address that cannot be one.
pub fn parse(input: &str) -> Result<String, XrpcError> {
    let email = input.trim().to_lowercase();
    if is_plausible(&email) { Ok(email) } else { Err(unsupported()) }
}

/// The same for an address that somebody chooses for themselves: none of a domain that gives addresses to throw away.
///
/// # Errors
/// 400 for these as for what is no address.
pub fn parse_chosen(input: &str, refused: &DisposableDomains) -> Result<String, XrpcError> {
    let email = parse(input)?;
    if refused.has(&email) { Err(unsupported()) } else { Ok(email) }
}

fn unsupported() -> XrpcError {
    XrpcError::invalid_request("This email address is not supported, please use a different email.")
}

/// Domains whose addresses are not taken, with everything under them.
#[derive(Clone, Debug, Default)]
pub struct DisposableDomains(Arc<HashSet<Box<str>>>);

/// A line of a list of domains that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no domain")]
pub struct DomainLineError {
    /// Counted from 1.
    pub line: usize,
}

impl DisposableDomains {
    /// Reads a list with one domain in a line. Empty lines and those that begin with `#` do not count.
    ///
    /// # Errors
    /// Names the first line that is no domain.
    pub fn parse(list: &str) -> Result<Self, DomainLineError> {
        let mut domains = HashSet::new();
        for (line, text) in (1..).zip(list.lines()) {
            let domain = text.trim().to_ascii_lowercase();
            if domain.is_empty() || domain.starts_with('#') {
                continue;
            }
            if !is_domain(&domain) {
                return Err(DomainLineError { line });
            }
            domains.insert(domain.into_boxed_str());
        }
        Ok(Self(Arc::new(domains)))
    }

    /// Whether the address is of one of the domains; it is in lower case.
    fn has(&self, email: &str) -> bool {
        let mut rest = email.rsplit_once('@').map(|(_, domain)| domain);
        while let Some(domain) = rest {
            if self.0.contains(domain) {
                return true;
            }
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
        false
    }
}

/// Whether an address looks deliverable: one `@`, a printable local part without spaces, a domain with a dot.
///
/// Interop: quoted local parts and address literals are legal and refused, as everywhere on the network.
pub fn is_plausible(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return false;
    };
    email.len() <= MAX_BYTES && is_local_part(local) && is_domain(domain)
}

fn is_local_part(local: &str) -> bool {
    let legal = |c: char| !c.is_whitespace() && !c.is_control() && !r#""(),:;<>@[\]"#.contains(c);
    !local.is_empty()
        && local.len() <= MAX_LOCAL_BYTES
        && local.chars().all(legal)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disposable_domains_and_what_is_under_them_are_refused() {
        let list = "# throw-away\n\nTrash.example\r\nmail.junk.test\n";
        let domains = DisposableDomains::parse(list).unwrap();
        for email in ["a@trash.example", "a@x.y.trash.example", "A@MAIL.junk.test"] {
            assert!(parse_chosen(email, &domains).is_err(), "{email}");
        }
        for email in ["a@junk.test", "a@nottrash.example", "a@example.com"] {
            assert!(parse_chosen(email, &domains).is_ok(), "{email}");
        }
        let wrong = DisposableDomains::parse("ok.example\nnot a domain\n").unwrap_err();
        assert_eq!(wrong, DomainLineError { line: 2 });
    }

    #[test]
    fn plausible_addresses_pass() {
        for email in
            ["a@b.co", "first.last+tag@mail.example.com", "üser@example.org", "alice@x.test"]
        {
            assert!(is_plausible(email), "{email}");
        }
    }

    #[test]
    fn implausible_addresses_are_refused() {
        let long = format!("{}@example.com", "x".repeat(65));
        for email in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a b@c.de",
            "a@b..co",
            "a..b@c.de",
            "a@b@c.de",
            "a@-b.co",
            "a\n@b.co",
            &long,
        ] {
            assert!(!is_plausible(email), "{email}");
        }
    }
}
