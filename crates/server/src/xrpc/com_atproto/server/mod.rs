//! `com.atproto.server.*`: accounts and the sessions of their owners.

pub mod activate_account;
pub mod check_account_status;
pub mod confirm_email;
pub mod create_account;
pub mod create_app_password;
pub mod create_invite_code;
pub mod create_invite_codes;
pub mod create_session;
pub mod deactivate_account;
pub mod delete_account;
pub mod delete_session;
pub mod describe_server;
pub mod get_account_invite_codes;
pub mod get_service_auth;
pub mod get_session;
pub mod list_app_passwords;
pub mod refresh_session;
pub mod request_account_delete;
pub mod request_email_confirmation;
pub mod request_email_update;
pub mod request_password_reset;
pub mod reserve_signing_key;
pub mod reset_password;
pub mod revoke_app_password;
pub mod update_email;

use cairn_oauth::scope::{AccountAction, AccountAttr};

use crate::auth::{
    ADMIN, ANYONE, FULL_SESSION, NEWCOMER, OAuthPolicy, REFRESH, SESSION, SESSION_OR_APPLICANT,
};
use crate::limits::Bucket;
use crate::xrpc::{Endpoint, procedure, query};

use self::{
    activate_account::activate_account, check_account_status::check_account_status,
    confirm_email::confirm_email, create_account::create_account,
    create_app_password::create_app_password, create_invite_code::create_invite_code,
    create_invite_codes::create_invite_codes, create_session::create_session,
    deactivate_account::deactivate_account, delete_account::delete_account,
    delete_session::delete_session, describe_server::describe_server,
    get_account_invite_codes::get_account_invite_codes, get_service_auth::get_service_auth,
    get_session::get_session, list_app_passwords::list_app_passwords,
    refresh_session::refresh_session, request_account_delete::request_account_delete,
    request_email_confirmation::request_email_confirmation,
    request_email_update::request_email_update, request_password_reset::request_password_reset,
    reserve_signing_key::reserve_signing_key, reset_password::reset_password,
    revoke_app_password::revoke_app_password, update_email::update_email,
};

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [accounts(), sessions(), app_passwords(), invites(), mail()].into_iter().flatten().collect()
}

fn accounts() -> Vec<Endpoint> {
    vec![
        query("com.atproto.server.describeServer", ANYONE, describe_server),
        procedure("com.atproto.server.createAccount", NEWCOMER, create_account)
            .limits(&[Bucket::CreateAccount]),
        procedure("com.atproto.server.reserveSigningKey", ANYONE, reserve_signing_key)
            .limits(&[Bucket::ReserveSigningKey]),
        query("com.atproto.server.checkAccountStatus", SESSION, check_account_status)
            .oauth(OAuthPolicy::Any)
            .limits(&[Bucket::CheckAccountStatus]),
        procedure("com.atproto.server.activateAccount", FULL_SESSION, activate_account)
            .limits(&[Bucket::Announce]),
        procedure(
            "com.atproto.server.deactivateAccount",
            FULL_SESSION.or_takendown(),
            deactivate_account,
        )
        .oauth(OAuthPolicy::Account(AccountAttr::Status, AccountAction::Manage))
        .limits(&[Bucket::Announce]),
        procedure(
            "com.atproto.server.requestAccountDelete",
            FULL_SESSION.not_takendown(),
            request_account_delete,
        )
        .limits(&[Bucket::RequestAccountDelete]),
        procedure("com.atproto.server.deleteAccount", ANYONE, delete_account)
            .limits(&[Bucket::DeleteAccount]),
    ]
}

fn sessions() -> Vec<Endpoint> {
    vec![
        procedure("com.atproto.server.createSession", ANYONE, create_session),
        procedure("com.atproto.server.refreshSession", REFRESH, refresh_session),
        query("com.atproto.server.getSession", SESSION_OR_APPLICANT.not_takendown(), get_session)
            .oauth(OAuthPolicy::Any),
        procedure("com.atproto.server.deleteSession", REFRESH.or_expired(), delete_session),
        query("com.atproto.server.getServiceAuth", SESSION.or_takendown(), get_service_auth)
            .oauth(OAuthPolicy::RpcOfInput),
    ]
}

fn app_passwords() -> Vec<Endpoint> {
    vec![
        procedure(
            "com.atproto.server.createAppPassword",
            FULL_SESSION.not_takendown(),
            create_app_password,
        ),
        query("com.atproto.server.listAppPasswords", SESSION, list_app_passwords),
        procedure("com.atproto.server.revokeAppPassword", SESSION, revoke_app_password),
    ]
}

fn invites() -> Vec<Endpoint> {
    vec![
        procedure("com.atproto.server.createInviteCode", ADMIN, create_invite_code),
        procedure("com.atproto.server.createInviteCodes", ADMIN, create_invite_codes),
        query(
            "com.atproto.server.getAccountInviteCodes",
            FULL_SESSION.not_takendown(),
            get_account_invite_codes,
        ),
    ]
}

fn mail() -> Vec<Endpoint> {
    vec![
        procedure("com.atproto.server.requestPasswordReset", ANYONE, request_password_reset)
            .limits(&[Bucket::RequestPasswordReset]),
        procedure("com.atproto.server.resetPassword", ANYONE, reset_password)
            .limits(&[Bucket::ResetPassword]),
        procedure(
            "com.atproto.server.requestEmailConfirmation",
            SESSION.not_takendown(),
            request_email_confirmation,
        )
        .oauth(OAuthPolicy::Account(AccountAttr::Email, AccountAction::Manage))
        .limits(&[Bucket::RequestEmailConfirmation]),
        procedure("com.atproto.server.confirmEmail", SESSION.not_takendown(), confirm_email)
            .oauth(OAuthPolicy::Account(AccountAttr::Email, AccountAction::Manage)),
        procedure(
            "com.atproto.server.requestEmailUpdate",
            FULL_SESSION.not_takendown(),
            request_email_update,
        )
        .limits(&[Bucket::RequestEmailUpdate]),
        procedure("com.atproto.server.updateEmail", FULL_SESSION.not_takendown(), update_email),
    ]
}
