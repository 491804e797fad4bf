//! `/account/u/{account}/data/recovery-key`: the keys over the account's identity, and one of the owner's own among them.

use askama::Template;
use cairn_identity::plc::MAX_OWN_ROTATION_KEYS;
use cairn_store::MailPurpose;

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::code;
use crate::accounts::recovery_key::{self, Holder, Refusal, RotationKey};
use crate::limits::Bucket;

const PATH: &str = "/data/recovery-key";

#[derive(Template)]
#[template(path = "account/data/recovery_key.html")]
struct Recovery {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    handle: String,
    /// None where there is no directory with such keys, or it does not answer.
    keys: Option<Vec<RotationKey>>,
    is_plc: bool,
    email: Option<String>,
    was_sent: bool,
    is_full: bool,
    max_keys: usize,
    /// The key that is to go, on the page that asks.
    removes: Option<String>,
}

impl Recovery {
    async fn new(visit: &Visit, form: Form, stage: Stage) -> Result<Self, PageError> {
        let account = &visit.account()?.account;
        let is_plc = account.did.method() == "plc";
        let keys = if is_plc { keys(visit).await? } else { None };
        let title = match stage.removes {
            Some(_) => visit.t.recovery_remove_title(),
            None => visit.t.recovery_title(),
        };
        let mut page = visit.page(title);
        page.load("recovery.js");
        Ok(Self {
            page,
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "/data").to_string(),
            handle: crate::accounts::identity::shown_handle(account),
            max_keys: MAX_OWN_ROTATION_KEYS,
            is_full: keys.as_ref().is_some_and(|keys| keys.len() >= MAX_OWN_ROTATION_KEYS),
            keys,
            is_plc,
            email: account.email.clone(),
            was_sent: stage.was_sent,
            removes: stage.removes,
        })
    }
}

/// How far a person has come.
struct Stage {
    was_sent: bool,
    removes: Option<String>,
}

impl Stage {
    fn of(visit: &Visit) -> Self {
        let key = [&visit.form, &visit.query].into_iter().map(|fields| fields.get("remove"));
        let removes = key.map(str::to_owned).find(|key| !key.is_empty());
        Self { was_sent: visit.query.has("sent") || visit.form.has("code"), removes }
    }

    /// The page once a code is mailed.
    fn asking_for_code(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("sent", "1");
        if let Some(key) = &self.removes {
            query.append_pair("remove", key);
        }
        format!("{PATH}?{}", query.finish())
    }
}

async fn keys(visit: &Visit) -> Result<Option<Vec<RotationKey>>, PageError> {
    let did = &visit.account()?.account.did;
    // What is left of a form must be shown all the same.
    if visit.charge(Bucket::CheckAccountStatus, did.as_str()).is_err() {
        return Ok(None);
    }
    match recovery_key::list(&visit.app, did).await {
        Ok(keys) => Ok(Some(keys)),
        Err(err) => {
            tracing::warn!(error = %err.message(), "the keys of an identity cannot be read");
            Ok(None)
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&Recovery::new(&visit, Form::new(), Stage::of(&visit)).await?)
}

pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let stage = Stage::of(&visit);
    if visit.form.has("send") {
        return send(&visit, stage).await;
    }
    let (t, account) = (visit.t, &visit.account()?.account);
    let mut form = Form::of(&visit.form, &["code", "key"]);
    form.require(&visit.form, "code", t.recovery_code_missing());
    let code = visit.form.get("code");
    let outcome = if let Some(key) = &stage.removes {
        if form.is_refused() {
            return visit.refused(&Recovery::new(&visit, form, stage).await?);
        }
        recovery_key::remove(&visit.app, account, key, code).await
    } else {
        let key = recovery_key::parse(visit.form.get("key"));
        let Some(key) = key.filter(|_| !form.is_refused()) else {
            if recovery_key::parse(visit.form.get("key")).is_none() {
                form.refuse("key", t.recovery_key_wrong());
            }
            return visit.refused(&Recovery::new(&visit, form, stage).await?);
        };
        recovery_key::add(&visit.app, account, &key, code).await
    };
    match outcome {
        Ok(Ok(())) => {
            let flash = match stage.removes {
                Some(_) => Flash::RecoveryKeyRemoved,
                None => Flash::RecoveryKeyAdded,
            };
            return visit.redirect_saying(visit.account_page(PATH)?, flash);
        }
        Ok(Err(refusal)) => refuse(&mut form, &refusal, t),
        Err(err) if err.status().is_server_error() => form.refuse("", t.recovery_away()),
        Err(err) => form.refuse("", t.recovery_refused(err.message())),
    }
    visit.refused(&Recovery::new(&visit, form, stage).await?)
}

fn refuse(form: &mut Form, refusal: &Refusal, t: Text) {
    match refusal {
        Refusal::Code => form.refuse("code", t.data_code_wrong()),
        Refusal::OldCode => form.refuse("code", t.data_code_too_old()),
        Refusal::Known => form.refuse("key", t.recovery_known()),
        Refusal::Full => form.refuse("key", t.recovery_full(MAX_OWN_ROTATION_KEYS)),
        Refusal::Missing => form.refuse("", t.recovery_missing()),
        Refusal::NotTheirs => form.refuse("", t.recovery_not_yours()),
        Refusal::OutOfReach => form.refuse("", t.recovery_out_of_reach()),
    }
}

async fn send(visit: &Visit, stage: Stage) -> PageResult {
    let page = stage.asking_for_code();
    let (purpose, bucket) = (MailPurpose::PlcOperation, Bucket::RequestPlcOperation);
    match code::send(visit, purpose, bucket, &page).await? {
        Ok(response) => Ok(response),
        Err(trouble) => {
            let mut form = Form::new();
            form.refuse("", trouble);
            visit.refused(&Recovery::new(visit, form, stage).await?)
        }
    }
}
