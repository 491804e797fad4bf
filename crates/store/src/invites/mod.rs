//! Invite codes: who may create an account here.
//!
//! A code is spent in the transaction that creates the account, so two sign-ups cannot share its
//! last use. Operators make codes for whom they like; accounts earn their own with time ([`InviteInterval`]).

mod interval;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::accounts::columns::{instant, micros};
use crate::{Store, StoreError, WriteTx};

pub use interval::InviteInterval;

/// More codes than this are not listed in one page.
const MAX_PAGE: u32 = 500;

/// One invite code and its uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteCode {
    pub code: String,
    /// How often it can be used in all.
    pub available_uses: u32,
    pub disabled: bool,
    /// The DID of its owner, or `admin`.
    pub for_account: String,
    /// The DID of who made it, or `admin`.
    pub created_by: String,
    pub created_at: Timestamp,
    pub uses: Vec<InviteUse>,
}

/// One use of an invite code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteUse {
    /// The DID of the account that was created.
    pub used_by: String,
    pub used_at: Timestamp,
}

/// What invite codes are made from.
#[derive(Clone, Debug)]
pub struct NewInviteCodes {
    /// The server's host name: codes start with it, dots as dashes.
    pub hostname: String,
    /// How many for each account.
    pub count: u32,
    /// How often each can be used.
    pub uses: u32,
    /// DIDs, or `admin`.
    pub for_accounts: Vec<String>,
    /// A DID, or `admin`.
    pub created_by: String,
}

/// The order of a list of invite codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteOrder {
    /// Newest first.
    Recent,
    /// Most used first.
    Usage,
}

/// Where a code stands in such a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitePlace {
    /// Microseconds since 1970, or the number of uses.
    pub rank: i64,
    pub code: String,
}

impl InviteCode {
    /// Its place in a list.
    pub fn place(&self, order: InviteOrder) -> InvitePlace {
        let rank = match order {
            InviteOrder::Recent => micros(self.created_at),
            InviteOrder::Usage => i64::try_from(self.uses.len()).unwrap_or(i64::MAX),
        };
        InvitePlace { rank, code: self.code.clone() }
    }
}

impl Store {
    /// Makes codes of the form `<hostname>-xxxxx-xxxxx`, grouped by owner.
    pub async fn create_invite_codes(
        &self,
        new: NewInviteCodes,
    ) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let codes: Vec<(String, Vec<String>)> = new
            .for_accounts
            .iter()
            .map(|owner| (owner.clone(), (0..new.count).map(|_| code(&new.hostname)).collect()))
            .collect();
        self.write_tx(move |tx| {
            for (owner, codes) in &codes {
                for code in codes {
                    insert(
                        tx,
                        &Row { code, uses: new.uses, disabled: false, owner, by: &new.created_by },
                    )?;
                }
            }
            Ok(codes.clone())
        })
        .await
    }

    /// Whether an account could be created with this code at the moment.
    pub async fn is_invite_usable(&self, code: &str) -> Result<bool, StoreError> {
        let code = code.to_owned();
        self.read(move |tx| is_usable(tx, &code)).await
    }

    /// Disables codes by name and all codes of the given owners. Returns how many that changed.
    pub async fn disable_invite_codes(
        &self,
        codes: Vec<String>,
        owners: Vec<String>,
    ) -> Result<usize, StoreError> {
        self.write_tx(move |tx| {
            let mut changed = 0;
            for (column, values) in [("code", &codes), ("for_account", &owners)] {
                let mut statement = tx.prepare_cached(&format!(
                    "UPDATE invite_code SET disabled = 1 WHERE {column} = ?1 AND disabled = 0"
                ))?;
                for value in values {
                    changed += statement.execute([value])?;
                }
            }
            Ok(changed)
        })
        .await
    }

    /// The codes of one owner, newest first.
    pub async fn invite_codes_of(&self, owner: &str) -> Result<Vec<InviteCode>, StoreError> {
        let owner = owner.to_owned();
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT code FROM invite_code WHERE for_account = ?1
                 ORDER BY created_at DESC, code",
            )?;
            let codes: Vec<String> =
                statement.query_map([owner], |row| row.get(0))?.collect::<Result<_, _>>()?;
            with_uses(tx, &codes)
        })
        .await
    }

    /// All codes in pages, after the place of the last one of the page before.
    pub async fn list_invite_codes(
        &self,
        order: InviteOrder,
        after: Option<InvitePlace>,
        limit: u32,
    ) -> Result<Vec<InviteCode>, StoreError> {
        self.read(move |tx| list(tx, order, after, limit.min(MAX_PAGE))).await
    }

    /// The code that an account was created with.
    pub async fn invite_of(
        &self,
        did: &cairn_model::Did,
    ) -> Result<Option<InviteCode>, StoreError> {
        let did = did.as_str().to_owned();
        self.read(move |tx| {
            let code: Option<String> = tx
                .prepare_cached("SELECT code FROM invite_code_use WHERE used_by = ?1")?
                .query_row([did], |row| row.get(0))
                .optional()?;
            Ok(with_uses(tx, code.as_slice())?.pop())
        })
        .await
    }
}

