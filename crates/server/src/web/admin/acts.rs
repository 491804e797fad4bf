//! `/admin/accounts/{did}/{act}`: each asks first, on a page of its own.

use askama::Template;
use cairn_store::{Account, SecondFactors};

use super::super::account::why_not_active;
use super::super::error::PageError;
use super::super::form::Form;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::typed;
use crate::accounts::administration::{self, MAX_NOTE_CHARS};
use crate::accounts::identity::shown_handle;
use crate::accounts::password::{self, PasswordError};
use crate::auth::Moderator;
use crate::error::XrpcError;

/// What the operator can do to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    ChangeHandle,
    ChangeEmail,
    MailReset,
    SetPassword,
    SignOut,
    RemoveFactors,
    StopInvites,
    AllowInvites,
    Restore,
    Activate,
    Deactivate,
    TakeDown,
    Delete,
}

/// How an act is spoken of.
pub struct Words {
    pub title: &'static str,
    pub text: &'static str,
    pub button: &'static str,
}

impl Act {
    pub const ALL: [Self; 13] = [
        Self::ChangeHandle,
        Self::ChangeEmail,
        Self::MailReset,
        Self::SetPassword,
        Self::SignOut,
        Self::RemoveFactors,
        Self::StopInvites,
        Self::AllowInvites,
        Self::Restore,
        Self::Activate,
        Self::Deactivate,
        Self::TakeDown,
        Self::Delete,
    ];

    /// In paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChangeHandle => "change-handle",
            Self::ChangeEmail => "change-email",
            Self::MailReset => "mail-reset",
            Self::SetPassword => "set-password",
            Self::SignOut => "sign-out",
            Self::RemoveFactors => "remove-factors",
            Self::StopInvites => "stop-invites",
            Self::AllowInvites => "allow-invites",
            Self::Restore => "restore",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::TakeDown => "take-down",
            Self::Delete => "delete",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// Whether others see less of the account afterwards.
    pub fn is_danger(self) -> bool {
        matches!(self, Self::Deactivate | Self::TakeDown | Self::Delete)
    }

    /// Whether it takes away what the operator cannot give back just so.
    pub fn is_grave(self) -> bool {
        self.is_danger() || self == Self::RemoveFactors
    }

    /// Whether it changes anything in this account, which has these second factors.
    pub fn fits(self, account: &Account, has: SecondFactors) -> bool {
        match self {
            Self::MailReset => account.email.is_some(),
            Self::ChangeHandle
            | Self::ChangeEmail
            | Self::SetPassword
            | Self::SignOut
            | Self::Delete => true,
            Self::RemoveFactors => {
                has.are_needed() || has.recovery_codes > 0 || account.email_auth_factor
            }
            Self::StopInvites => !account.invites_disabled,
            Self::AllowInvites => account.invites_disabled,
            Self::Restore => account.takedown_ref.is_some(),
            Self::TakeDown => account.takedown_ref.is_none(),
            Self::Activate => account.deactivated_at.is_some() && account.takedown_ref.is_none(),
            Self::Deactivate => account.deactivated_at.is_none(),
        }
    }

    pub fn words(self, t: Text) -> Words {
        let (title, text, button) = match self {
            Self::ChangeHandle => (
                t.act_change_handle_title(),
                t.act_change_handle_text(),
                t.act_change_handle_button(),
            ),
            Self::ChangeEmail => {
                (t.act_change_email_title(), t.act_change_email_text(), t.act_change_email_button())
            }
            Self::MailReset => {
                (t.act_mail_reset_title(), t.act_mail_reset_text(), t.act_mail_reset_button())
            }
            Self::SetPassword => {
                (t.act_set_password_title(), t.act_set_password_text(), t.act_set_password_button())
            }
            Self::SignOut => {
                (t.act_sign_out_title(), t.act_sign_out_text(), t.act_sign_out_button())
            }
            Self::RemoveFactors => (
                t.act_remove_factors_title(),
                t.act_remove_factors_text(),
                t.act_remove_factors_button(),
            ),
            Self::StopInvites => {
                (t.act_stop_invites_title(), t.act_stop_invites_text(), t.act_stop_invites_button())
            }
            Self::AllowInvites => (
                t.act_allow_invites_title(),
                t.act_allow_invites_text(),
                t.act_allow_invites_button(),
            ),
            Self::Restore => (t.act_restore_title(), t.act_restore_text(), t.act_restore_button()),
            Self::Activate => {
                (t.act_activate_title(), t.act_activate_text(), t.act_activate_button())
            }
            Self::Deactivate => {
                (t.act_deactivate_title(), t.act_deactivate_text(), t.act_deactivate_button())
            }
            Self::TakeDown => {
                (t.act_take_down_title(), t.act_take_down_text(), t.act_take_down_button())
            }
            Self::Delete => (t.act_delete_title(), t.act_delete_text(), t.act_delete_button()),
        };
        Words { title, text, button }
    }

