//! `com.atproto.admin.*`: what operators and moderators do to accounts.

pub mod delete_account;
pub mod disable_account_invites;
pub mod disable_invite_codes;
pub mod get_account_info;
pub mod get_account_infos;
pub mod get_invite_codes;
pub mod get_subject_status;
pub mod search_accounts;
pub mod send_email;
pub mod update_account_email;
pub mod update_account_handle;
pub mod update_account_password;
pub mod update_account_signing_key;
pub mod update_subject_status;

pub(crate) use update_subject_status::record;

use std::sync::Arc;

use cairn_model::AtIdentifier;
use cairn_store::Account;

use crate::App;
use crate::auth::{ADMIN, MODERATOR};
use crate::error::XrpcError;
use crate::xrpc::{Endpoint, Result, procedure, query};

use self::{
    delete_account::delete_account,
    disable_account_invites::{disable_account_invites, enable_account_invites},
    disable_invite_codes::disable_invite_codes,
    get_account_info::get_account_info,
    get_account_infos::get_account_infos,
    get_invite_codes::get_invite_codes,
    get_subject_status::get_subject_status,
    search_accounts::search_accounts,
    send_email::send_email,
    update_account_email::update_account_email,
    update_account_handle::update_account_handle,
    update_account_password::update_account_password,
    update_account_signing_key::update_account_signing_key,
    update_subject_status::update_subject_status,
};

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        procedure("com.atproto.admin.updateSubjectStatus", MODERATOR, update_subject_status),
        query("com.atproto.admin.getSubjectStatus", MODERATOR, get_subject_status),
        query("com.atproto.admin.getAccountInfo", MODERATOR, get_account_info),
        query("com.atproto.admin.getAccountInfos", MODERATOR, get_account_infos),
        query("com.atproto.admin.searchAccounts", MODERATOR, search_accounts),
        query("com.atproto.admin.getInviteCodes", MODERATOR, get_invite_codes),
        procedure("com.atproto.admin.disableInviteCodes", MODERATOR, disable_invite_codes),
        procedure("com.atproto.admin.disableAccountInvites", MODERATOR, disable_account_invites),
        procedure("com.atproto.admin.enableAccountInvites", MODERATOR, enable_account_invites),
        procedure("com.atproto.admin.sendEmail", MODERATOR, send_email),
        procedure("com.atproto.admin.updateAccountHandle", ADMIN, update_account_handle),
        procedure("com.atproto.admin.updateAccountEmail", ADMIN, update_account_email),
        procedure("com.atproto.admin.updateAccountPassword", ADMIN, update_account_password),
        procedure("com.atproto.admin.updateAccountSigningKey", ADMIN, update_account_signing_key),
        procedure("com.atproto.admin.deleteAccount", ADMIN, delete_account),
    ]
}

/// The account that an operator names.
///
/// # Errors
/// 400 `NotFound`.
pub(crate) async fn account(app: &App, name: impl Into<AtIdentifier>) -> Result<Arc<Account>> {
    let account = app.store.account(name.into()).await?;
    account.ok_or_else(|| XrpcError::named("NotFound", "Account not found"))
}
