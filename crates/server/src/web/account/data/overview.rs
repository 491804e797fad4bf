//! `/account/u/{account}/data`: how much an account has, and the ways on.

use askama::Template;
use cairn_store::MoveStep;

use super::super::super::format::{bytes, time};
use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;

#[derive(Template)]
#[template(path = "account/data/overview.html")]
struct Overview {
    page: Page,
    t: Text,
    base: String,
    /// Roughly: without the few bytes that a file has around them.
    whole: String,
    repo: String,
    blobs: String,
    blob_count: usize,
    /// Whether blobs of its records never came here.
    is_incomplete: bool,
    is_deactivated: bool,
    /// Whether a move from another server is under way, or may be.
    moves_in: bool,
    delete_after: Option<String>,
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    let store = &visit.app.store;
    let (usage, missing) =
        tokio::try_join!(store.usage(account.id), store.list_missing_blobs(account.id, None, 1),)?;
    let is_moving =
        store.find_move(account.id).await?.is_some_and(|found| found.step != MoveStep::Done);
    let repo_bytes = usage.repo_bytes();
    visit.html(&Overview {
        page: visit.page(t.data_title()),
        t,
        base: Local::of_account(&account.did, "/data").to_string(),
        whole: bytes(t, repo_bytes.saturating_add(usage.blobs.bytes)),
        repo: bytes(t, repo_bytes),
        blobs: bytes(t, usage.blobs.bytes),
        blob_count: usize::try_from(usage.blobs.count).unwrap_or(usize::MAX),
        is_incomplete: !missing.is_empty(),
        is_deactivated: account.deactivated_at.is_some(),
        moves_in: account.deactivated_at.is_some() || is_moving,
        delete_after: account.delete_after.map(time),
    })
}