    fn flash(self) -> Flash {
        match self {
            Self::ChangeHandle => Flash::ActChangeHandle,
            Self::ChangeEmail => Flash::ActChangeEmail,
            Self::MailReset => Flash::ActMailReset,
            Self::SetPassword => Flash::ActSetPassword,
            Self::SignOut => Flash::ActSignOut,
            Self::RemoveFactors => Flash::ActRemoveFactors,
            Self::StopInvites => Flash::ActStopInvites,
            Self::AllowInvites => Flash::ActAllowInvites,
            Self::Restore => Flash::ActRestore,
            Self::Activate => Flash::ActActivate,
            Self::Deactivate => Flash::ActDeactivate,
            Self::TakeDown => Flash::ActTakeDown,
            Self::Delete => Flash::ActDelete,
        }
    }

    fn takes_reason(self) -> bool {
        matches!(self, Self::TakeDown | Self::Restore | Self::StopInvites | Self::AllowInvites)
    }

    fn needs_reason(self) -> bool {
        self == Self::TakeDown
    }

    fn takes_handle(self) -> bool {
        self == Self::ChangeHandle
    }

    fn takes_email(self) -> bool {
        self == Self::ChangeEmail
    }

    fn takes_password(self) -> bool {
        self == Self::SetPassword
    }

    /// Whether the name of the account is to be typed.
    fn is_final(self) -> bool {
        self == Self::Delete
    }

    /// What is wrong with what was sent.
    fn check(self, visit: &Visit, account: &Account) -> Form {
        let (t, sent) = (visit.t, &visit.form);
        let mut form = Form::of(sent, &["reason", "name", "app_passwords", "handle", "email"]);
        match self {
            Self::TakeDown => form.require(sent, "reason", t.act_reason_missing()),
            Self::SetPassword => match password::check_new(sent.exact("password")) {
                Ok(()) => {}
                Err(PasswordError::TooLong) => form.refuse("password", t.password_too_long()),
                Err(PasswordError::Empty | PasswordError::TooShort) => {
                    form.refuse("password", t.act_password_missing());
                }
            },
            Self::Delete if sent.get("name") != name_of(account) => {
                form.refuse("name", t.act_delete_other(name_of(account)));
            }
            _ => {}
        }
        if sent.get("reason").chars().count() > MAX_NOTE_CHARS {
            form.refuse("reason", t.act_reason_long(MAX_NOTE_CHARS));
        }
        form
    }

