//! Published sets of permissions: <https://atproto.com/specs/permission#permission-sets>.

use std::collections::BTreeMap;

use cairn_lexicon::{LexiconDoc, LexiconError, Permission, Primary};
use cairn_model::Nsid;
use serde_json::{Map, Value};

use super::{
    Audience, IncludeScope, Names, RepoAction, RepoActions, RepoScope, RpcScope, Scope, Scopes,
};

/// Why a lexicon is not a set of permissions.
#[derive(Debug, thiserror::Error)]
pub enum PermissionSetError {
    /// Not a lexicon document.
    #[error("the permission set is not a lexicon: {0}")]
    Lexicon(#[from] LexiconError),
    /// The document calls itself something else.
    #[error("the permission set {expected} calls itself {found}")]
    Name {
        /// What was asked for.
        expected: Nsid,
        /// The document's id.
        found: Nsid,
    },
    /// The document declares something else.
    #[error("{0} is not a permission set")]
    Kind(Nsid),
}

/// A published set of permissions, reduced to what it may grant.
#[derive(Clone, Debug, PartialEq)]
pub struct PermissionSet {
    nsid: Nsid,
    title: Localised,
    detail: Localised,
    permissions: Vec<Permitted>,
}

/// A text for people in several languages.
#[derive(Clone, Debug, PartialEq)]
struct Localised {
    default: Option<String>,
    by_language: BTreeMap<String, String>,
}

impl Localised {
    /// The text in a language, else in the language without its region, else as the set has it.
    fn get(&self, language: &str) -> Option<&str> {
        let primary = language.split_once('-').map_or(language, |(primary, _)| primary);
        let find = |wanted: &str| {
            let mut texts = self.by_language.iter();
            texts.find(|(tag, _)| tag.eq_ignore_ascii_case(wanted)).map(|(_, text)| text)
        };
        find(language).or_else(|| find(primary)).or(self.default.as_ref()).map(String::as_str)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Permitted {
    Repo(RepoScope),
    /// Calls of these methods, of any service.
    RpcAnywhere(Names),
    /// Calls of these methods, of the service that the including scope names.
    RpcInherited(Names),
}

impl PermissionSet {
    /// Reads the lexicon `nsid`. Permissions that are not understood, or that reach beyond the set's namespace, are
    /// left out one by one, as the specification asks.
    ///
    /// # Errors
    /// If the document is not a lexicon of that name that declares a permission set.
    pub fn from_lexicon(nsid: &Nsid, document: &Value) -> Result<Self, PermissionSetError> {
        let document = LexiconDoc::from_json(document.clone())?;
        if document.id != *nsid {
            return Err(PermissionSetError::Name { expected: nsid.clone(), found: document.id });
        }
        let Some(Primary::PermissionSet(set)) = document.primary else {
            return Err(PermissionSetError::Kind(document.id));
        };
        let permissions = set.permissions.iter().filter_map(|entry| permitted(nsid, entry));
        Ok(Self {
            nsid: nsid.clone(),
            permissions: permissions.collect(),
            title: Localised { default: set.title, by_language: set.title_lang },
            detail: Localised { default: set.detail, by_language: set.detail_lang },
        })
    }

    /// The set's name.
    #[must_use]
    pub fn nsid(&self) -> &Nsid {
        &self.nsid
    }

    /// The set's title in a language (BCP 47), or in the publisher's. Written by strangers.
    #[must_use]
    pub fn title(&self, language: &str) -> Option<&str> {
        self.title.get(language)
    }

    /// A sentence on the set in a language (BCP 47), or in the publisher's. Written by strangers.
    #[must_use]
    pub fn detail(&self, language: &str) -> Option<&str> {
        self.detail.get(language)
    }

    /// What the set grants to whoever includes it so.
    #[must_use]
    pub fn scopes(&self, include: &IncludeScope) -> Scopes {
        let scope = |permitted: &Permitted| match permitted {
            Permitted::Repo(scope) => Some(Scope::Repo(scope.clone())),
            Permitted::RpcAnywhere(lxm) => {
                Some(Scope::Rpc(RpcScope { aud: Audience::Any, lxm: lxm.clone() }))
            }
            // Without an audience to inherit the permission is invalid.
            Permitted::RpcInherited(lxm) => {
                let aud = Audience::Service(include.aud.clone()?);
                Some(Scope::Rpc(RpcScope { aud, lxm: lxm.clone() }))
            }
        };
        self.permissions.iter().filter_map(scope).collect()
    }
}

/// Reads one entry. `None` if a field or value is not understood: it could narrow the permission.
fn permitted(set: &Nsid, entry: &Permission) -> Option<Permitted> {
    match entry.resource.as_str() {
        "repo" => {
            only(&entry.fields, &["collection", "action"])?;
            let actions = match entry.fields.get("action") {
                None => RepoActions::ALL,
                Some(actions) => {
                    let actions = strings(actions)?.into_iter().map(RepoAction::parse);
                    RepoActions::of(actions.collect::<Result<Vec<_>, _>>().ok()?)?
                }
            };
            let collections = names(set, entry.fields.get("collection")?)?;
            Some(Permitted::Repo(RepoScope { collections, actions }))
        }
        "rpc" => {
            only(&entry.fields, &["lxm", "aud", "inheritAud"])?;
            let lxm = names(set, entry.fields.get("lxm")?)?;
            let inherit = match entry.fields.get("inheritAud") {
                None => false,
                Some(value) => value.as_bool()?,
            };
            match (entry.fields.get("aud"), inherit) {
                (None, true) => Some(Permitted::RpcInherited(lxm)),
                (Some(aud), false) if aud == "*" => Some(Permitted::RpcAnywhere(lxm)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Option<()> {
    fields.keys().all(|field| known.contains(&field.as_str())).then_some(())
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// The NSIDs of an array, all of them under the set's authority; wildcards are not.
fn names(set: &Nsid, value: &Value) -> Option<Names> {
    let names = strings(value)?.into_iter().map(|name| Nsid::parse(name).ok());
    let names = names.collect::<Option<Vec<_>>>()?;
    if names.iter().all(|name| is_within_authority(set, name)) { Names::only(names) } else { None }
}

/// Whether a name is in the set's own group or below it, at any depth; not beside or above it.
/// <https://atproto.com/specs/permission#namespace-authority>
fn is_within_authority(set: &Nsid, name: &Nsid) -> bool {
    name.as_str().strip_prefix(set.authority()).is_some_and(|rest| rest.starts_with('.'))
}
