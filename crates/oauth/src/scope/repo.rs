//! `repo`: writing records. <https://atproto.com/specs/permission#repo>

use std::fmt;

use super::syntax::{self, Parts};
use super::{Names, ScopeError};

/// What is done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepoAction {
    /// A record is made.
    Create,
    /// A record is replaced.
    Update,
    /// A record is removed.
    Delete,
}

impl RepoAction {
    /// All of them, in the order of the normal form.
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// As a scope has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, ScopeError> {
        let action = Self::ALL.into_iter().find(|action| action.as_str() == text);
        action.ok_or(ScopeError::Value("action"))
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Some of the three actions, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoActions(u8);

impl RepoActions {
    /// All three.
    pub const ALL: Self = Self(0b111);

    /// These actions. `None` if there are none.
    #[must_use]
    pub fn of(actions: impl IntoIterator<Item = RepoAction>) -> Option<Self> {
        let bits = actions.into_iter().fold(0, |bits, action| bits | action.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether an action is among them.
    #[must_use]
    pub const fn contains(self, action: RepoAction) -> bool {
        self.0 & action.bit() != 0
    }

    /// The actions, in the order of the normal form.
    pub fn iter(self) -> impl Iterator<Item = RepoAction> {
        RepoAction::ALL.into_iter().filter(move |action| self.contains(*action))
    }
}

/// The permission to write records of some collections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoScope {
    /// The collections.
    pub collections: Names,
    /// What may be done to their records.
    pub actions: RepoActions,
}

impl RepoScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["collection", "action"])?;
        let collections = Names::parse(&parts.main("collection")?, "collection")?;
        let actions = parts.all("action");
        let actions = actions.into_iter().map(RepoAction::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { collections, actions: RepoActions::of(actions).unwrap_or(RepoActions::ALL) })
    }

    /// Whether the permission covers an action on a collection; `*` stands for all collections.
    #[must_use]
    pub fn allows(&self, action: RepoAction, collection: &str) -> bool {
        self.actions.contains(action) && self.collections.contains(collection)
    }
}

impl fmt::Display for RepoScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: Vec<(&str, &str)> = match self.actions {
            RepoActions::ALL => Vec::new(),
            some => some.iter().map(|action| ("action", action.as_str())).collect(),
        };
        syntax::print(f, "repo", ("collection", &self.collections.as_strs()), &params)
    }
}

/// The scope that an app lacks for an action on a collection.
#[must_use]
pub fn needed_repo(action: RepoAction, collection: &str) -> String {
    syntax::needed("repo", ("collection", collection), &[("action", action.as_str())])
}
