//! People who have asked for an account and wait for the operator's answer.
//!
//! An applicant is no account: no lookup of accounts finds them, nothing is announced, and their DID is not registered.
//! They hold a handle, an e-mail address, and the id that the account will have, so that a session which they open
//! meanwhile goes on as one of the account.

use std::fmt;

use cairn_identity::plc::Operation;
use cairn_model::{Did, Handle};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

use super::columns::{instant, opt_parsed, parsed};
use super::{Account, AccountError, AccountRef, CreateAccountError, NewAccount, NoAccount};
use super::{create, founding, keys};
use crate::{AccountId, Store, StoreError, WriteTx, factors, sessions};

/// Nobody reads a longer list; strangers could fill the disk with it.
const MAX_WAITING: i64 = 10_000;
/// Nobody waits longer for an answer: their handle and their address are free again then.
const MAX_WAIT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Those whose time is over are erased so many at a time.
const ERASED_AT_ONCE: u32 = 100;
/// More than this does not go in one page.
const MAX_PAGE: u32 = 500;
const COLUMNS: &str = "account, did, handle, email, password_hash, genesis, activates, asked_at";

/// One who waits, as they were when they were read.
#[derive(Clone, PartialEq, Eq)]
pub struct Applicant {
    /// Of the account to come.
    pub id: AccountId,
    pub did: Did,
    pub handle: Option<Handle>,
    pub email: Option<String>,
    /// In PHC form.
    pub password_hash: Option<String>,
    /// Registers the DID; none for a DID that is brought along, or hosted here.
    pub genesis: Option<Operation>,
    /// Whether the account is live once it is approved; not one that moves here.
    pub activates: bool,
    pub asked_at: Timestamp,
}

