//! Building operations: from nothing (genesis) or from the present data (update).

use std::collections::BTreeMap;

use cairn_model::{Cid, Handle, Value, cbor};
use data_encoding::BASE64URL_NOPAD;

use super::operation::{
    Operation, PlcOperation, PlcService, Tombstone, operation_map, tombstone_map,
};
use crate::key::SigningKey;
use crate::public_key::DidKey;

/// A `plc_operation` before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedOperation {
    /// Keys that may sign the next operation, by falling power, as `did:key`.
    pub rotation_keys: Vec<String>,
    /// Key ids (without `#`) to `did:key`.
    pub verification_methods: BTreeMap<String, String>,
    /// Aliases, `at://` handles first by custom.
    pub also_known_as: Vec<String>,
    /// Service ids (without `#`) to services.
    pub services: BTreeMap<String, PlcService>,
    /// The operation before; `None` for a genesis.
    pub prev: Option<Cid>,
}

impl UnsignedOperation {
    /// The genesis of an account: its handle, its signing key, its PDS, and who may change them, by falling power.
    #[must_use]
    pub fn genesis(
        rotation_keys: &[DidKey],
        signing_key: &DidKey,
        handle: &Handle,
        pds_endpoint: &str,
    ) -> Self {
        let empty = Self {
            rotation_keys: rotation_keys.iter().map(ToString::to_string).collect(),
            verification_methods: BTreeMap::new(),
            also_known_as: Vec::new(),
            services: BTreeMap::new(),
            prev: None,
        };
        empty.with_signing_key(signing_key).with_handle(handle).with_pds_endpoint(pds_endpoint)
    }

    /// Replaces the first `at://` alias, or puts the handle in front when there is none. Where the handle stood further
    /// back it goes: a directory takes no alias twice.
    #[must_use]
    pub fn with_handle(mut self, handle: &Handle) -> Self {
        let alias = format!("at://{handle}");
        let mut is_first = true;
        self.also_known_as.retain(|known| {
            let is_slot = is_first && known.starts_with("at://");
            is_first &= !is_slot;
            is_slot || *known != alias
        });
        match self.also_known_as.iter_mut().find(|alias| alias.starts_with("at://")) {
            Some(slot) => *slot = alias,
            None => self.also_known_as.insert(0, alias),
        }
        self
    }

    /// Sets the account's PDS.
    #[must_use]
    pub fn with_pds_endpoint(mut self, endpoint: &str) -> Self {
        let service = PlcService {
            kind: "AtprotoPersonalDataServer".to_owned(),
            endpoint: endpoint.to_owned(),
        };
        self.services.insert("atproto_pds".to_owned(), service);
        self
    }

    /// Sets the key that signs the repository.
    #[must_use]
    pub fn with_signing_key(mut self, key: &DidKey) -> Self {
        self.verification_methods.insert("atproto".to_owned(), key.to_string());
        self
    }

    /// The DAG-CBOR that is signed.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        cbor::encode(&Value::Object(operation_map(
            &self.rotation_keys,
            &self.verification_methods,
            &self.also_known_as,
            &self.services,
            self.prev,
        )))
    }

    /// Signs the operation with a rotation key.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> Operation {
        let sig = BASE64URL_NOPAD.encode(&key.sign(&self.signing_bytes()));
        Operation::Plc(PlcOperation {
            rotation_keys: self.rotation_keys,
            verification_methods: self.verification_methods,
            also_known_as: self.also_known_as,
            services: self.services,
            prev: self.prev,
            sig,
        })
    }
}

/// A signed tombstone that follows `prev`.
#[must_use]
pub fn sign_tombstone(prev: Cid, key: &SigningKey) -> Operation {
    let bytes = cbor::encode(&Value::Object(tombstone_map(prev)));
    Operation::Tombstone(Tombstone { prev, sig: BASE64URL_NOPAD.encode(&key.sign(&bytes)) })
}
