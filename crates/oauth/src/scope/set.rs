//! A set of scopes, and what it allows.

use std::collections::BTreeSet;
use std::fmt;

use cairn_model::Nsid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    AccountAction, AccountAttr, IdentityAttr, IncludeScope, PermissionSet, RepoAction, RepoScope,
    RpcScope, Scope,
};

/// The methods that `transition:generic` leaves out and `transition:chat.bsky` adds.
const CHAT_NAMESPACE: &str = "chat.bsky.";

/// A set of scopes in normal form. Prints separated by spaces, in a fixed order, `atproto` first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(BTreeSet<Scope>);

/// A permission set that a scope includes is not at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission set {0} cannot be resolved")]
pub struct UnresolvedSet(
    /// The set's name.
    pub Nsid,
);

impl Scopes {
    /// Reads scopes separated by spaces. Those that are not understood are left out: a server must not grant what it
    /// cannot explain, and must not refuse what it does not know. Takes time in proportion to the text, so callers
    /// bound its length.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split(' ').filter_map(|scope| Scope::parse(scope).ok()).collect()
    }

    /// The scopes, in the order they print.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this very scope is in the set.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether `atproto` is in the set, without which nothing is allowed.
    #[must_use]
    pub fn contains_atproto(&self) -> bool {
        self.contains(&Scope::Atproto)
    }

    /// The set without these scopes.
    #[must_use]
    pub fn without(&self, removed: &Self) -> Self {
        Self(self.0.difference(&removed.0).cloned().collect())
    }

    /// Both sets in one.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Whether `other` allows everything that this set allows. Permission sets are compared by name.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.covers(scope))
    }

    /// The permission sets that the scopes name.
    pub fn includes(&self) -> impl Iterator<Item = &IncludeScope> {
        self.iter().filter_map(|scope| match scope {
            Scope::Include(include) => Some(include),
            _ => None,
        })
    }

    /// The set with each included permission set replaced by what it grants.
    ///
    /// # Errors
    /// If a set is not at hand: a session must not start with less than the person agreed to, unnoticed.
    pub fn expand<'a>(
        &self,
        sets: &dyn Fn(&Nsid) -> Option<&'a PermissionSet>,
    ) -> Result<Self, UnresolvedSet> {
        let mut expanded = BTreeSet::new();
        for scope in &self.0 {
            match scope {
                Scope::Include(include) => {
                    let set =
                        sets(&include.nsid).ok_or_else(|| UnresolvedSet(include.nsid.clone()))?;
                    expanded.extend(set.scopes(include).0);
                }
                scope => {
                    expanded.insert(scope.clone());
                }
            }
        }
        Ok(Self(expanded))
    }

    /// Whether an action on the records of a collection is allowed; `*` stands for all collections.
    #[must_use]
    pub fn allows_repo(&self, action: RepoAction, collection: &str) -> bool {
        self.contains_atproto() && self.covers_repo(action, collection)
    }

    fn covers_repo(&self, action: RepoAction, collection: &str) -> bool {
        self.iter().any(|scope| match scope {
            Scope::Repo(repo) => repo.allows(action, collection),
            Scope::TransitionGeneric => true,
            _ => false,
        })
    }

    /// Whether a call of a method (`*` for a token that fits any) of a service (`did#fragment`) is allowed.
    #[must_use]
    pub fn allows_rpc(&self, lxm: &str, aud: &str) -> bool {
        self.contains_atproto() && self.covers_rpc(lxm, aud)
    }

    fn covers_rpc(&self, lxm: &str, aud: &str) -> bool {
        let generic = self.contains(&Scope::TransitionGeneric);
        // Interop: the specification lets `transition:chat.bsky` work only beside `transition:generic`; the reference
        // implementation lets it work alone. With `*`, the reference implementation is followed: receivers of XRPC
        // calls refuse tokens that name no method, so such a token does not reach private messages.
        let transition =
            if is_chat(lxm) { generic && self.contains(&Scope::TransitionChat) } else { generic };
        let granted = |scope: &Scope| matches!(scope, Scope::Rpc(rpc) if rpc.allows(lxm, aud));
        transition || self.iter().any(granted)
    }

    /// Whether files of a MIME type may be uploaded.
    #[must_use]
    pub fn allows_blob(&self, mime: &str) -> bool {
        self.contains_atproto()
            && self.iter().any(|scope| match scope {
                Scope::Blob(blob) => blob.allows(mime),
                Scope::TransitionGeneric => true,
                _ => false,
            })
    }

    /// Whether a part of the account may be seen or changed.
    #[must_use]
    pub fn allows_account(&self, attr: AccountAttr, action: AccountAction) -> bool {
        self.contains_atproto() && self.covers_account(attr, action)
    }

    fn covers_account(&self, attr: AccountAttr, action: AccountAction) -> bool {
        self.iter().any(|scope| match scope {
            Scope::Account(account) => account.allows(attr, action),
            Scope::TransitionEmail => attr == AccountAttr::Email && action == AccountAction::Read,
            _ => false,
        })
    }

    /// Whether a part of the identity may be changed.
    #[must_use]
    pub fn allows_identity(&self, attr: IdentityAttr) -> bool {
        self.contains_atproto() && self.covers_identity(attr)
    }

    fn covers_identity(&self, attr: IdentityAttr) -> bool {
        self.iter().any(|scope| matches!(scope, Scope::Identity(own) if own.allows(attr)))
    }

    /// Whether the set allows all that a scope allows.
    fn covers(&self, scope: &Scope) -> bool {
        if self.contains(scope) {
            return true;
        }
        match scope {
            Scope::Repo(RepoScope { collections, actions }) => {
                let collections = collections.as_strs();
                actions.iter().all(|action| {
                    collections.iter().all(|collection| self.covers_repo(action, collection))
                })
            }
            Scope::Rpc(RpcScope { aud, lxm }) => {
                // `*` of one service is more than what `transition:generic` gives: it reaches private messages.
                let wildcard =
                    |own: &Scope| matches!(own, Scope::Rpc(own) if own.allows("*", aud.as_str()));
                match lxm.as_strs().as_slice() {
                    ["*"] => self.iter().any(wildcard),
                    named => named.iter().all(|lxm| self.covers_rpc(lxm, aud.as_str())),
                }
            }
            Scope::Blob(blob) => self.iter().any(|own| match own {
                Scope::Blob(own) => blob.accept().iter().all(|pattern| own.covers(pattern)),
                Scope::TransitionGeneric => true,
                _ => false,
            }),
            Scope::Account(account) => self.covers_account(account.attr, account.action),
            Scope::Identity(identity) => self.covers_identity(identity.attr),
            Scope::TransitionEmail => self.covers_account(AccountAttr::Email, AccountAction::Read),
            Scope::Atproto
            | Scope::TransitionGeneric
            | Scope::TransitionChat
            | Scope::Include(_) => false,
        }
    }
}

/// Whether a method is one of private messages. Host names know no case, so the method's authority does not either.
fn is_chat(lxm: &str) -> bool {
    let prefix = lxm.as_bytes().get(..CHAT_NAMESPACE.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(CHAT_NAMESPACE.as_bytes()))
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// As text, separated by spaces.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}