/// Without what must not reach a log.
impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applicant")
            .field("id", &self.id)
            .field("did", &self.did)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Keeps what somebody wants until it is approved or rejected. `genesis` registers the DID then; one that is brought
    /// along, or hosted here, needs none.
    ///
    /// # Errors
    /// As [`Store::create_account`], and when too many wait.
    pub async fn apply_for_account(
        &self,
        new: NewAccount,
        genesis: Option<Operation>,
    ) -> Result<Applicant, CreateAccountError> {
        let master = self.master_key().clone();
        let sealed = keys::seal_account_key(&master, &new.did, &new.signing_key);
        let json = genesis.as_ref().map(serde_json::to_string).transpose();
        let json = json.map_err(|_| StoreError::Damaged { what: "genesis of an applicant" })?;
        self.write_tx(move |tx| {
            create::check(tx, &new)?;
            if count(tx)? >= MAX_WAITING {
                return Err(CreateAccountError::TooManyWait);
            }
            let id = reserve_id(tx, &new.did)?;
            insert(tx, id, &new, &sealed, json.as_deref())?;
            if let Some(first) = &new.passkey {
                factors::insert_first(tx, id, first)?;
            }
            Ok(Applicant {
                id,
                did: new.did.clone(),
                handle: new.handle.clone(),
                email: new.email.clone(),
                password_hash: new.password_hash.clone(),
                genesis: genesis.clone(),
                activates: new.activate,
                asked_at: tx.now(),
            })
        })
        .await
    }

    /// Who waits under this name, if anybody does.
    pub async fn applicant(
        &self,
        name: impl Into<AccountRef>,
    ) -> Result<Option<Applicant>, StoreError> {
        let name = name.into();
        self.read_one(move |tx| find(tx, &name)).await
    }

    /// Who waits, longest first, after `cursor`; an empty page is the last.
    pub async fn applicants(
        &self,
        cursor: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Applicant>, StoreError> {
        let after = cursor.map_or(0, AccountId::get);
        let limit = limit.min(MAX_PAGE);
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM applicant WHERE account > ?1 ORDER BY account LIMIT ?2"
            ))?;
            let rows = statement.query_map((after, limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many have waited as long as this applicant or longer; 1 for who is next.
    pub async fn place_in_queue(&self, applicant: AccountId) -> Result<u64, StoreError> {
        self.read_one(move |tx| {
            let place: i64 = tx
                .prepare_cached("SELECT count(*) FROM applicant WHERE account <= ?1")?
                .query_row([applicant.get()], |row| row.get(0))?;
            u64::try_from(place).map_err(|_| StoreError::Damaged { what: "count" })
        })
        .await
    }

    /// Notes that the DID of an applicant is about to be registered, and returns the applicant, if they still wait.
    pub async fn begin_approval(&self, did: &Did) -> Result<Option<Applicant>, StoreError> {
        let name = AccountRef::Did(did.clone());
        self.write_tx(move |tx| {
            let Some(applicant) = find(tx, &name)? else { return Ok(None) };
            tx.prepare_cached("UPDATE applicant SET registering = 1 WHERE account = ?1")?
                .execute([applicant.id.get()])?;
            Ok(Some(applicant))
        })
        .await
    }

    /// Makes the account that an applicant wants, as [`Store::create_account`] does. One that is not live at once is
    /// deleted at `delete_after` if it never is.
    pub async fn approve_applicant(
        &self,
        did: &Did,
        delete_after: Option<Timestamp>,
    ) -> Result<Account, AccountError> {
        let name = AccountRef::Did(did.clone());
        let master = self.master_key().clone();
        self.write_tx(move |tx| {
            let applicant = find(tx, &name)?.ok_or(NoAccount)?;
            let sealed = sealed_key(tx, applicant.id)?;
            let new = NewAccount {
                did: applicant.did.clone(),
                handle: applicant.handle,
                email: applicant.email,
                password_hash: applicant.password_hash,
                // It is there, under the id that the account gets.
                passkey: None,
                signing_key: keys::unseal_account_key(&master, &applicant.did, &sealed)?,
                activate: applicant.activates,
                delete_after,
                invite_code: None,
            };
            remove(tx, applicant.id)?;
            let (account, _) = create::insert(tx, &new, Some(applicant.id), &master)?;
            Ok(account)
        })
        .await
    }

    /// Erases an applicant with their sessions. Returns whether they still waited.
    ///
    /// A DID that may have been registered is noted as one without an account, so that it is taken back.
    pub async fn reject_applicant(&self, did: &Did) -> Result<bool, StoreError> {
        let name = AccountRef::Did(did.clone());
        self.write_tx(move |tx| {
            let Some(applicant) = find(tx, &name)? else { return Ok(false) };
            erase(tx, &applicant)?;
            Ok(true)
        })
        .await
    }

    /// Erases those who have waited too long for an answer, as [`Store::reject_applicant`] does. Returns how many.
    pub(super) async fn prune_applicants(&self) -> Result<usize, StoreError> {
        let mut erased = 0;
        loop {
            let step = self.write_tx(erase_some).await?;
            erased += step;
            if step == 0 {
                return Ok(erased);
            }
        }
    }
}

fn erase_some(tx: &mut WriteTx<'_>) -> Result<usize, StoreError> {
    let Ok(before) = tx.now().checked_sub(MAX_WAIT) else { return Ok(0) };
    let due: Vec<Applicant> = tx
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM applicant WHERE asked_at < ?1 ORDER BY account LIMIT ?2"
        ))?
        .query_map((before.as_microsecond(), ERASED_AT_ONCE), from_row)?
        .collect::<Result<_, _>>()?;
    for applicant in &due {
        erase(tx, applicant)?;
    }
    Ok(due.len())
}

fn erase(tx: &WriteTx<'_>, applicant: &Applicant) -> Result<(), StoreError> {
    let registering: bool = tx
        .prepare_cached("SELECT registering FROM applicant WHERE account = ?1")?
        .query_row([applicant.id.get()], |row| row.get(0))?;
    if registering && applicant.genesis.is_some() {
        founding::begin(tx, &applicant.did)?;
    }
    remove(tx, applicant.id)?;
    sessions::delete_all(tx, applicant.id, None)?;
    factors::delete_first(tx, applicant.id)?;
    Ok(())
}

/// Whether somebody who waits holds this DID, handle or e-mail address.
pub(super) fn holds(
    conn: &Connection,
    column: &'static str,
    value: &str,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM applicant WHERE {column} = ?1)"))?
        .query_row([value], |row| row.get(0))?)
}

