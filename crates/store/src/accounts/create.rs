//! A new account with its empty repository.

use cairn_identity::SigningKey;
use cairn_model::{Did, Handle};
use jiff::Timestamp;
use rusqlite::Connection;

use super::columns::micros;
use super::events::{emit_account, emit_identity};
use super::{Account, AccountRef, AccountStatus, Quotas, applicants, founding, keys};
use crate::seal::MasterKey;
use crate::{AccountId, FirstPasskey, Head, Store, StoreError, WriteTx, factors, invites, repo};

/// What an account is made from.
#[derive(Clone)]
pub struct NewAccount {
    pub did: Did,
    pub handle: Option<Handle>,
    pub email: Option<String>,
    /// In PHC form; none for an account that signs in by other means.
    pub password_hash: Option<String>,
    /// With which it signs in from the start.
    pub passkey: Option<FirstPasskey>,
    /// The key in the DID document, or the one that shall stand there.
    pub signing_key: SigningKey,
    /// Whether the account is live at once. An account that moves here from another host is not.
    pub activate: bool,
    /// For an account that is not activated: when it may be deleted if it never is.
    pub delete_after: Option<Timestamp>,
    /// Spent together with the creation.
    pub invite_code: Option<String>,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    #[error("there is an account of this did")]
    DidTaken,
    /// It was that of an account which was deleted. An account that comes from elsewhere, and so is not activated yet, has
    /// shown that the DID is its own.
    #[error("the did belonged to somebody else")]
    DidRetired,
    #[error("the handle is taken")]
    HandleTaken,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("the passkey is known already")]
    PasskeyKnown,
    /// Unknown, disabled, used up, or its owner was taken down.
    #[error("the invite code is not available")]
    InviteCodeUnavailable,
    /// The operator has to answer others first.
    #[error("too many wait for an account")]
    TooManyWait,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an account and its empty, signed repository. If it is activated, `#identity`,
    /// `#account`, `#commit` and `#sync` follow in this order; everything is one transaction.
    ///
    /// A key that was reserved for the account is no longer reserved.
    pub async fn create_account(
        &self,
        new: NewAccount,
    ) -> Result<(Account, Head), CreateAccountError> {
        let master = self.master_key().clone();
        self.write_tx(move |tx| {
            check(tx, &new)?;
            Ok(insert(tx, &new, None, &master)?)
        })
        .await
    }
}

/// Whether the code can be used and the names are free.
pub(super) fn check(conn: &Connection, new: &NewAccount) -> Result<(), CreateAccountError> {
    if let Some(code) = &new.invite_code
        && !invites::is_usable(conn, code)?
    {
        return Err(CreateAccountError::InviteCodeUnavailable);
    }
    if super::find(conn, &AccountRef::Did(new.did.clone()))?.is_some()
        || applicants::holds(conn, "did", new.did.as_str())?
    {
        return Err(CreateAccountError::DidTaken);
    }
    if new.activate && is_retired(conn, &new.did)? {
        return Err(CreateAccountError::DidRetired);
    }
    if let Some(handle) = &new.handle
        && (super::find(conn, &AccountRef::Handle(handle.clone()))?.is_some()
            || applicants::holds(conn, "handle", handle.as_str())?)
    {
        return Err(CreateAccountError::HandleTaken);
    }
    if let Some(email) = &new.email
        && (super::find(conn, &AccountRef::Email(email.clone()))?.is_some()
            || applicants::holds(conn, "email", email)?)
    {
        return Err(CreateAccountError::EmailTaken);
    }
    if let Some(first) = &new.passkey
        && factors::is_known(conn, &first.passkey.credential_id)?
    {
        return Err(CreateAccountError::PasskeyKnown);
    }
    Ok(())
}

fn is_retired(conn: &Connection, did: &Did) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM retired_did WHERE did = ?1)")?
        .query_row([did.as_str()], |row| row.get(0))?)
}

/// Makes the account, under the id that it holds already if there is one.
pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    new: &NewAccount,
    id: Option<AccountId>,
    master: &MasterKey,
) -> Result<(Account, Head), StoreError> {
    let account = insert_row(tx, new, id)?;
    if let Some(first) = &new.passkey {
        factors::insert_first(tx, account.id, first)?;
    }
    founding::end(tx, &new.did)?;
    keys::set_signing_key(tx, account.id, &new.did, &new.signing_key, master)?;
    if let Some(code) = &new.invite_code {
        invites::record_use(tx, code, new.did.as_str())?;
    }
    let head = repo::create(tx, account.id, &new.did, &new.signing_key)?;
    if new.activate {
        emit_identity(tx, account.id, &new.did, new.handle.as_ref())?;
        emit_account(tx, account.id, &new.did, AccountStatus::Active)?;
        repo::emit_commit(tx, account.id, &new.did, None)?;
        repo::emit_sync(tx, account.id, &new.did)?;
    }
    Ok((account, head))
}

fn insert_row(
    tx: &WriteTx<'_>,
    new: &NewAccount,
    id: Option<AccountId>,
) -> Result<Account, StoreError> {
    let inactive_since = (!new.activate).then(|| tx.now());
    let delete_after = new.delete_after.filter(|_| !new.activate);
    let id = tx
        .prepare_cached(
            "INSERT INTO account
               (id, did, handle, email, password_hash, created_at, deactivated_at, delete_after,
                arriving)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .insert((
            id.map(AccountId::get),
            new.did.as_str(),
            new.handle.as_ref().map(Handle::as_str),
            &new.email,
            &new.password_hash,
            tx.now_micros(),
            inactive_since.map(micros),
            delete_after.map(micros),
            !new.activate,
        ))?;
    Ok(Account {
        id: AccountId::new(id),
        did: new.did.clone(),
        handle: new.handle.clone(),
        email: new.email.clone(),
        email_confirmed_at: None,
        password_hash: new.password_hash.clone(),
        created_at: tx.now(),
        deactivated_at: inactive_since,
        delete_after,
        suspended_at: None,
        takedown_ref: None,
        invites_disabled: false,
        invite_note: None,
        email_auth_factor: false,
        quotas: Quotas::default(),
    })
}
