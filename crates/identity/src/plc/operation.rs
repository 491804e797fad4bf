//! Signed operations: their JSON form, their DAG-CBOR form, their CID and their signature.
//!
//! Fields stay strings as signed: an old log must give the same bytes again, even where its keys would be refused
//! today.

use std::collections::BTreeMap;

use cairn_model::{Cid, Did, Map, Value, cbor};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::log::PlcError;
use crate::public_key::PublicKey;

/// The first 24 base32 characters of the hash name the DID.
const DID_SUFFIX_LENGTH: usize = 24;

/// A service as an operation names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlcService {
    /// The service's type, such as `AtprotoPersonalDataServer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its URL.
    pub endpoint: String,
}

/// A signed `plc_operation`: genesis or update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlcOperation {
    /// Keys that may sign the next operation, by falling power, as `did:key`.
    pub rotation_keys: Vec<String>,
    /// Key ids (without `#`) to `did:key`.
    pub verification_methods: BTreeMap<String, String>,
    /// Aliases, `at://` handles first by custom.
    pub also_known_as: Vec<String>,
    /// Service ids (without `#`) to services.
    pub services: BTreeMap<String, PlcService>,
    /// The operation before; `null` in a genesis, never absent.
    #[serde(deserialize_with = "present")]
    pub prev: Option<Cid>,
    /// The signature, base64url without padding.
    pub sig: String,
}

/// A signed `plc_tombstone`: the end of a DID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The operation before.
    pub prev: Cid,
    /// The signature, base64url without padding.
    pub sig: String,
}

/// A signed `create`: the genesis of DIDs made before operations had their present form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegacyCreate {
    /// The atproto signing key, which is a rotation key too.
    pub signing_key: String,
    /// The more powerful rotation key.
    pub recovery_key: String,
    /// The handle, with or without `at://`.
    pub handle: String,
    /// The PDS, with or without `https://`.
    pub service: String,
    /// Always `null`, never absent.
    #[serde(deserialize_with = "present")]
    pub prev: Option<Cid>,
    /// The signature, base64url without padding.
    pub sig: String,
}

/// A signed operation of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Operation {
    /// Genesis or update.
    #[serde(rename = "plc_operation")]
    Plc(PlcOperation),
    /// The end of a DID.
    #[serde(rename = "plc_tombstone")]
    Tombstone(Tombstone),
    /// The old form of a genesis.
    #[serde(rename = "create")]
    LegacyCreate(LegacyCreate),
}

/// Reads a nullable field that must be there: without a default, serde demands it.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cid>, D::Error> {
    Option::deserialize(deserializer)
}

impl Operation {
    /// The operation before this one; `None` for a genesis.
    #[must_use]
    pub fn prev(&self) -> Option<Cid> {
        match self {
            Self::Plc(op) => op.prev,
            Self::Tombstone(op) => Some(op.prev),
            Self::LegacyCreate(op) => op.prev,
        }
    }

    /// The signature as it stands in the operation.
    #[must_use]
    pub fn sig(&self) -> &str {
        match self {
            Self::Plc(op) => &op.sig,
            Self::Tombstone(op) => &op.sig,
            Self::LegacyCreate(op) => &op.sig,
        }
    }

    /// The DAG-CBOR that is hashed for the CID and the DID.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut map = self.unsigned_map();
        map.insert("sig".to_owned(), text(self.sig()));
        cbor::encode(&Value::Object(map))
    }

    /// The DAG-CBOR that is signed: everything but `sig`.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        cbor::encode(&Value::Object(self.unsigned_map()))
    }

    /// The CID of the signed operation.
    #[must_use]
    pub fn cid(&self) -> Cid {
        Cid::cbor_of(&self.to_cbor())
    }

    /// The DID that this genesis makes; `None` when it is not a genesis.
    #[must_use]
    pub fn did_of_genesis(&self) -> Option<Did> {
        if self.prev().is_some() {
            return None;
        }
        let hash = BASE32_NOPAD.encode(&Sha256::digest(self.to_cbor()));
        let suffix: String = hash.chars().take(DID_SUFFIX_LENGTH).collect();
        let did = format!("did:plc:{}", suffix.to_ascii_lowercase());
        Some(Did::parse(&did).expect("base32 after did:plc: is a DID"))
    }

    /// The place in `rotation_keys` of the first key that made the signature.
    ///
    /// # Errors
    ///
    /// When the signature is not strict base64url of 64 low-S bytes, or no key made it. Keys that cannot be read are
    /// passed over: another key of an old log may still be good.
    pub fn signer(&self, rotation_keys: &[String]) -> Result<usize, PlcError> {
        let signature = BASE64URL_NOPAD
            .decode(self.sig().as_bytes())
            .map_err(|_| PlcError::InvalidSignature)?;
        let message = self.signing_bytes();
        let signed_by = |key: &String| {
            PublicKey::parse_did_key(key)
                .is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
        };
        rotation_keys.iter().position(signed_by).ok_or(PlcError::InvalidSignature)
    }

    fn unsigned_map(&self) -> Map {
        match self {
            Self::Plc(op) => operation_map(
                &op.rotation_keys,
                &op.verification_methods,
                &op.also_known_as,
                &op.services,
                op.prev,
            ),
            Self::Tombstone(op) => tombstone_map(op.prev),
            Self::LegacyCreate(op) => object([
                ("type", text("create")),
                ("signingKey", text(&op.signing_key)),
                ("recoveryKey", text(&op.recovery_key)),
                ("handle", text(&op.handle)),
                ("service", text(&op.service)),
                ("prev", prev_value(op.prev)),
            ]),
        }
    }
}

/// The fields of an unsigned `plc_operation`.
pub(super) fn operation_map(
    rotation_keys: &[String],
    verification_methods: &BTreeMap<String, String>,
    also_known_as: &[String],
    services: &BTreeMap<String, PlcService>,
    prev: Option<Cid>,
) -> Map {
    let methods = verification_methods.iter().map(|(id, key)| (id.clone(), text(key)));
    let services = services.iter().map(|(id, service)| {
        let fields = [("type", text(&service.kind)), ("endpoint", text(&service.endpoint))];
        (id.clone(), Value::Object(object(fields)))
    });
    object([
        ("type", text("plc_operation")),
        ("rotationKeys", texts(rotation_keys)),
        ("verificationMethods", Value::Object(methods.collect())),
        ("alsoKnownAs", texts(also_known_as)),
        ("services", Value::Object(services.collect())),
        ("prev", prev_value(prev)),
    ])
}

/// The fields of an unsigned `plc_tombstone`.
pub(super) fn tombstone_map(prev: Cid) -> Map {
    object([("type", text("plc_tombstone")), ("prev", prev_value(Some(prev)))])
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts(all: &[String]) -> Value {
    Value::Array(all.iter().map(|one| text(one)).collect())
}

/// `prev` is the CID as a string, not a link.
fn prev_value(prev: Option<Cid>) -> Value {
    prev.map_or(Value::Null, |cid| Value::String(cid.to_string()))
}
