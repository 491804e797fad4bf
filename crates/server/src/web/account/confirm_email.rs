//! `/account/confirm-email`: where the link in the mail leads. Whoever reads the mail may press the button; nobody needs to be
//! signed in.

use askama::Template;
use cairn_model::Did;
use cairn_store::{Account, MailTokenError};

use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "account/confirm_email.html")]
struct ConfirmEmail {
    page: Page,
    t: Text,
    form: Form,
}

impl ConfirmEmail {
    fn new(visit: &Visit, form: Form) -> Self {
        Self { page: visit.page(visit.t.confirm_email_title()), t: visit.t, form }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let form = Form::of(&visit.query, &["account", "code"]);
    visit.html(&ConfirmEmail::new(&visit, form))
}

pub async fn submit(visit: Visit) -> PageResult {
    let t = visit.t;
    let store = &visit.app.store;
    let mut form = Form::of(&visit.form, &["account", "code"]);
    let account = match Did::parse(visit.form.get("account")) {
        Ok(did) => store.account(&did).await?,
        Err(_) => None,
    };
    let Some(account) = account else {
        form.refuse("code", t.confirm_email_wrong());
        return visit.refused(&ConfirmEmail::new(&visit, form));
    };
    if try_code(&visit, &account, &mut form).await? {
        return visit.redirect_saying(Local::of_account(&account.did, ""), Flash::EmailConfirmed);
    }
    visit.refused(&ConfirmEmail::new(&visit, form))
}

/// Confirms the account's address with the code in the form. If that is not right, the form says so.
pub async fn try_code(
    visit: &Visit,
    account: &Account,
    form: &mut Form,
) -> Result<bool, PageError> {
    let (t, store) = (visit.t, &visit.app.store);
    let code = visit.form.get("code");
    match store.confirm_email_by_token(account.id, code).await {
        Ok(()) => return Ok(true),
        Err(MailTokenError::Invalid) => form.refuse("code", t.confirm_email_wrong()),
        Err(MailTokenError::Expired) => form.refuse("code", t.confirm_email_too_old()),
        Err(MailTokenError::Store(err)) => return Err(err.into()),
    }
    Ok(false)
}
