//! Lexicon documents: read, checked and compiled at once. <https://atproto.com/specs/lexicon#lexicon-files>.

mod compile;
mod json;

use std::collections::BTreeMap;

use cairn_model::{Nsid, SyntaxError};

use crate::RecordKeyType;
use crate::lexicons::Definition;

/// A well-formed lexicon document.
#[derive(Debug)]
pub struct LexiconDoc {
    /// The document's NSID.
    pub id: Nsid,
    /// What the main definition declares, if it declares something that stands for itself.
    pub primary: Option<Primary>,
    /// The definitions that others may refer to.
    pub(crate) definitions: Vec<Definition>,
}

/// A definition that stands for itself and is the main one of its document.
#[derive(Debug)]
pub enum Primary {
    /// A record type.
    Record {
        /// The kind of its keys.
        key: RecordKeyType,
    },
    /// An XRPC method called with GET.
    Query,
    /// An XRPC method called with POST.
    Procedure,
    /// An event stream.
    Subscription,
    /// Permissions that an app asks for together.
    PermissionSet(PermissionSet),
}

/// Permissions that an app asks for together: <https://atproto.com/specs/permission#permission-sets>.
#[derive(Debug, Clone, PartialEq)]
pub struct PermissionSet {
    /// For people, in the document's language.
    pub title: Option<String>,
    /// The title by language tag.
    pub title_lang: BTreeMap<String, String>,
    /// A sentence for people.
    pub detail: Option<String>,
    /// The sentence by language tag.
    pub detail_lang: BTreeMap<String, String>,
    /// What is asked for.
    pub permissions: Vec<Permission>,
}

/// One permission of a set, not yet interpreted.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// `repo`, `rpc`, `blob`, `account`, `identity` or one that is not known here.
    pub resource: String,
    /// The other fields, such as `collection`, `action`, `lxm`, `aud`.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Why a text is not a lexicon document.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// Not JSON, a field missing, or one of a wrong type.
    #[error("not a lexicon document: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version of the language.
    #[error("lexicon version {0} is not 1")]
    Version(u64),
    /// The id is not an NSID.
    #[error("the id of a lexicon document is an nsid: {0}")]
    Id(#[from] SyntaxError),
    /// No definitions at all.
    #[error("a lexicon document needs a definition")]
    Empty,
    /// The name of a definition has other characters than letters and digits.
    #[error("{name:?} is not the name of a definition")]
    Name {
        /// The name.
        name: String,
    },
    /// A definition of a type that cannot stand there.
    #[error("{at}: a definition of type {kind} cannot stand there")]
    Misplaced {
        /// The definition and maybe the property.
        at: String,
        /// The type.
        kind: &'static str,
    },
    /// A field whose value makes no sense.
    #[error("{at}: {field} has an invalid value")]
    Field {
        /// The definition and maybe the property.
        at: String,
        /// The field.
        field: &'static str,
    },
}

impl LexiconDoc {
    /// Reads a document. Fields that are not known are passed over.
    ///
    /// # Errors
    /// If the text is not a document of version 1, or a definition breaks a rule of the language.
    pub fn from_slice(text: &[u8]) -> Result<Self, LexiconError> {
        compile::document(serde_json::from_slice(text)?)
    }

    /// Reads a document that has been parsed already.
    ///
    /// # Errors
    /// As [`LexiconDoc::from_slice`].
    pub fn from_json(json: serde_json::Value) -> Result<Self, LexiconError> {
        compile::document(serde_json::from_value(json)?)
    }
}
