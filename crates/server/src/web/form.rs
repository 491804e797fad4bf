//! What a browser sends in a form or a query, and a form on its way back to the person with errors.

use axum::body::Body;
use http::HeaderMap;
use url::form_urlencoded;
use zeroize::Zeroize;

use crate::error::XrpcError;
use crate::xrpc::body;

/// No form of ours is larger.
pub(super) const MAX_BYTES: u64 = 64 * 1024;
/// No form of ours has more fields.
const MAX_FIELDS: usize = 256;

/// Named values, in order. Wiped when dropped: some are passwords.
#[derive(Default)]
pub struct Fields(Vec<(String, String)>);

impl Drop for Fields {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

impl Fields {
    /// Reads `name=value&…`.
    ///
    /// # Errors
    /// 400 for text that is not UTF-8 and for more fields than any form has.
    pub fn parse(text: &[u8]) -> Result<Self, XrpcError> {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            // The parser puts U+FFFD where the bytes are no UTF-8.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(XrpcError::invalid_request("the form is not UTF-8"));
            }
            fields.add(name.into_owned(), value.into_owned())?;
        }
        Ok(fields)
    }

    pub(super) fn add(&mut self, name: String, value: String) -> Result<(), XrpcError> {
        if self.0.len() == MAX_FIELDS {
            return Err(XrpcError::invalid_request("the form has too many fields"));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Reads a form out of a request's body.
    ///
    /// # Errors
    /// 413 for a large one, 415 for another content type, and those of [`Fields::parse`].
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, XrpcError> {
        let bytes = body::read_form(headers, body, MAX_BYTES).await?;
        Self::parse(&bytes)
    }

    /// The first value of a name, without spaces around it; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The first value of a name as it was typed, for passwords.
    pub fn exact(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether a box was ticked or a button with this name pressed.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All values of a name: a group of boxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A form as a page shows it: what was typed so far, and what is wrong with it. Passwords never come back.
#[derive(Debug, Default)]
pub struct Form {
    values: Vec<(&'static str, String)>,
    errors: Vec<(&'static str, String)>,
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// A form with the values of some fields of what was sent.
    pub fn of(fields: &Fields, names: &[&'static str]) -> Self {
        let mut form = Self::new();
        for name in names.iter().filter(|name| fields.has(name)) {
            form.set(name, fields.get(name));
        }
        form
    }

    /// Fills a field in.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value.into()));
    }

    /// Says what is wrong with a field, or with the form as a whole if `name` is empty. The first word counts.
    pub fn refuse(&mut self, name: &'static str, error: impl Into<String>) {
        if self.error(name).is_none() {
            self.errors.push((name, error.into()));
        }
    }

    /// Refuses an empty field.
    pub fn require(&mut self, fields: &Fields, name: &'static str, error: impl Into<String>) {
        if fields.get(name).is_empty() {
            self.refuse(name, error);
        }
    }

    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    pub fn value(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == name)
    }

    pub fn error(&self, name: &str) -> Option<&str> {
        let found = self.errors.iter().find(|(known, _)| *known == name);
        found.map(|(_, error)| error.as_str())
    }

    /// Whether the eye should go to this field: the first with an error, or else the one that the page names.
    pub fn focuses(&self, name: &str, by_default: impl std::borrow::Borrow<bool>) -> bool {
        match self.errors.iter().find(|(known, _)| !known.is_empty()) {
            Some((first, _)) => *first == name,
            None => *by_default.borrow(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_strictly_and_within_bounds() {
        let fields = Fields::parse(b"a=1&b=+x%20&a=2&c&d=%C3%A9").unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("d")), ("1", "x", "\u{e9}"));
        assert_eq!((fields.exact("b"), fields.get("c"), fields.get("nope")), (" x ", "", ""));
        assert!(fields.has("c") && !fields.has("nope"));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(Fields::parse(b"a=%ff").is_err());
        assert!(Fields::parse("a=1&".repeat(MAX_FIELDS + 1).as_bytes()).is_err());
    }

    #[test]
    fn the_first_error_takes_the_focus() {
        let fields = Fields::parse(b"name=Ada&password=secret").unwrap();
        let mut form = Form::of(&fields, &["name", "mail"]);
        assert!(form.focuses("name", true) && !form.focuses("mail", false));
        form.require(&fields, "mail", "Type an address.");
        form.refuse("mail", "second");
        assert!(form.is_refused() && form.focuses("mail", false) && !form.focuses("name", true));
        assert_eq!((form.value("name"), form.value("password")), ("Ada", ""));
        assert_eq!(form.error("mail"), Some("Type an address."));
    }
}
