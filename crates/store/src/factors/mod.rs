//! What an account shows besides its password to sign in: one-time codes, passkeys, recovery codes.
//!
//! Each is used once or goes up by the use, in one transaction with the check, so that of two who show the same code at
//! the same time one is refused.

mod passkeys;
mod recovery;
#[cfg(test)]
mod tests;
mod totp;

use rusqlite::Connection;

use crate::oauth::end_trust;
use crate::{
    Account, AccountError, AccountId, AccountRef, HistoryKind, SessionClient, Store, StoreError,
    history,
};

pub use passkeys::{
    AddPasskeyError, FirstPasskey, NewPasskey, Passkey, PasskeyUse, RemovePasskeyError,
};
pub(crate) use passkeys::{delete_first, insert_first, is_known, opens_by_passkey};
pub use totp::Totp;

/// One thing that was shown to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    Password,
    /// A code sent by e-mail.
    MailedCode,
    Totp,
    Passkey,
    RecoveryCode,
    /// Nothing but the password, on a browser that shall not be asked for more: it lets in, and counts for nothing where
    /// more than that is at stake.
    TrustedBrowser,
}

impl Factor {
    const ALL: [Self; 6] = [
        Self::Password,
        Self::MailedCode,
        Self::Totp,
        Self::Passkey,
        Self::RecoveryCode,
        Self::TrustedBrowser,
    ];

    /// Whether it shows more than that somebody knows the password.
    pub fn is_second(self) -> bool {
        !matches!(self, Self::Password | Self::TrustedBrowser)
    }

    /// The name in the database and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MailedCode => "mail",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery",
            Self::TrustedBrowser => "trusted",
        }
    }

    /// Names separated by spaces.
    pub(crate) fn write(factors: &[Self]) -> String {
        factors.iter().map(|factor| factor.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The factors of such a text; a name that a later version wrote counts for nothing.
    pub(crate) fn read(text: &str) -> Vec<Self> {
        let find = |name: &str| Self::ALL.into_iter().find(|factor| factor.as_str() == name);
        text.split(' ').filter_map(find).collect()
    }
}

/// Which second factors an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// Whether one-time codes are confirmed.
    pub totp: bool,
    pub passkeys: u32,
    /// Recovery codes that were not used yet.
    pub recovery_codes: u32,
}

impl SecondFactors {
    /// Whether signing in takes more than the password. Recovery codes alone ask for nothing.
    pub fn are_needed(&self) -> bool {
        self.totp || self.passkeys > 0
    }

    /// Whether something can be shown beside a new password by who has lost all passkeys.
    pub fn any_besides_passkeys(&self, account: &Account) -> bool {
        self.totp || self.recovery_codes > 0 || account.needs_mailed_code()
    }
}

impl Store {
    /// Which second factors an account has.
    pub async fn second_factors(&self, account: AccountId) -> Result<SecondFactors, StoreError> {
        self.read_one(move |tx| count(tx, account)).await
    }

    /// Removes all that an account asks for besides its password, mailed codes included, as the operator does. Returns whether there was
    /// anything.
    pub async fn remove_second_factors(
        &self,
        account: impl Into<AccountRef>,
    ) -> Result<bool, AccountError> {
        self.change_account(account, |tx, account| {
            let had = count(tx, account.id).map_err(AccountError::from)?;
            for table in ["totp", "passkey", "recovery_code"] {
                tx.prepare_cached(&format!("DELETE FROM {table} WHERE account = ?1"))
                    .and_then(|mut statement| statement.execute([account.id.get()]))
                    .map_err(StoreError::from)?;
            }
            end_trust(tx, account.id, None)?;
            let is_any = had != SecondFactors::default() || account.email_auth_factor;
            if is_any {
                let kind = HistoryKind::FactorsRemoved;
                history::note(tx, account.id, kind, "", &SessionClient::default())?;
            }
            tx.prepare_cached("UPDATE account SET email_auth_factor = 0 WHERE id = ?1")
                .and_then(|mut statement| statement.execute([account.id.get()]))
                .map_err(StoreError::from)?;
            Ok(is_any)
        })
        .await
    }
}

pub(crate) fn count(conn: &Connection, account: AccountId) -> Result<SecondFactors, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT
               EXISTS (SELECT 1 FROM totp WHERE account = ?1 AND confirmed_at IS NOT NULL),
               (SELECT count(*) FROM passkey WHERE account = ?1),
               (SELECT count(*) FROM recovery_code WHERE account = ?1 AND used_at IS NULL)",
        )?
        .query_row([account.get()], |row| {
            Ok(SecondFactors {
                totp: row.get(0)?,
                passkeys: row.get(1)?,
                recovery_codes: row.get(2)?,
            })
        })?;
    Ok(found)
}
