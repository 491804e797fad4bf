//! `/account/u/{account}/data…`: taking along what an account has, moving it, and ending it.
//!
//! | path below `/data` | what |
//! |---|---|
//! | | how much there is, and the ways on |
//! | `/archive.tar`, `/repo.car`, `/blobs/{cid}` | downloads |
//! | `/blobs` | the blobs, to choose from |
//! | `/restore` | filling an account from such a download |
//! | `/move-in`, `/move-out` | the rest of a move to this server, the way to another |
//! | `/recovery-key` | the keys over the identity |
//! | `/deactivate`, `/activate`, `/delete` | |

mod code;
mod deactivate;
mod delete;
mod files;
mod move_in;
mod move_out;
mod overview;
mod recovery_key;
mod restore;

use crate::limits::Bucket;

use super::super::i18n::Text;
use super::super::icon;
use super::super::route::{Route, Who, get, post};

pub(in crate::web) use deactivate::reason as why_not_active;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = downloads();
    routes.extend(endings());
    routes
}

fn downloads() -> Vec<Route> {
    vec![
        get("/account/u/{account}/data", Who::Account, overview::show)
            .entry(Text::data_nav, icon::ARCHIVE),
        get("/account/u/{account}/data/archive.tar", Who::Account, files::archive)
            .limits(&[Bucket::GetRepo]),
        get("/account/u/{account}/data/repo.car", Who::Account, files::repo)
            .limits(&[Bucket::GetRepo]),
        get("/account/u/{account}/data/blobs", Who::Account, files::blobs),
        get("/account/u/{account}/data/blobs/{cid}", Who::Account, files::blob),
    ]
}

fn endings() -> Vec<Route> {
    vec![
        get("/account/u/{account}/data/move-in", Who::Account, move_in::show),
        post("/account/u/{account}/data/move-in", Who::Account, move_in::submit)
            .limits(&[Bucket::MoveIn]),
        get("/account/u/{account}/data/move-out", Who::Account, move_out::show),
        post("/account/u/{account}/data/move-out", Who::Account, move_out::submit),
        get("/account/u/{account}/data/restore", Who::Account, restore::show),
        post("/account/u/{account}/data/restore", Who::Account, restore::submit)
            .limits(&[Bucket::MoveIn])
            .takes_file(),
        get("/account/u/{account}/data/recovery-key", Who::Account, recovery_key::show),
        post("/account/u/{account}/data/recovery-key", Who::Account, recovery_key::submit)
            .limits(&[Bucket::ResetPassword]),
        get("/account/u/{account}/data/deactivate", Who::Account, deactivate::show),
        post("/account/u/{account}/data/deactivate", Who::Account, deactivate::submit),
        post("/account/u/{account}/data/activate", Who::Account, deactivate::activate),
        get("/account/u/{account}/data/delete", Who::Account, delete::show),
        post("/account/u/{account}/data/delete", Who::Account, delete::submit)
            .limits(&[Bucket::DeleteAccount]),
    ]
}
