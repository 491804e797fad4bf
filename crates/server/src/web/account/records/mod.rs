//! `/account/u/{account}/records…`: what stands in the account's repository, read from where it is stored.
//!
//! | path below `/records` | what |
//! |---|---|
//! | | the collections, with counts |
//! | `/{collection}` | its records, the newest first |
//! | `/{collection}/{rkey}` | one record |
//! | `/{collection}/{rkey}/delete` | asks, and deletes it |

mod collection;
mod collections;
mod delete;
mod json;
mod record;

use cairn_model::{Nsid, RecordKey, RepoPath};

use super::super::error::PageError;
use super::super::i18n::Text;
use super::super::icon;
use super::super::route::{Route, Who, get, post};
use super::super::visit::Visit;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/account/u/{account}/records", Who::Account, collections::show)
            .entry(Text::browser_nav, icon::DOCUMENTS),
        get("/account/u/{account}/records/{collection}", Who::Account, collection::show),
        get("/account/u/{account}/records/{collection}/{rkey}", Who::Account, record::show),
        get("/account/u/{account}/records/{collection}/{rkey}/delete", Who::Account, delete::show),
        post(
            "/account/u/{account}/records/{collection}/{rkey}/delete",
            Who::Account,
            delete::submit,
        ),
    ]
}

fn collection_of(visit: &Visit) -> Result<Nsid, PageError> {
    Nsid::parse(visit.param("collection")).map_err(|_| PageError::NotFound)
}

fn path_of(visit: &Visit) -> Result<RepoPath, PageError> {
    let rkey = RecordKey::parse(visit.param("rkey")).map_err(|_| PageError::NotFound)?;
    Ok(RepoPath::new(&collection_of(visit)?, &rkey))
}
