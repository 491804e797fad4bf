//! The protected header of a JWS (RFC 7515 §4).

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The protected header.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// The algorithm: `HS256`, `ES256`, `ES256K`.
    pub alg: String,
    /// The token type, as the sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// The key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Every other member, such as a DPoP proof's `jwk`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Header {
    /// A header with a type; signing fills in `alg`.
    #[must_use]
    pub fn with_typ(typ: &str) -> Self {
        Self { typ: Some(typ.to_owned()), ..Self::default() }
    }
}

/// By hand: what `flatten` would derive copies every member twice, and each request of an OAuth client has a header to read.
impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header of a token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let (mut alg, mut typ, mut kid) = (None, None, None);
        let mut extra = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            // RFC 7515 §4: a name stands there once.
            let again = match name.as_str() {
                "alg" => alg.replace(map.next_value::<String>()?).is_some(),
                "typ" => typ.replace(map.next_value::<Option<String>>()?).is_some(),
                "kid" => kid.replace(map.next_value::<Option<String>>()?).is_some(),
                _ if extra.contains_key(&name) => true,
                _ => extra.insert(name, map.next_value()?).is_some(),
            };
            if again {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        let alg = alg.ok_or_else(|| A::Error::missing_field("alg"))?;
        Ok(Header { alg, typ: typ.flatten(), kid: kid.flatten(), extra })
    }
}
