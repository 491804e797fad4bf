//! Lexicons: the schema language of the AT Protocol, <https://atproto.com/specs/lexicon>.
//!
//! [`LexiconDoc`] reads a lexicon document, [`Lexicons`] validates records against a set of them.
//! [`Lexicons::known`] is the table of records that every server of the network agrees on, written by hand, so that
//! nothing is fetched or parsed when such a record is written. [`Gathering`] puts a set together from published
//! documents. Validation looks at the decoded [`cairn_model::Value`]
//! and allocates only to report a failure.

mod document;
mod error;
mod gathering;
mod known;
mod lexicons;
mod schema;
mod validate;

pub use document::{LexiconDoc, LexiconError, Permission, PermissionSet, Primary};
pub use error::{Reason, ValidationError};
pub use gathering::Gathering;
pub use lexicons::{Lexicons, Outcome};
pub use schema::{Format, RecordKeyType};
pub use validate::Budget;