/// Ids of accounts are never given twice, so one that was taken and given back is nobody else's.
fn reserve_id(tx: &WriteTx<'_>, did: &Did) -> Result<AccountId, StoreError> {
    let id = tx
        .prepare_cached("INSERT INTO account (did, created_at) VALUES (?1, ?2)")?
        .insert((did.as_str(), tx.now_micros()))?;
    tx.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([id])?;
    Ok(AccountId::new(id))
}

fn insert(
    tx: &WriteTx<'_>,
    id: AccountId,
    new: &NewAccount,
    sealed_key: &[u8],
    genesis: Option<&str>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO applicant
           (account, did, handle, email, password_hash, sealed_key, genesis, activates, asked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        id.get(),
        new.did.as_str(),
        new.handle.as_ref().map(Handle::as_str),
        &new.email,
        &new.password_hash,
        sealed_key,
        genesis,
        new.activate,
        tx.now_micros(),
    ))?;
    Ok(())
}

fn remove(conn: &Connection, id: AccountId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM applicant WHERE account = ?1")?.execute([id.get()])?;
    Ok(())
}

fn count(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached("SELECT count(*) FROM applicant")?.query_row([], |row| row.get(0))?)
}

fn sealed_key(conn: &Connection, id: AccountId) -> Result<Vec<u8>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT sealed_key FROM applicant WHERE account = ?1")?
        .query_row([id.get()], |row| row.get(0))?)
}

