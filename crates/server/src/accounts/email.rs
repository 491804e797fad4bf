//! E-mail addresses: enough syntax to refuse what no mail server takes.

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
    if is_plausible(&email) {
        return Ok(email);
    }
    Err(XrpcError::invalid_request(
        "This email address is not supported, please use a different email.",
    ))
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
    use super::is_plausible;

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
