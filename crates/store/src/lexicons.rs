//! Published lexicons of the network that were fetched and verified: a cache of bounded size that outlives a restart.

use std::time::Duration;

use bytes::Bytes;
use cairn_model::{Did, Nsid};
use jiff::Timestamp;

use crate::accounts::columns::{instant, micros};
use crate::{Store, StoreError};

/// Rows beyond this go, those that were verified longest ago first. Each holds one record.
const MAX_ROWS: i64 = 2_000;

/// What was not verified for this long is of no use any more: OAuth sessions, which live by what they were granted, end
/// sooner.
const MAX_AGE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// A lexicon as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLexicon {
    /// Whose repository has it.
    pub did: Did,
    /// When its proof was verified last.
    pub verified_at: Timestamp,
    /// The record, DAG-CBOR.
    pub record: Bytes,
}

impl Store {
    /// The lexicon that was kept for an NSID.
    pub async fn kept_lexicon(&self, nsid: &Nsid) -> Result<Option<KeptLexicon>, StoreError> {
        let nsid = nsid.clone();
        self.read_one(move |tx| {
            let mut statement =
                tx.prepare_cached("SELECT did, verified_at, record FROM lexicon WHERE nsid = ?1")?;
            let mut rows = statement.query([nsid.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let damaged = || StoreError::Damaged { what: "kept lexicon" };
            Ok(Some(KeptLexicon {
                did: Did::parse(row.get_ref(0)?.as_str().map_err(|_| damaged())?)
                    .map_err(|_| damaged())?,
                verified_at: instant(row.get(1)?),
                record: Bytes::from(row.get::<_, Vec<u8>>(2)?),
            }))
        })
        .await
    }

    /// Keeps a lexicon in the place of the one that was kept for the NSID.
    pub async fn keep_lexicon(&self, nsid: &Nsid, kept: KeptLexicon) -> Result<(), StoreError> {
        let nsid = nsid.clone();
        self.write_tx(move |tx| {
            let at = micros(kept.verified_at);
            tx.prepare_cached(
                "INSERT INTO lexicon (nsid, did, verified_at, record) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (nsid) DO UPDATE SET
                 did = excluded.did, verified_at = excluded.verified_at, record = excluded.record",
            )?
            .execute((nsid.as_str(), kept.did.as_str(), at, kept.record.as_ref()))?;
            tx.prepare_cached(
                "DELETE FROM lexicon WHERE rowid IN
                 (SELECT rowid FROM lexicon ORDER BY verified_at DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([MAX_ROWS])?;
            Ok(())
        })
        .await
    }

    /// Forgets the lexicon of an NSID.
    pub async fn forget_lexicon(&self, nsid: &Nsid) -> Result<(), StoreError> {
        let nsid = nsid.clone();
        self.write_tx(move |tx| {
            tx.prepare_cached("DELETE FROM lexicon WHERE nsid = ?1")?.execute([nsid.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Job: removes lexicons that were not verified for three months. Returns how many.
    pub(crate) async fn prune_lexicons(&self) -> Result<usize, StoreError> {
        self.write_tx(|tx| {
            let age = i64::try_from(MAX_AGE.as_micros()).unwrap_or(i64::MAX);
            let oldest = tx.now_micros().saturating_sub(age);
            Ok(tx
                .prepare_cached("DELETE FROM lexicon WHERE verified_at < ?1")?
                .execute([oldest])?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::World;

    fn kept(world: &World, text: &'static str) -> KeptLexicon {
        KeptLexicon {
            did: Did::parse("did:web:example.com").unwrap(),
            verified_at: world.store.clock().now(),
            record: Bytes::from_static(text.as_bytes()),
        }
    }

    #[tokio::test]
    async fn lexicons_are_kept_over_a_restart_replaced_and_forgotten() {
        let world = World::new();
        let nsid = Nsid::parse("com.example.thing").unwrap();
        assert_eq!(world.store.kept_lexicon(&nsid).await.unwrap(), None);
        world.store.keep_lexicon(&nsid, kept(&world, "one")).await.unwrap();
        let two = kept(&world, "two");
        world.store.keep_lexicon(&nsid, two.clone()).await.unwrap();
        let world = world.reopen().await;
        assert_eq!(world.store.kept_lexicon(&nsid).await.unwrap(), Some(two));
        world.store.forget_lexicon(&nsid).await.unwrap();
        assert_eq!(world.store.kept_lexicon(&nsid).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_old_or_too_many_goes() {
        let world = World::new();
        let nsid = |name: &str| Nsid::parse(&format!("com.example.{name}")).unwrap();
        world.store.keep_lexicon(&nsid("old"), kept(&world, "x")).await.unwrap();
        world.advance_hours(91 * 24);
        world.store.keep_lexicon(&nsid("first"), kept(&world, "x")).await.unwrap();
        assert_eq!(world.store.tidy().await.unwrap().lexicons, 1);
        assert_eq!(world.store.kept_lexicon(&nsid("old")).await.unwrap(), None);
        world.advance_hours(1);
        let mut all = tokio::task::JoinSet::new();
        for n in 0..MAX_ROWS {
            let (store, kept) = (world.store.clone(), kept(&world, "x"));
            let nsid = nsid(&format!("n{n}"));
            all.spawn(async move { store.keep_lexicon(&nsid, kept).await });
        }
        assert!(all.join_all().await.iter().all(Result::is_ok));
        assert_eq!(world.store.kept_lexicon(&nsid("first")).await.unwrap(), None);
        assert!(world.store.kept_lexicon(&nsid("n0")).await.unwrap().is_some());
    }
}
