//! Parameters of a request to the token, PAR and revocation endpoints.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::OAuthError;

/// More parameters than any request of the profile has.
const MAX_PARAMS: usize = 64;
/// The longest value: an assertion may have 16 KiB, a list of scopes twice as much.
const MAX_VALUE_BYTES: usize = 32 * 1024;

/// Parameters by name, each at most once (RFC 6749 §3.2). A parameter without a value counts as left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads an `application/x-www-form-urlencoded` body or a query string.
    pub fn from_form(body: &[u8]) -> Result<Self, OAuthError> {
        let pairs = url::form_urlencoded::parse(body);
        Self::from_pairs(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    /// Reads a JSON body: an object of strings; numbers (`max_age`) and booleans are taken by their text.
    ///
    /// Interop: OAuth knows forms only; the reference implementation takes JSON, so there are clients that send it.
    pub fn from_json(body: &[u8]) -> Result<Self, OAuthError> {
        let Members(object) = serde_json::from_slice(body).map_err(|error| {
            OAuthError::invalid_request(format!("the body is not valid: {error}"))
        })?;
        let mut pairs = Vec::with_capacity(object.len());
        for (name, value) in object {
            match value {
                Value::Null => {}
                Value::String(text) => pairs.push((name, text)),
                Value::Number(number) => pairs.push((name, number.to_string())),
                Value::Bool(boolean) => pairs.push((name, boolean.to_string())),
                Value::Array(_) | Value::Object(_) => {
                    return Err(OAuthError::invalid_request("a parameter is not a string"));
                }
            }
        }
        Self::from_pairs(pairs)
    }

    /// Takes decoded pairs.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OAuthError> {
        let mut params = BTreeMap::new();
        for (count, (name, value)) in pairs.into_iter().enumerate() {
            if count >= MAX_PARAMS {
                return Err(OAuthError::invalid_request("too many parameters"));
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(OAuthError::invalid_request("a parameter is too long"));
            }
            if value.is_empty() {
                continue;
            }
            if params.insert(name, value).is_some() {
                return Err(OAuthError::invalid_request("a parameter is given twice"));
            }
        }
        Ok(Self(params))
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that must be there.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        let missing = || OAuthError::invalid_request(format!("parameter '{name}' is missing"));
        self.get(name).ok_or_else(missing)
    }
}

/// The members of a JSON object as they come, so that a repeated one is seen.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of parameters")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Names only: values are secrets.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
