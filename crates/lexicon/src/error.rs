//! Why a record is not what its lexicon says.

use cairn_model::Nsid;

use crate::{Format, RecordKeyType};

/// A record that breaks its lexicon, with the place and the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    /// The record's collection.
    pub collection: Nsid,
    /// Where in the record: `embed/images/0/alt`, empty for the record itself.
    pub path: String,
    /// Which rule.
    pub reason: Reason,
}

impl ValidationError {
    /// The message for a record that stands at `root` in the request, such as `writes/3/record`.
    #[must_use]
    pub fn message(&self, root: &str) -> String {
        let Self { collection, path, reason } = self;
        match reason {
            Reason::RecordKey(_) => format!("Invalid record key: {reason} for {collection}"),
            _ if path.is_empty() => format!("Invalid {collection} record: {root} {reason}"),
            _ => format!("Invalid {collection} record: {root}/{path} {reason}"),
        }
    }
}

impl std::fmt::Display for ValidationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message("record"))
    }
}

impl std::error::Error for ValidationError {}

/// A rule that a value breaks. The texts follow the path of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The record key is not of the kind that the record type asks for.
    #[error("the key must be of type {0}")]
    RecordKey(RecordKeyType),
    /// A required property is missing.
    #[error("is required")]
    Required,
    /// A value of another type.
    #[error("must be {0}")]
    Type(&'static str),
    /// `$type` is missing.
    #[error("must be an object which includes the \"$type\" property")]
    TypeMissing,
    /// `$type` names something else, or is no type name.
    #[error("must be {0}")]
    TypeName(String),
    /// A string of another format.
    #[error("must be a valid {}", .0.as_str())]
    Format(Format),
    /// Too many bytes.
    #[error("must not be longer than {0} bytes")]
    TooLong(usize),
    /// Too few bytes.
    #[error("must not be shorter than {0} bytes")]
    TooShort(usize),
    /// Too many characters as people count them.
    #[error("must not be longer than {0} graphemes")]
    TooManyGraphemes(usize),
    /// Too few characters as people count them.
    #[error("must not be shorter than {0} graphemes")]
    TooFewGraphemes(usize),
    /// Too many elements.
    #[error("must not have more than {0} elements")]
    TooManyElements(usize),
    /// Too few elements.
    #[error("must not have fewer than {0} elements")]
    TooFewElements(usize),
    /// An integer above its maximum.
    #[error("must not be greater than {0}")]
    TooGreat(i64),
    /// An integer below its minimum.
    #[error("must not be less than {0}")]
    TooSmall(i64),
    /// Not the one value, or none of the values.
    #[error("must be {}", one_of(.0))]
    OneOf(Vec<String>),
    /// The reference says that the blob is larger than allowed.
    #[error("must be a blob of at most {0} bytes")]
    BlobTooLarge(u64),
    /// The reference says that the blob is of another media type.
    #[error("must be a blob of type ({})", .0.join("|"))]
    BlobType(Vec<String>),
    /// So many parts meet so many rules that validation would take too long.
    #[error("has too many parts to be validated")]
    TooManyParts,
    /// The lexicon refers to a definition that is not at hand.
    #[error("cannot be validated: {0} is not known")]
    Unresolved(String),
}

/// Longer lists are cut: a published lexicon may have thousands of values.
const SHOWN_VALUES: usize = 50;

fn one_of(values: &[String]) -> String {
    match values {
        [value] => value.clone(),
        values => match values.get(..SHOWN_VALUES) {
            Some(first) if first.len() < values.len() => format!("one of ({}|…)", first.join("|")),
            _ => format!("one of ({})", values.join("|")),
        },
    }
}
