//! `/account/sign-up/passkey`: a new account that a passkey opens, in the place of a password.
//!
//! The form of `/account/sign-up` is looked at first, so that nobody makes a passkey for a name that is taken. The next page asks
//! for the passkey, and what comes back makes the account: it is stored together with its passkey, or not at all.

use askama::Template;
use cairn_store::{Account, Factor, FirstPasskey, MailPurpose};
use data_encoding::BASE64URL_NOPAD;

use crate::accounts::create::{self, Outcome};
use crate::accounts::identity::shown_handle;
use crate::accounts::mailing;
use crate::auth::Newcomer;
use crate::limits::Bucket;

use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::{Page, Tone};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use super::passkey::{self, Ask, Purpose};
use super::sign_up::{self, FIELDS, Way};
use super::signing_in;

/// Of what an authenticator calls the account.
const USER_BYTES: usize = 32;

#[derive(Template)]
#[template(path = "account/sign_up_passkey.html")]
struct Making {
    page: Page,
    t: Text,
    form: Form,
    handle: String,
    /// What the authenticator calls the account; the challenge is good for no other.
    user: String,
    ask: Ask,
    next: String,
}

#[derive(Template)]
#[template(path = "account/sign_up_codes.html")]
struct Codes {
    page: Page,
    t: Text,
    handle: String,
    codes: Vec<String>,
    /// Where the person was going.
    onward: String,
}

impl Making {
    fn new(visit: &Visit, form: Form, handle: String) -> Self {
        let user: [u8; USER_BYTES] = cairn_identity::random_bytes();
        let mut page = visit.page(visit.t.sign_up_passkey_title());
        page.load("passkey.js");
        Self {
            page,
            t: visit.t,
            form,
            ask: Ask::to_sign_up(visit, &user, handle.clone()),
            handle,
            user: BASE64URL_NOPAD.encode(&user),
            next: visit.next().map(|next| next.to_string()).unwrap_or_default(),
        }
    }
}

/// From the form to the page that asks for a passkey.
pub async fn begin(visit: &Visit, mut form: Form) -> PageResult {
    if let Some(wanted) = sign_up::check(visit, &mut form, Way::Passkey).await? {
        visit.charge_address(Bucket::CreateAccount)?;
        if !sign_up::is_email_held(visit, &wanted).await? {
            return visit.html(&Making::new(visit, form, wanted.handle));
        }
        form.refuse("email", visit.t.sign_up_email_taken());
    }
    sign_up::refuse_form(visit, form)
}

pub async fn submit(visit: Visit) -> PageResult {
    let mut form = Form::of(&visit.form, FIELDS);
    let Some(mut wanted) = sign_up::check(&visit, &mut form, Way::Passkey).await? else {
        return sign_up::refuse_form(&visit, form);
    };
    visit.charge_address(Bucket::CreateAccount)?;
    let user = BASE64URL_NOPAD.decode(visit.form.get("user").as_bytes()).unwrap_or_default();
    let name = visit.t.passkeys_numbered(1);
    match passkey::made(&visit, Purpose::SignUp(&user), name) {
        Ok(made) if user.len() == USER_BYTES => {
            // The browser was told to make none that would have to be named.
            let passkey = cairn_store::NewPasskey { discoverable: true, ..made };
            wanted.passkey = Some(FirstPasskey { passkey, user_handle: user });
        }
        refused => {
            let refusal = refused.err().unwrap_or(passkey::Refusal::Broken);
            form.refuse("", refusal.words(visit.t));
            return visit.refused(&Making::new(&visit, form, wanted.handle));
        }
    }
    if sign_up::is_email_held(&visit, &wanted).await? {
        form.refuse("email", visit.t.sign_up_email_taken());
        return sign_up::refuse_form(&visit, form);
    }
    match Box::pin(create::create(&visit.app, &Newcomer::Anyone, wanted)).await {
        Ok(Outcome::Account(account)) => welcome(&visit, account).await,
        Ok(Outcome::Applicant(_)) => visit.redirect("/account/sign-up/waiting"),
        Err(err) => {
            sign_up::refuse(&mut form, err, visit.t)?;
            sign_up::refuse_form(&visit, form)
        }
    }
}

/// Signs in who has an account now, and gives them what stands in for a lost passkey. Whoever misses the answer finds new codes
/// on the page for them.
async fn welcome(visit: &Visit, account: Account) -> PageResult {
    let account = signing_in::newcomer(visit, account, Factor::Passkey).await?;
    mailing::send_later(&visit.app, visit.t, account.clone(), MailPurpose::ConfirmEmail);
    let codes = visit.app.store.replace_recovery_codes(account.id, alert::client_of(visit)).await?;
    let mut page = visit.page(visit.t.codes_made_title());
    page.tell(Tone::Success, Flash::Welcome.text(visit.t));
    let onward = visit.next().unwrap_or_else(|| Local::of_account(&account.did, ""));
    visit.html(&Codes {
        page,
        t: visit.t,
        handle: shown_handle(&account),
        codes,
        onward: onward.to_string(),
    })
}
