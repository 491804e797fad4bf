//! From the lexicon of a record to all that its records are validated against: the definitions that it refers to,
//! directly and through others, and nothing else of the documents that they stand in.
//!
//! Where the documents come from, and how many may come, is for the caller to say. Definitions of the table of known
//! records come from there: no published document changes what a strong reference is.

use std::collections::{BTreeSet, HashMap, HashSet};

use cairn_model::Nsid;

use crate::document::{LexiconDoc, Primary};
use crate::lexicons::{Definition, Lexicons};
use crate::schema::{RecordKeyType, Schema};

/// A record's lexicon and what has been found of its references.
#[derive(Debug)]
pub struct Gathering {
    collection: Box<str>,
    key: RecordKeyType,
    gathered: Vec<Definition>,
    /// Names that are gathered or waited for.
    seen: HashSet<Box<str>>,
    /// Definitions of documents that came, and that nothing refers to so far.
    spare: HashMap<Box<str>, Schema>,
    /// Names whose documents have not come.
    awaited: Vec<Box<str>>,
    /// Documents that came or will not come.
    settled: HashSet<Nsid>,
}

impl Gathering {
    /// Starts with the lexicon of a record; `None` if it is the lexicon of something else.
    #[must_use]
    pub fn start(document: LexiconDoc) -> Option<Self> {
        let Some(Primary::Record { key }) = &document.primary else { return None };
        let collection: Box<str> = document.id.as_str().into();
        let mut gathering = Self {
            key: key.clone(),
            gathered: Vec::new(),
            seen: HashSet::from([collection.clone()]),
            spare: HashMap::new(),
            awaited: vec![collection.clone()],
            settled: HashSet::new(),
            collection,
        };
        gathering.add(document);
        Some(gathering)
    }

    /// The documents that are referred to and have neither come nor been given up, sorted.
    #[must_use]
    pub fn wanted(&self) -> BTreeSet<Nsid> {
        self.awaited.iter().filter_map(|name| document_of(name)).collect()
    }

    /// Takes a document in. What it refers to may be wanted next.
    pub fn add(&mut self, document: LexiconDoc) {
        let LexiconDoc { id, definitions, .. } = document;
        self.settled.insert(id);
        self.spare.extend(definitions.into_iter().map(|own| (own.name, own.schema)));
        self.advance();
    }

    /// Says that a document will not come. Records that use what it defines are refused as [`crate::Reason::Unresolved`].
    pub fn give_up(&mut self, id: &Nsid) {
        self.settled.insert(id.clone());
        self.advance();
    }

    /// The lexicon of the one collection, complete as far as its references were found.
    #[must_use]
    pub fn finish(self) -> Lexicons {
        Lexicons::link(self.gathered, vec![(self.collection, self.key)])
    }

    /// Gathers what is awaited and at hand, and what that refers to.
    fn advance(&mut self) {
        let mut names = std::mem::take(&mut self.awaited);
        while let Some(name) = names.pop() {
            let found = match Lexicons::known().definition_named(&name) {
                Some(known) => Some(known.schema.clone()),
                None => self.spare.remove(&name),
            };
            let Some(mut schema) = found else {
                let settled = document_of(&name).is_none_or(|id| self.settled.contains(&id));
                if !settled {
                    self.awaited.push(name);
                }
                continue;
            };
            schema.for_each_target(&mut |target| {
                if self.seen.insert(target.name.clone()) {
                    names.push(target.name.clone());
                }
            });
            self.gathered.push(Definition { name, schema });
        }
    }
}

/// The document in which a definition of this name stands.
fn document_of(name: &str) -> Option<Nsid> {
    let id = name.split_once('#').map_or(name, |(id, _)| id);
    Nsid::parse(id).ok()
}
