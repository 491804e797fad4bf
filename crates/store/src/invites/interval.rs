//! Codes that accounts earn: one for each interval that they exist, a few at a time.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::{Row, code, insert};
use crate::accounts::columns::micros;
use crate::accounts::find;
use crate::{Account, AccountError, AccountRef, NoAccount, Store, StoreError};

/// An account has at most this many codes of its own that nobody has used yet.
const MAX_OPEN: i64 = 5;

/// How often accounts earn a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteInterval {
    /// How long an account exists for each of its codes; more than nothing.
    pub every: SignedDuration,
    /// Time before this instant earns nothing, and codes made before it do not count.
    pub epoch: Timestamp,
}

impl InviteInterval {
    /// Of an interval and an epoch in milliseconds, the second since 1970; none for an interval of nothing, or what no
    /// clock reaches.
    pub fn from_millis(every: u64, epoch: u64) -> Option<Self> {
        let every = i64::try_from(every).ok().filter(|every| *every > 0)?;
        let epoch = Timestamp::from_millisecond(i64::try_from(epoch).ok()?).ok()?;
        Some(Self { every: SignedDuration::from_millis(every), epoch })
    }
}

impl Store {
    /// How many codes [`Self::earn_invite_codes`] would make.
    pub async fn earned_invite_codes(
        &self,
        account: impl Into<AccountRef>,
        interval: InviteInterval,
    ) -> Result<usize, AccountError> {
        let (name, now) = (account.into(), self.clock().now());
        self.read(move |tx| {
            let account = find(tx, &name)?.ok_or(NoAccount)?;
            Ok::<_, AccountError>(earned(tx, &account, interval, now)?)
        })
        .await
    }

    /// Makes the codes that an account has earned and does not have yet, each good for one use. Codes that the
    /// operator gave away do not count. Accounts that may not invite get theirs disabled. Returns how many.
    ///
    /// Interop: counting and making are one transaction, so two requests at a time make no code too many, where the
    /// reference implementation refuses one of them with `DuplicateCreate`.
    pub async fn earn_invite_codes(
        &self,
        account: impl Into<AccountRef>,
        hostname: &str,
        interval: InviteInterval,
    ) -> Result<usize, AccountError> {
        let name = account.into();
        if self.earned_invite_codes(name.clone(), interval).await? == 0 {
            return Ok(0);
        }
        let hostname = hostname.to_owned();
        self.change_account(name, move |tx, account| {
            let due = earned(tx, account, interval, tx.now())?;
            let did = account.did.as_str();
            for _ in 0..due {
                let code = code(&hostname);
                let disabled = account.invites_disabled;
                insert(tx, &Row { code: &code, uses: 1, disabled, owner: did, by: did })?;
            }
            Ok(due)
        })
        .await
    }
}

/// How many codes the account could have now and has not.
fn earned(
    conn: &Connection,
    account: &Account,
    interval: InviteInterval,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let (made, open): (i64, i64) = conn
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE created_at > ?2),
                    count(*) FILTER (WHERE disabled = 0 AND available_uses > (
                      SELECT count(*) FROM invite_code_use AS use WHERE use.code = invite.code))
             FROM invite_code AS invite WHERE for_account = ?1 AND created_by <> 'admin'",
        )?
        .query_row((account.did.as_str(), micros(interval.epoch)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let could = intervals(account.created_at, now, interval)
        - intervals(account.created_at, interval.epoch, interval);
    let due = (could - made).min(MAX_OPEN - open);
    Ok(usize::try_from(due).unwrap_or(0))
}

/// Whole intervals from one instant to another; none when the other is not later.
fn intervals(from: Timestamp, to: Timestamp, interval: InviteInterval) -> i64 {
    let every = i64::try_from(interval.every.as_micros()).unwrap_or(i64::MAX).max(1);
    micros(to).saturating_sub(micros(from)).max(0) / every
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::World;
    use crate::{InviteCode, NewInviteCodes};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    async fn earn(world: &World, account: &Account, interval: InviteInterval) -> usize {
        world.store.earn_invite_codes(account.id, "pds.test", interval).await.unwrap()
    }

    async fn codes(world: &World, account: &Account) -> Vec<InviteCode> {
        world.store.invite_codes_of(account.did.as_str()).await.unwrap()
    }

    #[tokio::test]
    async fn each_interval_earns_a_code_until_five_are_open() {
        let world = World::new();
        let alice = world.account("alice").await;
        let daily = InviteInterval { every: DAY, epoch: Timestamp::UNIX_EPOCH };
        assert_eq!(earn(&world, &alice, daily).await, 0);
        world.advance_hours(2 * 24 + 1);
        assert_eq!(world.store.earned_invite_codes(alice.id, daily).await.unwrap(), 2);
        assert_eq!(earn(&world, &alice, daily).await, 2);
        assert_eq!(earn(&world, &alice, daily).await, 0);
        world.advance_hours(30 * 24);
        assert_eq!(earn(&world, &alice, daily).await, 3);
        let first = codes(&world, &alice).await.pop().unwrap();
        assert_eq!((first.available_uses, first.disabled), (1, false));
        assert_eq!(first.created_by, alice.did.as_str());

        let mut new = crate::accounts::testing::new_account("bobby");
        new.invite_code = Some(first.code);
        world.store.create_account(new).await.unwrap();
        assert_eq!(earn(&world, &alice, daily).await, 1, "a used code makes room");
    }

    #[tokio::test]
    async fn what_the_operator_gives_does_not_count() {
        let world = World::new();
        let alice = world.account("alice").await;
        let new = NewInviteCodes {
            hostname: "pds.test".to_owned(),
            count: 7,
            uses: 1,
            for_accounts: vec![alice.did.to_string()],
            created_by: "admin".to_owned(),
        };
        world.store.create_invite_codes(new).await.unwrap();
        world.advance_hours(24);
        let daily = InviteInterval { every: DAY, epoch: Timestamp::UNIX_EPOCH };
        assert_eq!(earn(&world, &alice, daily).await, 1);
    }

    #[tokio::test]
    async fn time_and_codes_before_the_epoch_do_not_count() {
        let world = World::new();
        let alice = world.account("alice").await;
        world.advance_hours(10 * 24);
        let always = InviteInterval { every: DAY, epoch: Timestamp::UNIX_EPOCH };
        assert_eq!(earn(&world, &alice, always).await, 5);
        world.store.disable_invite_codes(Vec::new(), vec![alice.did.to_string()]).await.unwrap();
        let later = InviteInterval { every: DAY, epoch: world.now() };
        assert_eq!(earn(&world, &alice, later).await, 0);
        world.advance_hours(24);
        assert_eq!(earn(&world, &alice, later).await, 1);
        let future = InviteInterval { every: DAY, epoch: Timestamp::MAX };
        assert_eq!(earn(&world, &alice, future).await, 0);
    }

    #[tokio::test]
    async fn who_may_not_invite_gets_codes_that_are_disabled() {
        let world = World::new();
        let alice = world.account("alice").await;
        world.store.set_invites_disabled(alice.id, true, None).await.unwrap();
        world.advance_hours(3 * 24);
        let daily = InviteInterval { every: DAY, epoch: Timestamp::UNIX_EPOCH };
        assert_eq!(earn(&world, &alice, daily).await, 3);
        assert!(codes(&world, &alice).await.iter().all(|code| code.disabled));
        let code = codes(&world, &alice).await.pop().unwrap().code;
        assert!(!world.store.is_invite_usable(&code).await.unwrap());
        assert_eq!(earn(&world, &alice, daily).await, 0, "they are counted all the same");
    }
}
