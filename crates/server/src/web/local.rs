//! A place on this server's pages: the only kind that a form may name to go on to.

use std::borrow::Cow;

use cairn_model::Did;

/// A path of our pages, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local(Cow<'static, str>);

/// No address of ours is longer.
const MAX_BYTES: usize = 2_048;

impl Local {
    /// Reads what came from outside: `None` for anything but a page of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() <= MAX_BYTES
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
        let path = text.split(['?', '#']).next().unwrap_or_default();
        (is_plain && super::owns(path) && !path.contains("//") && !path.contains("/."))
            .then(|| Self(text.to_owned().into()))
    }

    /// The path with its query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A page of an account.
    pub fn of_account(did: &Did, rest: &str) -> Self {
        Self(format!("/account/u/{}{rest}", in_path(did)).into())
    }

    /// A page of the console about an account.
    pub fn of_console(did: &Did, rest: &str) -> Self {
        Self(format!("/admin/accounts/{}{rest}", in_path(did)).into())
    }

    /// A path that stands in the code, with a query that is encoded already.
    pub fn with_query(path: &'static str, query: &str) -> Self {
        if query.is_empty() { path.into() } else { Self(format!("{path}?{query}").into()) }
    }
}

/// A DID as a segment of a path: that of a did:web may have percent signs, which are its own.
fn in_path(did: &Did) -> String {
    did.as_str().replace('%', "%25")
}

impl std::fmt::Display for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path that stands in the code.
impl From<&'static str> for Local {
    fn from(path: &'static str) -> Self {
        Self(path.into())
    }
}

#[cfg(test)]
mod tests {
    use cairn_model::Did;

    use super::Local;

    /// The table takes them apart again.
    #[test]
    fn a_did_with_percent_signs_is_one_segment() {
        let did = Did::parse("did:web:localhost%3A2583").unwrap();
        let page = Local::of_account(&did, "/data");
        let found = crate::path::captures("/account/u/{account}/data", page.as_str());
        assert_eq!(found, Some(vec![("account", did.to_string())]));
    }

    #[test]
    fn only_pages_of_ours_are_places_to_go_on_to() {
        for good in [
            "/",
            "/account",
            "/account/u/did:plc:x/apps?a=1",
            "/oauth/authorize?request_uri=urn%3Ax",
            "/admin",
        ] {
            assert_eq!(Local::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/account//x",
            "/account/../xrpc",
            "/account\r\nx: y",
            "/xrpc/com.atproto.server.getSession",
            "/accounts",
            "account",
            " /account",
            "/account x",
            "/\t/evil.example",
        ] {
            assert_eq!(Local::parse(bad), None, "{bad}");
        }
    }
}
