//! `com.atproto.admin.getAccountInfo`

use cairn_identity::plc::timestamp;
use cairn_model::{AtIdentifier, Did};
use cairn_store::Account;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::accounts::identity::shown_handle;
use crate::auth::Moderator;
use crate::xrpc::com_atproto::server::get_account_invite_codes::InviteView;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct GetAccountInfo {
    did: Did,
}

/// `com.atproto.admin.defs#accountView`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    did: Did,
    handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    indexed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<InviteView>,
    invites: Vec<InviteView>,
    invites_disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivated_at: Option<String>,
}

pub async fn get_account_info(
    cx: Cx<Moderator>,
    Params(params): Params<GetAccountInfo>,
) -> Result<Json<AccountView>> {
    let account = super::account(&cx.app, AtIdentifier::Did(params.did)).await?;
    Ok(Json(view(&cx.app, &account).await?))
}

pub(super) async fn view(app: &App, account: &Account) -> Result<AccountView> {
    let time = |at: Option<Timestamp>| at.map(timestamp::format);
    let invites = app.store.invite_codes_of(account.did.as_str()).await?;
    Ok(AccountView {
        did: account.did.clone(),
        handle: shown_handle(account),
        email: account.email.clone(),
        indexed_at: timestamp::format(account.created_at),
        invited_by: app.store.invite_of(&account.did).await?.map(InviteView::from),
        invites: invites.into_iter().map(InviteView::from).collect(),
        invites_disabled: account.invites_disabled,
        invite_note: account.invite_note.clone(),
        email_confirmed_at: time(account.email_confirmed_at),
        deactivated_at: time(account.deactivated_at),
    })
}
