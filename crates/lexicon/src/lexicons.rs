//! A set of lexicons that refer to each other.

use std::collections::HashMap;
use std::sync::LazyLock;

use cairn_model::{Nsid, RecordKey, Value};

use crate::document::{LexiconDoc, Primary};
use crate::known;
use crate::schema::{RecordKeyType, Schema, Target};
use crate::validate::{Budget, validate_record};
use crate::{Reason, ValidationError};

/// Lexicons to validate records against.
#[derive(Debug, Default)]
pub struct Lexicons {
    definitions: Vec<Definition>,
    records: HashMap<Box<str>, RecordSchema>,
}

/// A definition that references find.
#[derive(Debug)]
pub(crate) struct Definition {
    /// As `$type` names it.
    pub(crate) name: Box<str>,
    pub(crate) schema: Schema,
}

#[derive(Debug)]
struct RecordSchema {
    key: RecordKeyType,
    /// The record's object, which other lexicons may refer to as well.
    object: usize,
}

/// What validation says of a record that breaks no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The record is what its lexicon says.
    Valid,
    /// There is no lexicon of this collection here.
    Unknown,
}

impl Lexicons {
    /// The records that every server of the network knows.
    #[must_use]
    pub fn known() -> &'static Self {
        static KNOWN: LazyLock<Lexicons> = LazyLock::new(known::lexicons);
        &KNOWN
    }

    /// The lexicons of documents. References to documents that are missing fail where a record uses them. Of
    /// documents with the same NSID the last one counts.
    #[must_use]
    pub fn from_documents(documents: Vec<LexiconDoc>) -> Self {
        let mut definitions = Vec::new();
        let mut keys = Vec::new();
        for document in documents {
            let LexiconDoc { id, primary, definitions: own } = document;
            if let Some(Primary::Record { key }) = primary {
                keys.push((id.as_str().into(), key));
            }
            definitions.extend(own);
        }
        Self::link(definitions, keys)
    }

    /// Resolves all references. `keys` are the names of the definitions that are records, with their key types.
    pub(crate) fn link(
        mut definitions: Vec<Definition>,
        keys: Vec<(Box<str>, RecordKeyType)>,
    ) -> Self {
        let index: HashMap<Box<str>, usize> = definitions
            .iter()
            .enumerate()
            .map(|(at, definition)| (definition.name.clone(), at))
            .collect();
        for definition in &mut definitions {
            definition
                .schema
                .for_each_target(&mut |target| target.index = index.get(&target.name).copied());
        }
        let records = keys.into_iter().filter_map(|(name, key)| {
            let object = *index.get(&name)?;
            Some((name, RecordSchema { key, object }))
        });
        Self { records: records.collect(), definitions }
    }

    /// Checks a record: its key, its `$type`, and all that its lexicon says. Blob references are held against the
    /// sizes and types that the lexicon allows. The work comes out of the budget.
    ///
    /// # Errors
    /// The first rule that the record breaks.
    pub fn validate_record(
        &self,
        collection: &Nsid,
        rkey: &RecordKey,
        record: &Value,
        budget: &Budget,
    ) -> Result<Outcome, ValidationError> {
        let Some(schema) = self.records.get(collection.as_str()) else {
            return Ok(Outcome::Unknown);
        };
        let fail = |path, reason| ValidationError { collection: collection.clone(), path, reason };
        if !schema.key.accepts(rkey) {
            return Err(fail(String::new(), Reason::RecordKey(schema.key.clone())));
        }
        let Some(definition) = self.definitions.get(schema.object) else {
            return Ok(Outcome::Unknown);
        };
        match validate_record(self, definition, record, budget) {
            Ok(()) => Ok(Outcome::Valid),
            Err(failure) => Err(fail(failure.path, failure.reason)),
        }
    }

    /// The kind of key that a collection asks for; none if the collection is unknown.
    #[must_use]
    pub fn record_key_type(&self, collection: &Nsid) -> Option<&RecordKeyType> {
        self.records.get(collection.as_str()).map(|record| &record.key)
    }

    /// The collections of this set, in no order.
    pub fn collections(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(|collection| &**collection)
    }

    /// Looks at all definitions: for sets of the size of the table of known records.
    pub(crate) fn definition_named(&self, name: &str) -> Option<&Definition> {
        self.definitions.iter().find(|definition| *definition.name == *name)
    }

    pub(crate) fn definition(&self, target: &Target) -> Option<&Definition> {
        self.definitions.get(target.index?)
    }

    /// References that lead nowhere.
    #[cfg(test)]
    pub(crate) fn dangling(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let mut visit = |target: &mut Target| {
            if target.index.is_none() {
                found.push(target.name.to_string());
            }
        };
        for definition in &mut self.definitions {
            definition.schema.for_each_target(&mut visit);
        }
        found
    }
}
