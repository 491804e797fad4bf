//! Tokens that are sent by e-mail to prove that someone reads an account's mailbox.
//!
//! A token is ten base32 characters (`XXXXX-XXXXX`, compared without regard to case) and lives for
//! 15 minutes; there is one per account and purpose, the newest. Only a keyed hash is stored, since
//! 50 bits could be searched through otherwise.

use data_encoding::BASE32_NOPAD;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension};

use crate::accounts::columns::{instant, micros};
use crate::accounts::{set_email_confirmed, set_password};
use crate::{
    AccountId, EndSessions, HistoryKind, MasterKey, SessionClient, Store, StoreError, history,
};

/// How long a mailed token is valid.
pub const MAIL_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
const LETTERS: usize = 10;

/// What a mailed token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailPurpose {
    ConfirmEmail,
    UpdateEmail,
    ResetPassword,
    DeleteAccount,
    PlcOperation,
    /// The second factor of a sign-in.
    SignIn,
}

impl MailPurpose {
    /// The name in the database and in mail templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::UpdateEmail => "update_email",
            Self::ResetPassword => "reset_password",
            Self::DeleteAccount => "delete_account",
            Self::PlcOperation => "plc_operation",
            Self::SignIn => "sign_in",
        }
    }
}

/// Why a mailed token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum MailTokenError {
    /// Never given, for another purpose or account, replaced, or used.
    #[error("the token is not valid")]
    Invalid,
    #[error("the token has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes the token to mail to `email`; an earlier one for this purpose is void. `None` if that is not the account's
    /// address any more: who reads mail there must not get a token.
    pub async fn create_mail_token(
        &self,
        account: AccountId,
        email: &str,
        purpose: MailPurpose,
    ) -> Result<Option<String>, StoreError> {
        let token = random_token();
        let hash = hash(self.master_key(), &token);
        let email = email.to_owned();
        let is_made = self.write_tx(move |tx| {
            let expires_at = tx.now().saturating_add(MAIL_TOKEN_LIFETIME).map_or(0, micros);
            let made = tx
                .prepare_cached(
                    "INSERT OR REPLACE INTO mail_token
                       (account, purpose, token_hash, created_at, expires_at)
                     SELECT id, ?2, ?3, ?4, ?5 FROM account WHERE id = ?1 AND email = ?6",
                )?
                .execute((
                    account.get(),
                    purpose.as_str(),
                    hash,
                    tx.now_micros(),
                    expires_at,
                    &email,
                ))?;
            Ok::<_, StoreError>(made > 0)
        });
        let dashed = format!("{}-{}", &token[..LETTERS / 2], &token[LETTERS / 2..]);
        Ok(is_made.await?.then_some(dashed))
    }

    /// Whether the token is valid now; it stays so.
    pub async fn check_mail_token(
        &self,
        account: AccountId,
        purpose: MailPurpose,
        token: &str,
    ) -> Result<(), MailTokenError> {
        let hash = self.mail_token_hash(token)?;
        let now = micros(self.clock().now());
        let found = self.read(move |tx| find(tx, purpose, &hash)).await?;
        judge(found, now, Some(account)).map(drop)
    }

    /// Spends the token.
    pub async fn use_mail_token(
        &self,
        account: AccountId,
        purpose: MailPurpose,
        token: &str,
    ) -> Result<(), MailTokenError> {
        let hash = self.mail_token_hash(token)?;
        self.write_tx(move |tx| {
            judge(find(tx, purpose, &hash)?, tx.now_micros(), Some(account))?;
            Ok(delete(tx, account, purpose)?)
        })
        .await
    }

    /// Spends a token for [`MailPurpose::ConfirmEmail`] and marks the address that it was mailed to as confirmed: a change
    /// of the address voids the token.
    pub async fn confirm_email_by_token(
        &self,
        account: AccountId,
        token: &str,
    ) -> Result<(), MailTokenError> {
        let hash = self.mail_token_hash(token)?;
        let cache = self.account_cache().clone();
        let purpose = MailPurpose::ConfirmEmail;
        self.write_tx(move |tx| {
            judge(find(tx, purpose, &hash)?, tx.now_micros(), Some(account))?;
            delete(tx, account, purpose)?;
            set_email_confirmed(tx, account)?;
            let cache = cache.clone();
            tx.after_commit(move || cache.drop_account(account));
            Ok(())
        })
        .await
    }

    /// Spends a token for [`MailPurpose::ResetPassword`]: sets the password hash of the account that
    /// it was mailed to, and ends that account's sessions as told.
    pub async fn reset_password(
        &self,
        token: &str,
        password_hash: String,
        end: EndSessions,
        client: SessionClient,
    ) -> Result<AccountId, MailTokenError> {
        let hash = self.mail_token_hash(token)?;
        let cache = self.account_cache().clone();
        let access = self.access_cache().clone();
        let purpose = MailPurpose::ResetPassword;
        self.write_tx(move |tx| {
            let account = judge(find(tx, purpose, &hash)?, tx.now_micros(), None)?;
            set_password(tx, &access, account, &password_hash, end)?;
            history::note(tx, account, HistoryKind::PasswordReset, "", &client)?;
            let cache = cache.clone();
            tx.after_commit(move || cache.drop_account(account));
            Ok(account)
        })
        .await
    }

    /// Job: removes expired tokens.
    pub async fn prune_mail_tokens(&self) -> Result<usize, StoreError> {
        self.write_tx(move |tx| {
            Ok(tx.execute("DELETE FROM mail_token WHERE expires_at <= ?1", [tx.now_micros()])?)
        })
        .await
    }

    fn mail_token_hash(&self, token: &str) -> Result<[u8; 32], MailTokenError> {
        let letters = canonical(token).ok_or(MailTokenError::Invalid)?;
        Ok(hash(self.master_key(), &letters))
    }
}

