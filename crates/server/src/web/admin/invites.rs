//! `/admin/invites`: invite codes, and links that carry them to the page for new accounts.

use askama::Template;
use cairn_model::Did;
use cairn_store::{InviteCode, InviteOrder};

use super::super::error::PageError;
use super::super::form::Form;
use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::Pages;
use crate::accounts::administration::{self, OPERATOR};
use crate::accounts::identity::shown_handle;
use crate::auth::Moderator;
use crate::config::SignUp;
use crate::xrpc::com_atproto::admin::get_invite_codes;

/// Codes on one page.
const PAGE: u32 = 50;
/// People who are named below a code; a code may have thousands.
pub const SHOWN_USES: usize = 10;
/// What the form makes at once.
const MAX_COUNT: u32 = 100;
const MAX_USES: u32 = 10_000;

#[derive(Template)]
#[template(path = "admin/invites.html")]
struct Invites {
    page: Page,
    t: Text,
    form: Form,
    /// Whether new accounts need a code.
    is_asked: bool,
    codes: Vec<Line>,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "admin/disable_invite.html")]
struct Disabling {
    page: Page,
    t: Text,
    code: String,
}

struct Line {
    id: usize,
    code: String,
    link: String,
    used: usize,
    uses: u32,
    is_usable: bool,
    is_disabled: bool,
    /// None for the operator.
    owner: Option<Owner>,
    created_at: String,
    used_by: Vec<Owner>,
    /// Those who are not named.
    more: usize,
}

struct Owner {
    /// The handle, or the DID of an account that is not here any more.
    name: String,
    href: String,
}

impl Owner {
    async fn new(visit: &Visit, did: &str) -> Result<Option<Self>, PageError> {
        let Ok(did) = Did::parse(did) else { return Ok(None) };
        let href = Local::of_console(&did, "").to_string();
        let known = visit.app.store.account(did.clone()).await?;
        let name = known.map_or_else(|| did.to_string(), |account| shown_handle(&account));
        Ok(Some(Self { name, href }))
    }
}

impl Line {
    async fn new(visit: &Visit, id: usize, code: InviteCode) -> Result<Self, PageError> {
        let used = code.uses.len();
        let mut used_by = Vec::new();
        for one in code.uses.iter().take(SHOWN_USES) {
            used_by.extend(Owner::new(visit, &one.used_by).await?);
        }
        let is_used_up = u32::try_from(used).map_or(true, |used| used >= code.available_uses);
        Ok(Self {
            id,
            link: format!("{}/account/sign-up?invite={}", visit.app.config.public_url, code.code),
            used,
            uses: code.available_uses,
            is_usable: !code.disabled && !is_used_up,
            is_disabled: code.disabled,
            owner: Owner::new(visit, &code.for_account).await?,
            created_at: time(code.created_at),
            used_by,
            more: used.saturating_sub(SHOWN_USES),
            code: code.code,
        })
    }
}

async fn page(visit: &Visit, form: Form) -> Result<Invites, PageError> {
    let place = match visit.query.get("after") {
        "" => None,
        cursor => Some(get_invite_codes::place(cursor).ok_or_else(super::accounts::malformed)?),
    };
    let order = InviteOrder::Recent;
    let found = visit.app.store.list_invite_codes(order, place, PAGE).await?;
    let is_full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let cursor = found.last().filter(|_| is_full).map(|last| get_invite_codes::cursor(last, order));
    let mut codes = Vec::new();
    for (id, code) in found.into_iter().enumerate() {
        codes.push(Line::new(visit, id, code).await?);
    }
    Ok(Invites {
        page: visit.page(visit.t.console_invites()),
        t: visit.t,
        form,
        is_asked: visit.app.config.sign_up == SignUp::Invite,
        codes,
        pages: Pages::new(visit, "/admin/invites", &[], cursor),
    })
}

pub async fn show(visit: Visit) -> PageResult {
    let mut form = Form::new();
    form.set("count", "1");
    form.set("uses", "1");
    visit.html(&page(&visit, form).await?)
}

/// Makes codes; the list shows the newest first.
pub async fn make(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, &["count", "uses"]);
    let mut read = |name: &'static str, max: u32| {
        let number = visit.form.get(name).parse().ok().filter(|n| (1..=max).contains(n));
        if number.is_none() {
            form.refuse(name, visit.t.invites_number(max));
        }
        number.unwrap_or(0)
    };
    let (count, uses) = (read("count", MAX_COUNT), read("uses", MAX_USES));
    if form.is_refused() {
        return visit.refused(&page(&visit, form).await?);
    }
    let owners = vec![OPERATOR.to_owned()];
    administration::make_invites(&visit.app, &Moderator::Admin, count, uses, owners).await?;
    visit.redirect_saying("/admin/invites", Flash::InvitesMade)
}

/// Asks before a code is disabled.
pub async fn ask(visit: Visit) -> PageResult {
    let page = visit.page(visit.t.invites_disable_title());
    visit.html(&Disabling { page, t: visit.t, code: visit.param("code").to_owned() })
}

pub async fn disable(visit: Visit) -> PageResult {
    let codes = vec![visit.param("code").to_owned()];
    administration::disable_invites(&visit.app, &Moderator::Admin, codes, Vec::new()).await?;
    visit.redirect_saying("/admin/invites", Flash::InviteDisabled)
}
