//! What happened around signing in to an account: its owner's own log.
//!
//! An entry is written in the transaction of the act that it tells of, so none is missing after a crash and none tells of
//! what did not happen. An account has [`HISTORY_ENTRIES`] at most, and none is older than [`HISTORY_RETENTION`]. What
//! repeats itself (a program that signs in each hour) is counted in one entry a day, so that it does not push out the
//! rest. The entries go with the account. The operator's log is another one ([`crate::Act`]).

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::accounts::columns::{instant, micros};
use crate::text::cut;
use crate::{AccountId, DeviceId, Factor, SessionClient, Store, StoreError, WriteTx};

/// Entries of one account; the oldest makes room.
pub const HISTORY_ENTRIES: u32 = 100;
/// How many of these may be of kinds that programs and guessers can make many of.
const REPEATING_ENTRIES: u32 = 60;
/// How long an entry is kept.
pub const HISTORY_RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The same again within this time of the first is one entry.
const FOLD: SignedDuration = SignedDuration::from_hours(24);
/// Longer details and descriptions of a browser are cut.
const MAX_BYTES: usize = 512;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryKind {
    /// On a browser, with these factors.
    SignIn,
    /// A program with the account's own password.
    ProgramSignIn,
    /// A program with the app password of this name.
    AppPasswordSignIn,
    /// The password was right, and this factor was not.
    FactorRefused,
    /// An OAuth client was let in: its client id.
    AppConnected,
    PasswordChanged,
    /// With a mailed code.
    PasswordReset,
    /// By the operator.
    PasswordSet,
    /// The account has none now.
    PasswordRemoved,
    /// A passkey, by its name.
    PasskeyAdded,
    PasskeyRemoved,
    /// An authenticator app.
    AuthenticatorAdded,
    AuthenticatorRemoved,
    MailedCodesOn,
    MailedCodesOff,
    RecoveryCodesRenewed,
    /// All of them, by the operator.
    FactorsRemoved,
    /// An app password, by its name.
    AppPasswordMade,
    AppPasswordRevoked,
}

impl HistoryKind {
    const ALL: [Self; 19] = [
        Self::SignIn,
        Self::ProgramSignIn,
        Self::AppPasswordSignIn,
        Self::FactorRefused,
        Self::AppConnected,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasswordSet,
        Self::PasswordRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::AuthenticatorAdded,
        Self::AuthenticatorRemoved,
        Self::MailedCodesOn,
        Self::MailedCodesOff,
        Self::RecoveryCodesRenewed,
        Self::FactorsRemoved,
        Self::AppPasswordMade,
        Self::AppPasswordRevoked,
    ];

    /// The name in the database.
    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::ProgramSignIn => "program",
            Self::AppPasswordSignIn => "app_password",
            Self::FactorRefused => "refused",
            Self::AppConnected => "connected",
            Self::PasswordChanged => "password",
            Self::PasswordReset => "reset",
            Self::PasswordSet => "password_set",
            Self::PasswordRemoved => "password_removed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::AuthenticatorAdded => "totp_added",
            Self::AuthenticatorRemoved => "totp_removed",
            Self::MailedCodesOn => "mail_on",
            Self::MailedCodesOff => "mail_off",
            Self::RecoveryCodesRenewed => "recovery_renewed",
            Self::FactorsRemoved => "factors_removed",
            Self::AppPasswordMade => "app_password_made",
            Self::AppPasswordRevoked => "app_password_revoked",
        }
    }

    /// Whether programs or guessers may make many of these.
    fn repeats(self) -> bool {
        matches!(
            self,
            Self::SignIn
                | Self::ProgramSignIn
                | Self::AppPasswordSignIn
                | Self::FactorRefused
                | Self::AppConnected
        )
    }
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When it happened last.
    pub at: Timestamp,
    /// When it happened first, of the times that are counted here.
    pub since: Timestamp,
    pub times: u32,
    pub kind: HistoryKind,
    /// What the kind says that it is; empty if there is nothing to say.
    pub detail: String,
    /// Who did it; nothing is known of the operator.
    pub client: SessionClient,
}

impl HistoryEntry {
    /// The factors that the detail names.
    pub fn factors(&self) -> Vec<Factor> {
        Factor::read(&self.detail)
    }
}

impl Store {
    /// The history of an account, the newest entry first.
    pub async fn history(&self, account: AccountId) -> Result<Vec<HistoryEntry>, StoreError> {
        let since = oldest(self.clock().now());
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT * FROM history WHERE account = ?1 AND at > ?2 ORDER BY id DESC",
            )?;
            let rows = statement.query_map(params![account.get(), since], from_row)?;
            // A kind that a later version wrote is not for this one to name.
            rows.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(StoreError::from)
        })
        .await
    }

    /// Notes that somebody had the right password and not the second factor.
    pub async fn note_refused_factor(
        &self,
        account: AccountId,
        factor: Factor,
        client: SessionClient,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            note(tx, account, HistoryKind::FactorRefused, factor.as_str(), &client)
        })
        .await
    }

    /// Job: removes entries past their retention. Returns how many.
    pub async fn prune_history(&self) -> Result<usize, StoreError> {
        let until = oldest(self.clock().now());
        self.remove_ended("history", "account, id", "at", until).await
    }
}

