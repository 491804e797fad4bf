//! What a DID's last operation says, in the form of the directory's `/:did/data`, and the document made from it.

use std::collections::BTreeMap;

use cairn_model::{Cid, Did};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::operation::{Operation, PlcService};
use super::unsigned::UnsignedOperation;
use crate::did_document::{DidDocument, DidDocumentError};
use crate::key::Curve;
use crate::public_key::PublicKey;

/// The data of a DID that is not tombstoned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlcData {
    /// The DID.
    pub did: Did,
    /// Keys that may sign the next operation, by falling power, as `did:key`.
    pub rotation_keys: Vec<String>,
    /// Key ids (without `#`) to `did:key`.
    pub verification_methods: BTreeMap<String, String>,
    /// Aliases, `at://` handles first by custom.
    pub also_known_as: Vec<String>,
    /// Service ids (without `#`) to services.
    pub services: BTreeMap<String, PlcService>,
}

impl PlcData {
    /// What the operation says about the DID; `None` for a tombstone. Legacy operations are read in today's terms.
    #[must_use]
    pub fn of(did: &Did, operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Tombstone(_) => None,
            Operation::Plc(op) => Some(Self {
                did: did.clone(),
                rotation_keys: op.rotation_keys.clone(),
                verification_methods: op.verification_methods.clone(),
                also_known_as: op.also_known_as.clone(),
                services: op.services.clone(),
            }),
            Operation::LegacyCreate(op) => {
                let pds = PlcService {
                    kind: "AtprotoPersonalDataServer".to_owned(),
                    endpoint: with_prefix(&op.service, &["http://", "https://"], "https://"),
                };
                let key = ("atproto".to_owned(), op.signing_key.clone());
                Some(Self {
                    did: did.clone(),
                    rotation_keys: vec![op.recovery_key.clone(), op.signing_key.clone()],
                    verification_methods: BTreeMap::from([key]),
                    also_known_as: vec![with_prefix(&op.handle, &["at://"], "at://")],
                    services: BTreeMap::from([("atproto_pds".to_owned(), pds)]),
                })
            }
        }
    }

    /// The next operation, which so far changes nothing.
    #[must_use]
    pub fn next_operation(&self, prev: Cid) -> UnsignedOperation {
        UnsignedOperation {
            rotation_keys: self.rotation_keys.clone(),
            verification_methods: self.verification_methods.clone(),
            also_known_as: self.also_known_as.clone(),
            services: self.services.clone(),
            prev: Some(prev),
        }
    }

    /// The DID document as the directory serves it.
    #[must_use]
    pub fn to_document_json(&self) -> serde_json::Value {
        let mut context =
            vec!["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"];
        let mut methods = Vec::new();
        for (id, key) in &self.verification_methods {
            let suite = PublicKey::parse_did_key(key).ok().map(|key| match key.curve() {
                Curve::K256 => "https://w3id.org/security/suites/secp256k1-2019/v1",
                Curve::P256 => "https://w3id.org/security/suites/ecdsa-2019/v1",
            });
            context.extend(suite.filter(|suite| !context.contains(suite)));
            methods.push(json!({
                "id": format!("{}#{id}", self.did),
                "type": "Multikey",
                "controller": self.did.as_str(),
                "publicKeyMultibase": key.strip_prefix("did:key:").unwrap_or(key),
            }));
        }
        let services = self.services.iter().map(|(id, service)| {
            json!({
                "id": format!("#{id}"),
                "type": service.kind,
                "serviceEndpoint": service.endpoint,
            })
        });
        json!({
            "@context": context,
            "id": self.did.as_str(),
            "alsoKnownAs": self.also_known_as,
            "verificationMethod": methods,
            "service": services.collect::<Vec<_>>(),
        })
    }

    /// The DID document, parsed.
    pub fn to_document(&self) -> Result<DidDocument, DidDocumentError> {
        DidDocument::from_json(self.to_document_json())
    }
}

fn with_prefix(text: &str, accepted: &[&str], default: &str) -> String {
    if accepted.iter().any(|prefix| text.starts_with(prefix)) {
        return text.to_owned();
    }
    format!("{default}{text}")
}
