//! Handles and addresses that the operator types for somebody, and what is said beside the field of one that cannot be had.

use cairn_model::Handle;
use cairn_store::{Account, SetEmailError};

use super::super::account::{problem_text, refuse_handle};
use super::super::form::Form;
use super::super::visit::Visit;
use crate::accounts::handle_policy::{self, Domain};
use crate::accounts::{administration, email, identifier, identity};
use crate::auth::Moderator;
use crate::error::XrpcError;

/// What was typed into the field `handle`, if operators may hand it out. The name alone is enough: it goes under the first
/// domain.
pub fn handle(visit: &Visit, typed: &str, form: &mut Form) -> Option<(Handle, Domain)> {
    let config = &visit.app.config;
    let typed = identifier::typed(typed, &config.handle_domains);
    let found = handle_policy::check(&typed, config.handle_rules(), true);
    found.map_err(|problem| form.refuse("handle", problem_text(&problem, visit.t))).ok()
}

/// The address in the field `email`.
pub fn address(visit: &Visit, form: &mut Form) -> Option<String> {
    let found = email::parse(visit.form.get("email"));
    found.map_err(|_| form.refuse("email", visit.t.sign_up_email_syntax())).ok()
}

/// Gives an account the handle that was typed. If it cannot have it, the form says why.
pub async fn change_handle(
    visit: &Visit,
    account: &Account,
    form: &mut Form,
) -> Result<(), XrpcError> {
    let (app, t) = (&visit.app, visit.t);
    let Some((new, domain)) = handle(visit, visit.form.get("handle"), form) else { return Ok(()) };
    if account.handle.as_ref() == Some(&new) {
        form.refuse("handle", t.act_change_handle_same());
        return Ok(());
    }
    let names_another = domain == Domain::External
        && identity::require_handle_resolves(app, &new, &account.did).await.is_err();
    if names_another {
        form.refuse("handle", t.act_change_handle_unproven(&account.did));
        return Ok(());
    }
    match administration::change_handle(app, &Moderator::Admin, account, &new).await {
        Ok(()) => Ok(()),
        Err(err) => refuse_handle(t, account, &new, "handle", form, err),
    }
}

/// Gives an account the address that was typed. If it cannot have it, the form says why.
pub async fn change_email(
    visit: &Visit,
    account: &Account,
    form: &mut Form,
) -> Result<(), XrpcError> {
    let t = visit.t;
    let Some(new) = address(visit, form) else { return Ok(()) };
    if account.email.as_deref() == Some(new.as_str()) {
        form.refuse("email", t.act_change_email_same());
        return Ok(());
    }
    match administration::change_email(&visit.app, &Moderator::Admin, account, new).await {
        Ok(()) => Ok(()),
        Err(SetEmailError::Taken) => {
            form.refuse("email", t.email_taken());
            Ok(())
        }
        Err(err) => Err(err.into()),
    }
}