/// Whether the code exists, is not disabled, has uses left, and its owner is not taken down.
pub(crate) fn is_usable(conn: &Connection, code: &str) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (
               SELECT 1 FROM invite_code AS invite
               LEFT JOIN account AS owner ON owner.did = invite.for_account
               WHERE invite.code = ?1 AND invite.disabled = 0
                 AND owner.takedown_ref IS NULL AND owner.suspended_at IS NULL
                 AND invite.available_uses > (
                   SELECT count(*) FROM invite_code_use AS use WHERE use.code = invite.code))",
        )?
        .query_row([code], |row| row.get(0))?)
}

/// Disables the codes of an owner inside a transaction.
pub(crate) fn disable_of(conn: &Connection, owner: &str) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE invite_code SET disabled = 1 WHERE for_account = ?1")?
        .execute([owner])?;
    Ok(())
}

/// Records that an account was created with this code. The caller has checked [`is_usable`]. Who comes back with the code
/// that they came with before has used it once.
pub(crate) fn record_use(tx: &WriteTx<'_>, code: &str, did: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO invite_code_use (code, used_by, used_at)
         SELECT code, ?2, ?3 FROM invite_code WHERE code = ?1
         ON CONFLICT (code, used_by) DO UPDATE SET used_at = excluded.used_at",
    )?
    .execute((code, did, tx.now_micros()))?;
    Ok(())
}

struct Row<'a> {
    code: &'a str,
    uses: u32,
    disabled: bool,
    owner: &'a str,
    by: &'a str,
}

fn insert(tx: &WriteTx<'_>, new: &Row<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO invite_code
           (code, available_uses, disabled, for_account, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((new.code, new.uses, new.disabled, new.owner, new.by, tx.now_micros()))?;
    Ok(())
}

fn list(
    conn: &Connection,
    order: InviteOrder,
    after: Option<InvitePlace>,
    limit: u32,
) -> Result<Vec<InviteCode>, StoreError> {
    let (rank, code) = after.map(|place| (place.rank, place.code)).unzip();
    let key = match order {
        InviteOrder::Recent => "invite.created_at",
        InviteOrder::Usage => {
            "(SELECT count(*) FROM invite_code_use AS use WHERE use.code = invite.code)"
        }
    };
    let mut statement = conn.prepare_cached(&format!(
        "WITH ranked AS (SELECT code, {key} AS rank FROM invite_code AS invite)
         SELECT code FROM ranked
         WHERE ?1 IS NULL OR (rank, code) < (?1, ?2)
         ORDER BY rank DESC, code DESC LIMIT ?3"
    ))?;
    let codes: Vec<String> =
        statement.query_map((rank, code, limit), |row| row.get(0))?.collect::<Result<_, _>>()?;
    with_uses(conn, &codes)
}

fn with_uses(conn: &Connection, codes: &[String]) -> Result<Vec<InviteCode>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT available_uses, disabled, for_account, created_by, created_at
         FROM invite_code WHERE code = ?1",
    )?;
    let mut uses = conn.prepare_cached(
        "SELECT used_by, used_at FROM invite_code_use WHERE code = ?1 ORDER BY used_at",
    )?;
    let mut found = Vec::with_capacity(codes.len());
    for code in codes {
        let uses = uses
            .query_map([code], |row| {
                Ok(InviteUse { used_by: row.get(0)?, used_at: instant(row.get(1)?) })
            })?
            .collect::<Result<_, _>>()?;
        found.push(statement.query_row([code], |row| {
            Ok(InviteCode {
                code: code.clone(),
                available_uses: row.get(0)?,
                disabled: row.get(1)?,
                for_account: row.get(2)?,
                created_by: row.get(3)?,
                created_at: instant(row.get(4)?),
                uses,
            })
        })?);
    }
    Ok(found)
}

/// 50 random bits: codes are checked online only, and can be disabled.
fn code(hostname: &str) -> String {
    let random = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<7>()).to_ascii_lowercase();
    format!("{}-{}-{}", hostname.replace('.', "-"), &random[..5], &random[5..10])
}
