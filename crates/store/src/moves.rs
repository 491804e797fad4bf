//! Accounts on their way here from another server: how far each has come, and the session at the old server that brings it.
//!
//! The session is sealed, and gone when it is no longer needed or at its time, whichever comes first.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};
use zeroize::Zeroizing;

use crate::accounts::columns::{instant, micros};
use crate::{AccountId, Store, StoreError};

/// How long a session at an old server is kept after the person has signed in there.
pub const MOVE_SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

const PURPOSE: &str = "session at an old server";

/// What a move does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveStep {
    Repository,
    Blobs,
    Preferences,
    /// The identity is to name this server: the owner has to say so.
    Identity,
    Activation,
    /// The old copy is to be deactivated.
    Farewell,
    Done,
}

impl MoveStep {
    /// In their order.
    pub const ALL: [Self; 7] = [
        Self::Repository,
        Self::Blobs,
        Self::Preferences,
        Self::Identity,
        Self::Activation,
        Self::Farewell,
        Self::Done,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Blobs => "blobs",
            Self::Preferences => "preferences",
            Self::Identity => "identity",
            Self::Activation => "activation",
            Self::Farewell => "farewell",
            Self::Done => "done",
        }
    }
}

/// Why a move stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTrouble {
    /// A name for what is to be said.
    pub code: String,
    /// What the other side said, or a number; may be empty.
    pub detail: String,
}

/// One move.
pub struct Move {
    /// The old server, as an origin.
    pub origin: String,
    /// The secret session there, as it was stored.
    pub session: Option<Zeroizing<Vec<u8>>>,
    pub step: MoveStep,
    /// Whether the server works on it, or would but for a restart.
    pub is_running: bool,
    pub trouble: Option<MoveTrouble>,
    pub updated_at: Timestamp,
}

impl Store {
    /// Begins a move, or goes on with one, with a fresh session at the old server. One that is begun `anew` takes every step
    /// again: the account has lived elsewhere since.
    pub async fn begin_move(
        &self,
        account: AccountId,
        origin: String,
        session: Zeroizing<Vec<u8>>,
        anew: bool,
    ) -> Result<(), StoreError> {
        let sealed = self.seal_session(account, &session);
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "INSERT INTO move (account, origin, session, session_until, step, running, updated_at)
                 VALUES (?1, ?2, ?3, ?4, 'repository', 0, ?5)
                 ON CONFLICT (account) DO UPDATE SET origin = excluded.origin,
                   session = excluded.session, session_until = excluded.session_until,
                   step = CASE WHEN ?6 THEN excluded.step ELSE step END,
                   trouble = NULL, detail = '', updated_at = excluded.updated_at",
            )?
            .execute((
                account.get(),
                &origin,
                &sealed,
                session_end(tx.now()),
                tx.now_micros(),
                anew,
            ))?;
            Ok(())
        })
        .await
    }

    /// Replaces the session with the one that the old server gave in exchange for it. Its time stays.
    pub async fn renew_move_session(
        &self,
        account: AccountId,
        session: Zeroizing<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let sealed = self.seal_session(account, &session);
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "UPDATE move SET session = ?2 WHERE account = ?1 AND session IS NOT NULL",
            )?
            .execute((account.get(), &sealed))?;
            Ok(())
        })
        .await
    }

    /// Forgets the session.
    pub async fn end_move_session(&self, account: AccountId) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "UPDATE move SET session = NULL, session_until = NULL WHERE account = ?1",
            )?
            .execute([account.get()])?;
            Ok(())
        })
        .await
    }

    /// Says how far a move is that was at `from`: what is next, whether the server goes on by itself, and what is in the way.
    /// Does nothing if the move has gone on from there meanwhile.
    pub async fn set_move(
        &self,
        account: AccountId,
        from: MoveStep,
        step: MoveStep,
        is_running: bool,
        trouble: Option<MoveTrouble>,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            let (code, detail) = match &trouble {
                Some(trouble) => (Some(trouble.code.as_str()), trouble.detail.as_str()),
                None => (None, ""),
            };
            tx.prepare_cached(
                "UPDATE move SET step = ?2, running = ?3, trouble = ?4, detail = ?5, updated_at = ?6
                 WHERE account = ?1 AND step = ?7",
            )?
            .execute((
                account.get(),
                step.as_str(),
                is_running,
                code,
                detail,
                tx.now_micros(),
                from.as_str(),
            ))?;
            Ok(())
        })
        .await
    }

    /// The move of an account, if there is or was one.
    pub async fn find_move(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        let master = self.master_key().clone();
        self.read_one(move |tx| {
            let Some((mut found, sealed)) = find(tx, account)? else { return Ok(None) };
            if let Some(sealed) = sealed {
                // Under another master key: the person signs in once more.
                found.session = master.open(PURPOSE, &owner(account), &sealed).ok();
            }
            Ok(Some(found))
        })
        .await
    }

    /// The accounts whose moves the server works on.
    pub async fn running_moves(&self) -> Result<Vec<AccountId>, StoreError> {
        self.read_one(|tx| {
            let mut statement =
                tx.prepare_cached("SELECT account FROM move WHERE running ORDER BY account")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            let ids: Vec<i64> = rows.collect::<Result<_, _>>()?;
            Ok(ids.into_iter().map(AccountId::new).collect())
        })
        .await
    }

    /// Job: forgets sessions at their time. Returns how many.
    pub async fn prune_move_sessions(&self) -> Result<usize, StoreError> {
        self.write_tx(|tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE move SET session = NULL, session_until = NULL WHERE session_until <= ?1",
                )?
                .execute([tx.now_micros()])?)
        })
        .await
    }

    fn seal_session(&self, account: AccountId, session: &[u8]) -> Vec<u8> {
        self.master_key().seal(PURPOSE, &owner(account), session)
    }
}