    /// Does it, or has the form say beside a field why not.
    async fn run(self, visit: &Visit, account: &Account, form: &mut Form) -> Result<(), XrpcError> {
        let (app, by, sent) = (&visit.app, &Moderator::Admin, &visit.form);
        let reason = Some(sent.get("reason")).filter(|text| !text.is_empty()).map(str::to_owned);
        match self {
            Self::ChangeHandle => typed::change_handle(visit, account, form).await,
            Self::ChangeEmail => typed::change_email(visit, account, form).await,
            Self::MailReset => administration::mail_reset(app, by, account).await,
            Self::SetPassword => {
                let (password, all) = (sent.exact("password"), sent.has("app_passwords"));
                administration::set_password(app, by, account, password, all).await
            }
            Self::SignOut => administration::sign_out(app, by, account).await,
            Self::RemoveFactors => administration::remove_second_factors(app, by, account).await,
            Self::StopInvites | Self::AllowInvites => {
                let disabled = self == Self::StopInvites;
                administration::set_invites_disabled(app, by, account, disabled, reason).await
            }
            Self::Restore => administration::restore(app, by, account, reason).await,
            Self::Activate => administration::activate(app, by, account).await,
            Self::Deactivate => administration::deactivate(app, by, account).await,
            Self::TakeDown => administration::take_down(app, by, account, reason).await,
            Self::Delete => administration::delete(app, by, account).await,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/act.html")]
struct Asking {
    page: Page,
    t: Text,
    form: Form,
    act: Act,
    words: Words,
    base: String,
    handle: String,
    /// What is to be typed to delete it.
    typed_name: String,
    domains: String,
}

impl Asking {
    fn new(visit: &Visit, act: Act, account: &Account, form: Form) -> Self {
        let words = act.words(visit.t);
        Self {
            page: visit.page(words.title),
            t: visit.t,
            form,
            act,
            words,
            base: Local::of_console(&account.did, "").to_string(),
            handle: shown_handle(account),
            typed_name: name_of(account).to_owned(),
            domains: visit.app.config.handle_domains.join(", "),
        }
    }
}

/// What the operator types to show that it is this account: its handle, or its DID for want of one.
fn name_of(account: &Account) -> &str {
    account.handle.as_ref().map_or(account.did.as_str(), cairn_model::Handle::as_str)
}

pub async fn show(visit: Visit) -> PageResult {
    let act = Act::by_name(visit.param("act")).ok_or(PageError::NotFound)?;
    let account = super::account_of(&visit).await?;
    if !act.fits(&account, visit.app.store.second_factors(account.id).await?) {
        return visit.redirect(Local::of_console(&account.did, ""));
    }
    let mut form = Form::new();
    form.set("handle", account.handle.as_ref().map(ToString::to_string).unwrap_or_default());
    form.set("email", account.email.as_deref().unwrap_or_default());
    visit.html(&Asking::new(&visit, act, &account, form))
}

pub async fn submit(visit: Visit) -> PageResult {
    let act = Act::by_name(visit.param("act")).ok_or(PageError::NotFound)?;
    let account = super::account_of(&visit).await?;
    if !act.fits(&account, visit.app.store.second_factors(account.id).await?) {
        return visit.redirect(Local::of_console(&account.did, ""));
    }
    let mut form = act.check(&visit, &account);
    if form.is_refused() {
        return visit.refused(&Asking::new(&visit, act, &account, form));
    }
    match act.run(&visit, &account, &mut form).await {
        Ok(()) if form.is_refused() => visit.refused(&Asking::new(&visit, act, &account, form)),
        Ok(()) if act == Act::MailReset && !visit.app.mailer.is_configured() => {
            visit.redirect_warning(Local::of_console(&account.did, ""), Flash::ActMailWaits)
        }
        Err(err) if act == Act::MailReset && err.name() == "UpstreamFailure" => {
            tracing::warn!(error = %err, "a mail with a code was not sent");
            visit.redirect_warning(Local::of_console(&account.did, ""), Flash::ActMailWaits)
        }
        Ok(()) if act == Act::Delete => visit.redirect_saying("/admin/accounts", act.flash()),
        Ok(()) if act == Act::RemoveFactors && account.password_hash.is_none() => {
            visit.redirect_warning(Local::of_console(&account.did, ""), Flash::ActRemoveFactorsAll)
        }
        Ok(()) => visit.redirect_saying(Local::of_console(&account.did, ""), act.flash()),
        Err(err) if err.status().is_server_error() => Err(err.into()),
        Err(err) => {
            let reason = match act {
                Act::Activate => why_not_active(&err, visit.t),
                _ => visit.t.console_refused(err.message()),
            };
            form.refuse("", reason);
            visit.refused(&Asking::new(&visit, act, &account, form))
        }
    }
}
