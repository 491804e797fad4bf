//! `/account/u/{account}/invites`: the account's invite codes, and those that it has earned. On servers that ask for codes.

use askama::Template;
use cairn_model::Did;
use cairn_store::InviteCode;

use super::super::admin::SHOWN_USES;
use super::super::error::PageError;
use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use crate::accounts::identity::shown_handle;
use crate::config::{ServerConfig, SignUp};

#[derive(Template)]
#[template(path = "account/invites.html")]
struct Invites {
    page: Page,
    t: Text,
    action: String,
    codes: Vec<Row>,
    /// How many codes can be made now.
    earned: usize,
    /// Whether the account earns codes with time.
    earns: bool,
    /// Whether the operator has stopped its invites.
    is_stopped: bool,
}

struct Row {
    id: usize,
    code: String,
    link: String,
    used: usize,
    uses: u32,
    is_usable: bool,
    created: String,
    /// Handles, or DIDs of accounts that are not here any more; the first ones.
    used_by: Vec<String>,
    /// How many others there are.
    more: usize,
}

/// Whether a server asks newcomers for codes.
pub fn are_asked_for(config: &ServerConfig) -> bool {
    config.sign_up == SignUp::Invite
}

async fn row(visit: &Visit, id: usize, code: InviteCode) -> Result<Row, PageError> {
    let used = code.uses.len();
    let mut used_by = Vec::new();
    for one in code.uses.iter().take(SHOWN_USES) {
        let known = match Did::parse(&one.used_by) {
            Ok(did) => visit.app.store.account(did).await?,
            Err(_) => None,
        };
        used_by.push(known.map_or_else(|| one.used_by.clone(), |account| shown_handle(&account)));
    }
    let is_left = u32::try_from(used).is_ok_and(|used| used < code.available_uses);
    Ok(Row {
        id,
        link: format!("{}/account/sign-up?invite={}", visit.app.config.public_url, code.code),
        used,
        uses: code.available_uses,
        is_usable: is_left,
        created: time(code.created_at),
        more: used.saturating_sub(used_by.len()),
        used_by,
        code: code.code,
    })
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let (store, interval) = (&visit.app.store, visit.app.config.invite_interval);
    let earned = match interval {
        Some(interval) => store.earned_invite_codes(account.id, interval).await?,
        None => 0,
    };
    let all = store.invite_codes_of(account.did.as_str()).await?.into_iter();
    let mut codes = Vec::new();
    for (id, code) in all.filter(|code| !code.disabled).enumerate() {
        codes.push(row(&visit, id, code).await?);
    }
    codes.sort_by_key(|code| !code.is_usable);
    visit.html(&Invites {
        page: visit.page(visit.t.own_invites_title()),
        t: visit.t,
        action: Local::of_account(&account.did, "/invites").to_string(),
        codes,
        earned,
        earns: interval.is_some(),
        is_stopped: account.invites_disabled,
    })
}

/// Makes the codes that the account has earned.
pub async fn make(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let back = Local::of_account(&account.did, "/invites");
    let config = &visit.app.config;
    let Some(interval) = config.invite_interval.filter(|_| !account.invites_disabled) else {
        return visit.redirect_warning(back, Flash::InvitesNotEarned);
    };
    match visit.app.store.earn_invite_codes(account.id, &config.hostname, interval).await? {
        0 => visit.redirect_warning(back, Flash::InvitesNotEarned),
        _ => visit.redirect_saying(back, Flash::InvitesMade),
    }
}