/// A move and its sealed session.
type Stored = (Move, Option<Vec<u8>>);

/// The account's number is never given out again.
fn owner(account: AccountId) -> String {
    account.get().to_string()
}

fn session_end(now: Timestamp) -> i64 {
    now.saturating_add(MOVE_SESSION_LIFETIME).map_or(0, micros)
}

fn find(conn: &Connection, account: AccountId) -> Result<Option<Stored>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT * FROM move WHERE account = ?1")?;
    let found =
        statement.query_row([account.get()], |row| Ok((row.get("session")?, from_row(row)?)));
    let Some((sealed, (found, step))) = found.optional()? else { return Ok(None) };
    let step = MoveStep::ALL.into_iter().find(|known| known.as_str() == step);
    let step = step.ok_or(StoreError::Damaged { what: "step of a move" })?;
    Ok(Some((Move { step, ..found }, sealed)))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Move, String)> {
    let code: Option<String> = row.get("trouble")?;
    let detail: String = row.get("detail")?;
    let found = Move {
        origin: row.get("origin")?,
        session: None,
        step: MoveStep::Repository,
        is_running: row.get("running")?,
        trouble: code.map(|code| MoveTrouble { code, detail }),
        updated_at: instant(row.get("updated_at")?),
    };
    Ok((found, row.get("step")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::World;

    fn secret(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_move_is_kept_over_restarts_and_its_session_ends_in_time() {
        let world = World::new();
        let (alice, bob) = (world.account("alice").await, world.account("bob").await);
        let store = &world.store;
        assert!(store.find_move(alice.id).await.unwrap().is_none());
        store
            .begin_move(alice.id, "https://old.test".to_owned(), secret("one"), false)
            .await
            .unwrap();
        let trouble = MoveTrouble { code: "away".to_owned(), detail: "x".to_owned() };
        let step = MoveStep::Repository;
        store.set_move(alice.id, step, MoveStep::Blobs, true, Some(trouble.clone())).await.unwrap();
        // Somebody else saw the move where it is no more.
        store.set_move(alice.id, step, MoveStep::Done, false, None).await.unwrap();
        store.renew_move_session(alice.id, secret("two")).await.unwrap();

        let world = world.reopen().await;
        let store = &world.store;
        assert_eq!(store.running_moves().await.unwrap(), [alice.id]);
        let found = store.find_move(alice.id).await.unwrap().unwrap();
        assert_eq!((found.step, found.is_running), (MoveStep::Blobs, true));
        assert_eq!(found.trouble, Some(trouble));
        assert_eq!(found.session.unwrap().as_slice(), b"two");

        world.advance_hours(25);
        assert_eq!(store.prune_move_sessions().await.unwrap(), 1);
        assert!(store.find_move(alice.id).await.unwrap().unwrap().session.is_none());
        store.renew_move_session(alice.id, secret("late")).await.unwrap();
        assert!(store.find_move(alice.id).await.unwrap().unwrap().session.is_none());

        // A fresh session goes on where the move was.
        store
            .begin_move(alice.id, "https://old.test".to_owned(), secret("three"), false)
            .await
            .unwrap();
        let found = store.find_move(alice.id).await.unwrap().unwrap();
        assert_eq!((found.step, found.trouble), (MoveStep::Blobs, None));
        store
            .begin_move(alice.id, "https://b.test".to_owned(), secret("anew"), true)
            .await
            .unwrap();
        let found = store.find_move(alice.id).await.unwrap().unwrap();
        assert_eq!((found.step, &*found.origin), (MoveStep::Repository, "https://b.test"));
        store
            .begin_move(bob.id, "https://old.test".to_owned(), secret("four"), false)
            .await
            .unwrap();
        store.delete_account(alice.id).await.unwrap();
        assert!(store.find_move(alice.id).await.unwrap().is_none());
        assert!(store.find_move(bob.id).await.unwrap().is_some());
    }
}
