//! `/account/u/{account}/security/passkeys`: adding, naming and removing passkeys.

use askama::Template;
use cairn_store::{AddPasskeyError, Factor, Passkey, RemovePasskeyError};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::accounts::identity::shown_handle;
use crate::mail::letters::Event;

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::format::time;
use super::super::super::i18n::{Flash, Text};
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::alert;
use super::super::passkey::{self, Ask, Purpose};

/// Names are for their owner to tell passkeys apart.
const MAX_NAME_CHARS: usize = 60;

#[derive(Template)]
#[template(path = "account/security/passkey_new.html")]
struct Adding {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    ask: Ask,
}

#[derive(Template)]
#[template(path = "account/security/passkey.html")]
struct One {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    key: String,
    is_synced: bool,
    added: String,
    used: Option<String>,
}

#[derive(Template)]
#[template(path = "account/security/passkey_remove.html")]
struct Removing {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    /// Where a password is set.
    password_url: String,
    key: String,
    name: String,
    is_last: bool,
}

/// What names a passkey in addresses: its id may be longer than an address.
pub fn key(passkey: &Passkey) -> String {
    let hash = Sha256::digest(&passkey.credential_id);
    BASE64URL_NOPAD.encode(hash.get(..12).unwrap_or_default())
}

/// The passkey of the account that the path names.
async fn named(visit: &Visit) -> Result<Passkey, PageError> {
    let wanted = visit.param("key");
    let all = visit.app.store.passkeys(visit.account()?.account.id).await?;
    all.into_iter().find(|passkey| key(passkey) == wanted).ok_or(PageError::NotFound)
}

async fn adding(visit: &Visit, form: Form) -> Result<Adding, PageError> {
    let account = &visit.account()?.account;
    let known = visit.app.store.passkeys(account.id).await?;
    let mut page = visit.page(visit.t.passkeys_add_title());
    page.load("passkey.js");
    Ok(Adding {
        page,
        t: visit.t,
        form,
        base: visit.account_page("/security")?.to_string(),
        ask: Ask::to_make(visit, account, shown_handle(account), &known).await?,
    })
}

pub async fn show_new(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&adding(&visit, Form::new()).await?)
}

pub async fn add(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let t = visit.t;
    let account = &visit.account()?.account;
    let mut form = Form::of(&visit.form, &["label"]);
    let name = match label(&visit) {
        name if name.is_empty() => {
            let count = visit.app.store.passkeys(account.id).await?.len();
            t.passkeys_numbered(count + 1)
        }
        name => name,
    };
    let new = match passkey::made(&visit, Purpose::Add(account), name) {
        Ok(new) => new,
        Err(refusal) => {
            form.refuse("", refusal.words(t));
            return visit.refused(&adding(&visit, form).await?);
        }
    };
    match visit.app.store.add_passkey(account.id, new, alert::client_of(&visit)).await {
        Ok(()) => {
            let event = Event::PasskeyAdded;
            return super::added(&visit, Factor::Passkey, event, Flash::PasskeyAdded).await;
        }
        Err(AddPasskeyError::Known) => form.refuse("", t.passkeys_known()),
        Err(AddPasskeyError::TooMany) => form.refuse("", t.passkeys_too_many()),
        Err(AddPasskeyError::Store(err)) => return Err(err.into()),
    }
    visit.refused(&adding(&visit, form).await?)
}

/// The name that was typed, in one line.
fn label(visit: &Visit) -> String {
    let words: Vec<&str> = visit.form.get("label").split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()
}

fn one(visit: &Visit, passkey: &Passkey, mut form: Form) -> Result<One, PageError> {
    if !form.is_refused() {
        form.set("label", passkey.name.clone());
    }
    Ok(One {
        page: visit.page(visit.t.passkeys_one_title()),
        t: visit.t,
        form,
        base: visit.account_page("/security")?.to_string(),
        key: key(passkey),
        is_synced: passkey.backed_up,
        added: time(passkey.created_at),
        used: passkey.last_used_at.map(time),
    })
}

pub async fn show(visit: Visit) -> PageResult {
    let passkey = named(&visit).await?;
    visit.html(&one(&visit, &passkey, Form::new())?)
}

pub async fn rename(visit: Visit) -> PageResult {
    let passkey = named(&visit).await?;
    let name = label(&visit);
    if name.is_empty() {
        let mut form = Form::new();
        form.refuse("label", visit.t.passkeys_name_missing());
        return visit.refused(&one(&visit, &passkey, form)?);
    }
    let account = passkey.account;
    visit.app.store.rename_passkey(account, passkey.credential_id, &name).await?;
    visit.redirect_saying(visit.account_page("/security")?, Flash::PasskeyRenamed)
}

fn removing(
    visit: &Visit,
    passkey: &Passkey,
    form: Form,
    is_last: bool,
) -> Result<Removing, PageError> {
    Ok(Removing {
        page: visit.page(visit.t.passkeys_remove_title()),
        t: visit.t,
        form,
        base: visit.account_page("/security")?.to_string(),
        password_url: visit.account_page("/password")?.to_string(),
        key: key(passkey),
        name: passkey.name.clone(),
        is_last,
    })
}

pub async fn ask(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let passkey = named(&visit).await?;
    let (account, id) = (visit.account()?.account.id, passkey.credential_id.clone());
    let mut form = Form::new();
    if visit.app.store.is_last_way_in(account, id).await? {
        form.refuse("last", visit.t.passkeys_last_way_in());
    }
    let has_password = visit.account()?.account.password_hash.is_some();
    let is_last = has_password && super::is_last(&visit, 1).await?;
    visit.html(&removing(&visit, &passkey, form, is_last)?)
}

pub async fn remove(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    let passkey = named(&visit).await?;
    let (id, client) = (passkey.credential_id.clone(), alert::client_of(&visit));
    match visit.app.store.remove_passkey(account.id, id, client).await {
        Ok(true) => alert::tell(&visit, account, Event::PasskeyRemoved),
        Ok(false) => {}
        Err(RemovePasskeyError::LastWayIn) => {
            let mut form = Form::new();
            form.refuse("last", visit.t.passkeys_last_way_in());
            return visit.refused(&removing(&visit, &passkey, form, false)?);
        }
        Err(RemovePasskeyError::Store(err)) => return Err(err.into()),
    }
    visit.redirect_saying(visit.account_page("/security")?, Flash::PasskeyRemoved)
}