fn find(conn: &Connection, name: &AccountRef) -> Result<Option<Applicant>, StoreError> {
    let (column, value): (&str, &dyn rusqlite::ToSql) = match name {
        AccountRef::Id(id) => ("account", &id.get()),
        AccountRef::Did(did) => ("did", &did.as_str()),
        AccountRef::Handle(handle) => ("handle", &handle.as_str()),
        AccountRef::Email(email) => ("email", email),
    };
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM applicant WHERE {column} = ?1"))?
        .query_row([value], from_row)
        .optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Applicant> {
    let genesis: Option<String> = row.get("genesis")?;
    let genesis = genesis.map(|json| serde_json::from_str(&json)).transpose().map_err(|err| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(err))
    })?;
    Ok(Applicant {
        id: AccountId::new(row.get("account")?),
        did: parsed(row, "did")?,
        handle: opt_parsed(row, "handle")?,
        email: row.get("email")?,
        password_hash: row.get("password_hash")?,
        genesis,
        activates: row.get("activates")?,
        asked_at: instant(row.get("asked_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::{World, did, handle, kinds, new_account};
    use crate::{
        AccountStatus, NewSession, RefreshError, SessionClient, SetEmailError, UpdateHandleError,
    };

    async fn apply(world: &World, name: &str) -> Applicant {
        let new = NewAccount { activate: false, ..new_account(name) };
        world.store.apply_for_account(new, None).await.unwrap()
    }

    #[tokio::test]
    async fn an_applicant_is_no_account_and_holds_their_names() {
        let world = World::new();
        let bob = world.account("bob").await;
        let before = world.head_seq();
        let alice = apply(&world, "alice").await;
        assert_eq!(world.head_seq(), before, "nothing is announced");
        assert!(world.store.account(did("alice")).await.unwrap().is_none());
        assert!(world.store.account(handle("alice")).await.unwrap().is_none());
        for name in [AccountRef::Did(did("alice")), handle("alice").into(), alice.id.into()] {
            assert_eq!(world.store.applicant(name).await.unwrap().unwrap(), alice);
        }

        let again = world.store.create_account(new_account("alice")).await;
        assert!(matches!(again, Err(CreateAccountError::DidTaken)));
        let mut other = new_account("carla");
        other.handle = Some(handle("alice"));
        let taken = world.store.apply_for_account(other.clone(), None).await;
        assert!(matches!(taken, Err(CreateAccountError::HandleTaken)));
        other.handle = Some(handle("carla"));
        other.email = Some("ALICE@example.com".to_owned());
        let taken = world.store.create_account(other).await;
        assert!(matches!(taken, Err(CreateAccountError::EmailTaken)));
        let renamed = world.store.update_handle(bob.id, Some(handle("alice"))).await;
        assert!(matches!(renamed, Err(UpdateHandleError::Taken)));
        let moved = world.store.set_email(bob.id, Some("alice@example.com".to_owned())).await;
        assert!(matches!(moved, Err(SetEmailError::Taken)));
    }

    #[tokio::test]
    async fn an_approved_applicant_goes_on_in_their_session() {
        let world = World::new();
        let first = apply(&world, "alice").await;
        let second = apply(&world, "carla").await;
        assert_eq!(world.store.place_in_queue(first.id).await.unwrap(), 1);
        assert_eq!(world.store.place_in_queue(second.id).await.unwrap(), 2);
        let waiting = world.store.applicants(None, 10).await.unwrap();
        assert_eq!(waiting, [first.clone(), second.clone()]);
        let rest = world.store.applicants(Some(first.id), 10).await.unwrap();
        assert_eq!(rest, std::slice::from_ref(&second));

        let new =
            NewSession { password_hash: first.password_hash.clone(), ..NewSession::default() };
        let session = world.store.create_session(first.id, new).await.unwrap();
        let world = world.reopen().await;
        let account = world.store.approve_applicant(&first.did, None).await.unwrap();
        assert_eq!((account.id, account.status()), (first.id, AccountStatus::Deactivated));
        assert!(world.store.applicant(first.did.clone()).await.unwrap().is_none());
        assert_eq!(world.store.place_in_queue(second.id).await.unwrap(), 1);
        let client = SessionClient::default();
        world.store.refresh_session(session.token_id, client).await.unwrap();
        assert!(world.store.signing_key(&first.did).await.unwrap().is_some());
        let twice = world.store.approve_applicant(&first.did, None).await;
        assert!(matches!(twice, Err(AccountError::NoAccount(_))));
        let next = world.account("dora").await;
        assert!(next.id > second.id, "an id that is held is not given away");
        assert!(world.store.verify(None).await.unwrap().problems.is_empty());
    }

    #[tokio::test]
    async fn approval_of_a_new_did_announces_the_account() {
        let world = World::new();
        let key = cairn_identity::SigningKey::generate(cairn_identity::Curve::K256);
        let mut new = new_account("alice");
        let genesis = cairn_identity::plc::UnsignedOperation::genesis(
            &[key.did_key()],
            &new.signing_key.did_key(),
            &handle("alice"),
            "https://pds.test",
        )
        .sign(&key);
        new.did = genesis.did_of_genesis().unwrap();
        let applicant = world.store.apply_for_account(new, Some(genesis.clone())).await.unwrap();
        let read = world.store.begin_approval(&applicant.did).await.unwrap().unwrap();
        assert_eq!(read.genesis, Some(genesis));
        let account = world.store.approve_applicant(&applicant.did, None).await.unwrap();
        assert!(account.is_active());
        assert_eq!(
            kinds(&world.events_after(0).await),
            ["identity alice.test", "account active", "commit", "sync"]
        );
    }

    #[tokio::test]
    async fn nobody_waits_for_more_than_three_months() {
        let world = World::new();
        let alice = apply(&world, "alice").await;
        world.advance_hours(24);
        let bob = apply(&world, "bob").await;
        world.advance_hours(89 * 24 + 1);
        assert_eq!(world.store.tidy().await.unwrap().applicants, 1);
        assert!(world.store.applicant(alice.id).await.unwrap().is_none());
        assert!(world.store.applicant(bob.id).await.unwrap().is_some());
        world.account("alice").await;
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_rejected_applicant() {
        let world = World::new();
        let alice = apply(&world, "alice").await;
        let session = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
        assert!(world.store.reject_applicant(&alice.did).await.unwrap());
        assert!(!world.store.reject_applicant(&alice.did).await.unwrap());
        let ended = world.store.refresh_session(session.token_id, SessionClient::default()).await;
        assert!(matches!(ended, Err(RefreshError::Revoked)));
        assert!(world.store.foundings(Timestamp::MAX).await.unwrap().is_empty());
        world.account("alice").await;
    }
}