/// Removes the tokens of an account inside a transaction.
pub(crate) fn delete_all(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM mail_token WHERE account = ?1")?.execute([account.get()])?;
    Ok(())
}

/// Removes one token inside a transaction.
pub(crate) fn delete(
    conn: &Connection,
    account: AccountId,
    purpose: MailPurpose,
) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM mail_token WHERE account = ?1 AND purpose = ?2")?
        .execute((account.get(), purpose.as_str()))?;
    Ok(())
}

/// The account of a stored token and when the token expires.
fn find(
    conn: &Connection,
    purpose: MailPurpose,
    hash: &[u8; 32],
) -> Result<Option<(AccountId, i64)>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT account, expires_at FROM mail_token WHERE purpose = ?1 AND token_hash = ?2",
        )?
        .query_row((purpose.as_str(), hash), |row| Ok((AccountId::new(row.get(0)?), row.get(1)?)))
        .optional()?)
}

fn judge(
    found: Option<(AccountId, i64)>,
    now_micros: i64,
    wanted: Option<AccountId>,
) -> Result<AccountId, MailTokenError> {
    let (account, expires_at) = found.ok_or(MailTokenError::Invalid)?;
    if wanted.is_some_and(|wanted| wanted != account) {
        return Err(MailTokenError::Invalid);
    }
    if instant(expires_at) <= instant(now_micros) {
        return Err(MailTokenError::Expired);
    }
    Ok(account)
}

fn random_token() -> String {
    let mut token = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<7>());
    token.truncate(LETTERS);
    token
}

/// The letters in upper case without the dash, as people may type them.
fn canonical(token: &str) -> Option<String> {
    let letters: String =
        token.chars().filter(|c| *c != '-' && !c.is_whitespace()).take(LETTERS + 1).collect();
    (letters.len() == LETTERS).then(|| letters.to_ascii_uppercase())
}

fn hash(key: &MasterKey, letters: &str) -> [u8; 32] {
    key.keyed_hash("mail token", letters.as_bytes())
}
