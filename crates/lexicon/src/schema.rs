//! Schemas in the form that validation walks. Documents and the table of known records both compile to this.

use cairn_model::{
    AtIdentifier, AtUri, Datetime, Did, Handle, Language, Nsid, RecordKey, is_cid_syntax,
    is_tid_syntax, is_uri_syntax,
};

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Schema {
    Boolean {
        constant: Option<bool>,
    },
    Integer(IntegerSchema),
    String(StringSchema),
    Bytes {
        length: Range,
    },
    CidLink,
    Blob {
        accept: Vec<Box<str>>,
        max_size: Option<u64>,
    },
    Array {
        items: Box<Schema>,
        length: Range,
    },
    Object(ObjectSchema),
    /// Only the definition's own name, as a string.
    Token(Box<str>),
    Ref(Target),
    Union {
        targets: Vec<Target>,
        closed: bool,
    },
    Unknown,
}

/// Inclusive bounds of a length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IntegerSchema {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) constant: Option<i64>,
    pub(crate) one_of: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StringSchema {
    pub(crate) format: Option<Format>,
    pub(crate) bytes: Range,
    pub(crate) graphemes: Range,
    pub(crate) constant: Option<Box<str>>,
    pub(crate) one_of: Option<Vec<Box<str>>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ObjectSchema {
    pub(crate) properties: Vec<Property>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Property {
    pub(crate) name: Box<str>,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) schema: Schema,
}

/// A reference to a definition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// `nsid` for a main definition, `nsid#name` for others: as `$type` names it.
    pub(crate) name: Box<str>,
    /// Where the definition stands in the set; none if the set does not have it.
    pub(crate) index: Option<usize>,
}

impl Target {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: without_main(name).into(), index: None }
    }
}

/// The name of a definition as `$type` has it, which never ends in `#main`.
pub(crate) fn without_main(name: &str) -> &str {
    name.strip_suffix("#main").unwrap_or(name)
}

impl Schema {
    /// How many rules a value of this schema is compared with at most, without those of its parts.
    pub(crate) fn rules(&self) -> usize {
        let more = match self {
            Self::Integer(schema) => schema.one_of.as_ref().map_or(0, Vec::len),
            Self::String(schema) => schema.one_of.as_ref().map_or(0, Vec::len),
            Self::Blob { accept, .. } => accept.len(),
            Self::Object(object) => object.properties.len(),
            Self::Union { targets, .. } => targets.len(),
            _ => 0,
        };
        more.saturating_add(1)
    }

    /// Calls `visit` on every reference inside this schema.
    pub(crate) fn for_each_target(&mut self, visit: &mut impl FnMut(&mut Target)) {
        match self {
            Self::Ref(target) => visit(target),
            Self::Union { targets, .. } => targets.iter_mut().for_each(visit),
            Self::Array { items, .. } => items.for_each_target(visit),
            Self::Object(object) => {
                for property in &mut object.properties {
                    property.schema.for_each_target(visit);
                }
            }
            _ => {}
        }
    }
}

/// The kinds of record key that a record type may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKeyType {
    /// A TID.
    Tid,
    /// An NSID.
    Nsid,
    /// This one key.
    Literal(Box<str>),
    /// Any record key.
    Any,
}

impl RecordKeyType {
    /// Reads `tid`, `nsid`, `any` or `literal:…`; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "tid" => Some(Self::Tid),
            "nsid" => Some(Self::Nsid),
            "any" => Some(Self::Any),
            _ => {
                let literal = text.strip_prefix("literal:")?;
                RecordKey::check(literal).ok()?;
                Some(Self::Literal(literal.into()))
            }
        }
    }

    /// Whether a key is of this kind.
    #[must_use]
    pub fn accepts(&self, rkey: &RecordKey) -> bool {
        match self {
            Self::Tid => is_tid_syntax(rkey.as_str()),
            Self::Nsid => Nsid::check(rkey.as_str()).is_ok(),
            Self::Literal(literal) => rkey.as_str() == &**literal,
            Self::Any => true,
        }
    }
}

impl std::fmt::Display for RecordKeyType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tid => f.write_str("tid"),
            Self::Nsid => f.write_str("nsid"),
            Self::Literal(literal) => write!(f, "literal:{literal}"),
            Self::Any => f.write_str("any"),
        }
    }
}

/// The string formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    AtIdentifier,
    AtUri,
    Cid,
    Datetime,
    Did,
    Handle,
    Language,
    Nsid,
    RecordKey,
    Tid,
    Uri,
}

impl Format {
    const ALL: [Self; 11] = [
        Self::AtIdentifier,
        Self::AtUri,
        Self::Cid,
        Self::Datetime,
        Self::Did,
        Self::Handle,
        Self::Language,
        Self::Nsid,
        Self::RecordKey,
        Self::Tid,
        Self::Uri,
    ];

    /// The name in lexicon documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtIdentifier => "at-identifier",
            Self::AtUri => "at-uri",
            Self::Cid => "cid",
            Self::Datetime => "datetime",
            Self::Did => "did",
            Self::Handle => "handle",
            Self::Language => "language",
            Self::Nsid => "nsid",
            Self::RecordKey => "record-key",
            Self::Tid => "tid",
            Self::Uri => "uri",
        }
    }

    /// The format of a name; none if there is no such format.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Whether a text has this format.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::AtIdentifier => AtIdentifier::check(text).is_ok(),
            Self::AtUri => AtUri::check(text).is_ok(),
            Self::Cid => is_cid_syntax(text),
            Self::Datetime => Datetime::check(text).is_ok(),
            Self::Did => Did::check(text).is_ok(),
            Self::Handle => Handle::check(text).is_ok(),
            Self::Language => Language::check(text).is_ok(),
            Self::Nsid => Nsid::check(text).is_ok(),
            Self::RecordKey => RecordKey::check(text).is_ok(),
            Self::Tid => is_tid_syntax(text),
            Self::Uri => is_uri_syntax(text),
        }
    }
}
