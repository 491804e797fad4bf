//! What a set of scopes allows, as data for the page on which people consent. The words are the page's.

use std::collections::BTreeMap;

use super::{
    AccountAction, AccountAttr, Audience, BlobScope, IdentityAttr, IncludeScope, Names,
    RepoActions, Scope, Scopes,
};

/// One line of a consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What is granted.
    pub power: Power,
    /// The scopes that say so: taken away together if the person says no. [`Power::SignIn`] cannot be taken away.
    pub scopes: Scopes,
}

/// Something that an app may do. The order is the one of a page: from knowing who somebody is to owning them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Power {
    /// Knowing which account it is.
    SignIn,
    /// Seeing the e-mail address, or changing it too.
    Email(AccountAction),
    /// A published set of permissions: [`PermissionSet::scopes`](super::PermissionSet::scopes) has the details.
    Set(IncludeScope),
    /// Writing records of these collections, all with the same actions.
    Records {
        /// The collections.
        collections: Names,
        /// What may be done to their records.
        actions: RepoActions,
    },
    /// Uploading files of these types.
    Files(BlobScope),
    /// Calling methods of one service, or of any.
    Calls {
        /// The service.
        aud: Audience,
        /// The methods.
        lxm: Names,
    },
    /// What an app password can do: all records, files and preferences, and calls of all services in the person's
    /// name, save for private messages.
    AppPassword,
    /// Private messages. Without [`Power::AppPassword`] the scope does nothing, and there is no such grant.
    Chat,
    /// Seeing whether the account is active, or activating and deactivating it too.
    Status(AccountAction),
    /// Replacing the whole repository by a file, or (reading) nothing at all.
    Repository(AccountAction),
    /// Changing the handle.
    Handle,
    /// Changing the whole identity: moving the account away, for one.
    Identity,
}

impl Scopes {
    /// What the set allows, grouped for people: collections with the same actions, types of files and methods of one
    /// service are each one grant.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        let mut grouped = Grouped::default();
        for scope in self.iter() {
            grouped.add(self, scope);
        }
        grouped.finish()
    }
}

#[derive(Default)]
struct Grouped {
    single: Vec<Grant>,
    email: Option<(AccountAction, Vec<Scope>)>,
    records: BTreeMap<RepoActions, (Names, Vec<Scope>)>,
    files: Option<(BlobScope, Vec<Scope>)>,
    calls: BTreeMap<Audience, (Names, Vec<Scope>)>,
}

impl Grouped {
    fn add(&mut self, all: &Scopes, scope: &Scope) {
        let single = match scope {
            Scope::Atproto => Power::SignIn,
            Scope::TransitionGeneric => Power::AppPassword,
            Scope::TransitionChat if all.contains(&Scope::TransitionGeneric) => Power::Chat,
            Scope::TransitionChat => return,
            Scope::TransitionEmail => return self.add_email(AccountAction::Read, scope),
            Scope::Account(account) => match account.attr {
                AccountAttr::Email => return self.add_email(account.action, scope),
                AccountAttr::Repo => Power::Repository(account.action),
                AccountAttr::Status => Power::Status(account.action),
            },
            Scope::Identity(identity) => match identity.attr {
                IdentityAttr::Handle => Power::Handle,
                IdentityAttr::Any => Power::Identity,
            },
            Scope::Repo(repo) => {
                return add_names(&mut self.records, repo.actions, &repo.collections, scope);
            }
            Scope::Rpc(rpc) => return add_names(&mut self.calls, rpc.aud.clone(), &rpc.lxm, scope),
            Scope::Blob(blob) => return self.add_files(blob, scope),
            Scope::Include(include) => Power::Set(include.clone()),
        };
        self.single.push(Grant { power: single, scopes: std::iter::once(scope.clone()).collect() });
    }

    fn add_email(&mut self, action: AccountAction, scope: &Scope) {
        let (most, scopes) = self.email.get_or_insert((action, Vec::new()));
        *most = action.max(*most);
        scopes.push(scope.clone());
    }

    fn add_files(&mut self, blob: &BlobScope, scope: &Scope) {
        let (files, scopes) = self.files.get_or_insert_with(|| (blob.clone(), Vec::new()));
        *files = files.union(blob);
        scopes.push(scope.clone());
    }

    fn finish(self) -> Vec<Grant> {
        let grant =
            |power, scopes: Vec<Scope>| Grant { power, scopes: scopes.into_iter().collect() };
        let mut grants = self.single;
        grants.extend(self.email.map(|(action, scopes)| grant(Power::Email(action), scopes)));
        grants.extend(self.files.map(|(files, scopes)| grant(Power::Files(files), scopes)));
        grants.extend(self.records.into_iter().map(|(actions, (collections, scopes))| {
            grant(Power::Records { collections, actions }, scopes)
        }));
        grants.extend(
            self.calls
                .into_iter()
                .map(|(aud, (lxm, scopes))| grant(Power::Calls { aud, lxm }, scopes)),
        );
        grants.sort_by_key(|grant| grant.power.place());
        grants
    }
}

fn add_names<K: Ord>(
    groups: &mut BTreeMap<K, (Names, Vec<Scope>)>,
    key: K,
    names: &Names,
    scope: &Scope,
) {
    let (all, scopes) = groups.entry(key).or_insert_with(|| (names.clone(), Vec::new()));
    *all = all.union(names);
    scopes.push(scope.clone());
}

impl Power {
    /// Where the power stands on the page.
    const fn place(&self) -> u8 {
        match self {
            Self::SignIn => 0,
            Self::Email(_) => 1,
            Self::Set(_) => 2,
            Self::Records { .. } => 3,
            Self::Files(_) => 4,
            Self::Calls { .. } => 5,
            Self::AppPassword => 6,
            Self::Chat => 7,
            Self::Status(_) => 8,
            Self::Repository(_) => 9,
            Self::Handle => 10,
            Self::Identity => 11,
        }
    }
}
