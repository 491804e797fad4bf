//! DID documents, read the way the protocol uses them. <https://atproto.com/specs/did>
//!
//! The document is kept as it came, because it is handed on whole; what the protocol needs of it is parsed once.

use cairn_model::{Did, Handle};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use crate::key::Curve;
use crate::public_key::{KeyError, PublicKey};

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum DidDocumentError {
    /// Not JSON, or not the members that a DID document has.
    #[error("did document is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The document speaks of another DID.
    #[error("did document is of {found}")]
    OtherDid {
        /// The document's `id`.
        found: Did,
    },
}

/// A DID document.
#[derive(Clone, Debug, PartialEq)]
pub struct DidDocument {
    /// The DID that the document speaks of.
    pub id: Did,
    /// Aliases in the document's order.
    pub also_known_as: Vec<String>,
    /// Keys in the document's order.
    pub verification_method: Vec<VerificationMethod>,
    /// Services in the document's order.
    pub service: Vec<Service>,
    json: Value,
}

/// A key of a document. Methods of types that the protocol does not use are kept too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationMethod {
    /// `did#fragment`, or `#fragment`.
    pub id: String,
    /// The suite, such as `Multikey`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The DID that controls the key.
    pub controller: String,
    /// The key; its form depends on the type.
    pub public_key_multibase: Option<String>,
}

/// A service of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// `did#fragment`, or `#fragment`.
    pub id: String,
    /// The types; most services have one.
    #[serde(rename = "type", deserialize_with = "one_or_many")]
    pub types: Vec<String>,
    /// The endpoint; a string for everything that the protocol uses.
    pub service_endpoint: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    id: Did,
    #[serde(default)]
    also_known_as: Vec<String>,
    #[serde(default)]
    verification_method: Vec<VerificationMethod>,
    #[serde(default)]
    service: Vec<Service>,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

impl DidDocument {
    /// Reads a document from bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DidDocumentError> {
        Self::from_json(serde_json::from_slice(bytes)?)
    }

    /// Reads a document from bytes and makes sure that it is `did`'s.
    pub fn parse_for(did: &Did, bytes: &[u8]) -> Result<Self, DidDocumentError> {
        let document = Self::parse(bytes)?;
        if document.id != *did {
            return Err(DidDocumentError::OtherDid { found: document.id });
        }
        Ok(document)
    }

    /// Reads a document from JSON.
    pub fn from_json(json: Value) -> Result<Self, DidDocumentError> {
        let members = Members::deserialize(&json)?;
        Ok(Self {
            id: members.id,
            also_known_as: members.also_known_as,
            verification_method: members.verification_method,
            service: members.service,
            json,
        })
    }

    /// The whole document as it came.
    #[must_use]
    pub const fn as_json(&self) -> &Value {
        &self.json
    }

    /// The first alias that is a syntactically valid handle, whether or not it points back. Not a verified handle.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        self.also_known_as
            .iter()
            .filter_map(|alias| alias.strip_prefix("at://"))
            .find_map(|handle| Handle::parse(handle).ok())
    }

    /// The key `#atproto`, which signs repositories and service tokens.
    #[must_use]
    pub fn signing_key(&self) -> Option<PublicKey> {
        self.key("#atproto")
    }

    /// The first key with this fragment (with or without `#`), when it is the DID's own and of a known type.
    #[must_use]
    pub fn key(&self, fragment: &str) -> Option<PublicKey> {
        let method =
            self.verification_method.iter().find(|method| self.is_mine(&method.id, fragment))?;
        if method.controller != self.id.as_str() {
            return None;
        }
        method.public_key().ok()
    }

    /// The PDS: scheme, host and port without a trailing slash.
    #[must_use]
    pub fn pds_endpoint(&self) -> Option<String> {
        let url = self.service_url("#atproto_pds", Some("AtprotoPersonalDataServer"))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        bare.then(|| url.origin().ascii_serialization())
    }

    /// The endpoint of the first service with this fragment (with or without `#`) and type, without a trailing slash;
    /// `None` unless it is an http(s) URL.
    #[must_use]
    pub fn service_endpoint(&self, fragment: &str, kind: Option<&str>) -> Option<String> {
        let url = self.service_url(fragment, kind)?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    fn service_url(&self, fragment: &str, kind: Option<&str>) -> Option<Url> {
        let service = self.service.iter().find(|service| self.is_mine(&service.id, fragment))?;
        if kind.is_some_and(|kind| !service.types.iter().any(|one| one == kind)) {
            return None;
        }
        let url = Url::parse(service.service_endpoint.as_str()?).ok()?;
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_user = !url.username().is_empty() || url.password().is_some();
        (is_http && !has_user).then_some(url)
    }

    /// Whether a document's `id` is this DID's with the fragment, relative or absolute.
    fn is_mine(&self, id: &str, fragment: &str) -> bool {
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        let own = id.strip_prefix(self.id.as_str()).unwrap_or(id);
        own.strip_prefix('#') == Some(fragment)
    }
}

impl VerificationMethod {
    /// The key, when it is of a type that the protocol signs with.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let text = self.public_key_multibase.as_deref().ok_or(KeyError::Multibase)?;
        match self.kind.as_str() {
            "Multikey" => PublicKey::parse_multikey(text),
            "EcdsaSecp256k1VerificationKey2019" => {
                PublicKey::parse_legacy_multibase(Curve::K256, text)
            }
            "EcdsaSecp256r1VerificationKey2019" => {
                PublicKey::parse_legacy_multibase(Curve::P256, text)
            }
            _ => Err(KeyError::UnsupportedType),
        }
    }
}

impl Serialize for DidDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DidDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
