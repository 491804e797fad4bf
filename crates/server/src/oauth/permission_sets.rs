//! Permission sets that scopes include: found like any published lexicon, and put in the place of their names.
//! <https://atproto.com/specs/permission#permission-sets>

use std::collections::HashMap;
use std::sync::Arc;

use cairn_model::Nsid;
use cairn_oauth::scope::{PermissionSet, Scopes};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use futures_util::future::try_join_all;

use crate::app::App;
use crate::published_lexicons::Asker;

/// Sets that one request may include: each is a look-up on the network.
const MAX_INCLUDES: usize = 20;

/// Permission sets by name.
#[derive(Clone, Debug, Default)]
pub struct PermissionSets(HashMap<Nsid, Arc<PermissionSet>>);

impl PermissionSets {
    /// The set of this name, if a request includes it.
    pub fn get(&self, nsid: &Nsid) -> Option<&PermissionSet> {
        self.0.get(nsid).map(AsRef::as_ref)
    }

    /// The scopes with each included set written out.
    ///
    /// # Errors
    /// `invalid_scope` for a set that is not here.
    pub(super) fn expand(&self, scopes: &Scopes) -> Result<Scopes, OAuthError> {
        let expanded = scopes.expand(&|nsid| self.get(nsid));
        expanded.map_err(|err| OAuthError::new(OAuthErrorCode::InvalidScope, err.to_string()))
    }
}

/// Finds the sets that scopes include.
///
/// # Errors
/// `invalid_scope` if one cannot be found, `temporarily_unavailable` if the server has too much to do.
pub(super) async fn find(
    app: &App,
    scopes: &Scopes,
    asker: Asker,
) -> Result<PermissionSets, OAuthError> {
    let mut names: Vec<&Nsid> = scopes.includes().map(|include| &include.nsid).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MAX_INCLUDES {
        let message = format!("more than {MAX_INCLUDES} permission sets are included");
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, message));
    }
    let found = try_join_all(names.into_iter().map(|nsid| find_one(app, nsid, asker))).await?;
    Ok(PermissionSets(found.into_iter().collect()))
}

async fn find_one(
    app: &App,
    nsid: &Nsid,
    asker: Asker,
) -> Result<(Nsid, Arc<PermissionSet>), OAuthError> {
    let lexicon = app.lexicons_published.resolve(nsid, asker).await.map_err(|err| {
        if err.is_own() {
            let busy = "permission sets cannot be looked up now, try again";
            return OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, busy);
        }
        let message = format!("the permission set {nsid} cannot be resolved: {err}");
        OAuthError::new(OAuthErrorCode::InvalidScope, message)
    })?;
    let set = PermissionSet::from_lexicon(nsid, &lexicon.json).map_err(|err| {
        let message = format!("{nsid} is not a permission set: {err}");
        OAuthError::new(OAuthErrorCode::InvalidScope, message)
    })?;
    Ok((nsid.clone(), Arc::new(set)))
}