/// Writes an entry inside the transaction of what it tells of; nothing where there is no account, as for who waits for
/// one.
pub(crate) fn note(
    tx: &WriteTx<'_>,
    account: AccountId,
    kind: HistoryKind,
    detail: &str,
    client: &SessionClient,
) -> Result<(), StoreError> {
    let detail = cut(detail, MAX_BYTES);
    let user_agent = client.user_agent.as_deref().map(|agent| cut(agent, MAX_BYTES));
    let mut seen = None;
    if kind.repeats() {
        seen = take_same(tx, account, kind, detail, (user_agent, client.ip.as_deref()))?;
    }
    let (since, times) = seen.unwrap_or((tx.now_micros(), 0));
    tx.prepare_cached(
        "INSERT INTO history (account, id, at, since, times, kind, detail, user_agent, ip)
         SELECT id, coalesce((SELECT max(id) FROM history WHERE account = ?1), 0) + 1,
           ?2, ?3, ?4, ?5, ?6, ?7, ?8
         FROM account WHERE id = ?1",
    )?
    .execute(params![
        account.get(),
        tx.now_micros(),
        since,
        times + 1,
        kind.as_str(),
        detail,
        user_agent,
        client.ip,
    ])?;
    if kind.repeats() {
        tx.prepare_cached(&DROP_REPEATING)?.execute(params![account.get(), REPEATING_ENTRIES])?;
    }
    make_room(tx, account)
}

/// The same for what is done on a browser.
pub(crate) fn note_on_device(
    tx: &WriteTx<'_>,
    account: AccountId,
    kind: HistoryKind,
    detail: &str,
    device: DeviceId,
) -> Result<(), StoreError> {
    let client = tx
        .prepare_cached("SELECT user_agent, ip FROM device WHERE id = ?1")?
        .query_row([device.0], |row| Ok(SessionClient { user_agent: row.get(0)?, ip: row.get(1)? }))
        .optional()?;
    note(tx, account, kind, detail, &client.unwrap_or_default())
}

/// Takes the entry of today out that says the same: when it was first, and how often.
fn take_same(
    tx: &WriteTx<'_>,
    account: AccountId,
    kind: HistoryKind,
    detail: &str,
    (user_agent, ip): (Option<&str>, Option<&str>),
) -> Result<Option<(i64, i64)>, StoreError> {
    let since = tx.now().saturating_sub(FOLD).map_or(i64::MIN, micros);
    Ok(tx
        .prepare_cached(
            "DELETE FROM history WHERE account = ?1 AND kind = ?2 AND detail = ?3
               AND user_agent IS ?4 AND ip IS ?5 AND since > ?6
             RETURNING since, times",
        )?
        .query_row(params![account.get(), kind.as_str(), detail, user_agent, ip, since], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?)
}

/// What programs and guessers can make many of leaves room for the rest.
static DROP_REPEATING: LazyLock<String> = LazyLock::new(|| {
    let repeating = HistoryKind::ALL.into_iter().filter(|kind| kind.repeats());
    let names: Vec<String> = repeating.map(|kind| format!("'{}'", kind.as_str())).collect();
    let these = format!("account = ?1 AND kind IN ({})", names.join(", "));
    format!(
        "DELETE FROM history WHERE {these} AND id <= (
           SELECT id FROM history WHERE {these} ORDER BY id DESC LIMIT 1 OFFSET ?2)"
    )
});

fn make_room(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM history WHERE account = ?1 AND id <= (
           SELECT id FROM history WHERE account = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute(params![account.get(), HISTORY_ENTRIES])?;
    Ok(())
}

/// What is not later than this is over.
fn oldest(now: Timestamp) -> i64 {
    now.saturating_sub(HISTORY_RETENTION).map_or(i64::MIN, micros)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<HistoryEntry>> {
    let name: String = row.get("kind")?;
    let Some(kind) = HistoryKind::ALL.into_iter().find(|kind| kind.as_str() == name) else {
        return Ok(None);
    };
    Ok(Some(HistoryEntry {
        at: instant(row.get("at")?),
        since: instant(row.get("since")?),
        times: row.get("times")?,
        kind,
        detail: row.get("detail")?,
        client: SessionClient { user_agent: row.get("user_agent")?, ip: row.get("ip")? },
    }))
}
