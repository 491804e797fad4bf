//! Browsers that are not asked for the second factor, and what ends that.

use super::*;
use crate::accounts::testing::passkey;
use crate::{Account, ChangedBy, EndSessions, MailPurpose, SessionClient, TRUST_LIFETIME};

/// Signs the account in on a new browser that is trusted from now on.
async fn trusted(store: &Store, account: AccountId) -> DeviceId {
    let secret_hash = cairn_identity::random_bytes();
    let new = NewDevice { secret_hash, user_agent: None, ip: None };
    let device = store.create_device(new).await.unwrap().id;
    let factors = vec![Factor::Password, Factor::Totp];
    store.sign_in_on_device(sign_in(device, account, factors, true)).await.unwrap();
    assert!(store.is_trusted_browser(device, account).await.unwrap());
    device
}

fn sign_in(device: DeviceId, account: AccountId, factors: Vec<Factor>, trust: bool) -> NewSignIn {
    NewSignIn { device, account, password_hash: None, remember: true, factors, trust }
}

async fn trusting(store: &Store, account: AccountId) -> Vec<DeviceId> {
    let found = store.trusted_browsers_of(account).await.unwrap();
    found.into_iter().map(|trusted| trusted.device.id).collect()
}

#[tokio::test]
async fn a_browser_is_trusted_for_thirty_days_from_the_factor_on_with_one_account() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let device = trusted(store, alice.id).await;
    assert!(!store.is_trusted_browser(device, bob.id).await.unwrap());
    let other = browser(store, alice.id).await;
    assert!(!store.is_trusted_browser(other, alice.id).await.unwrap());
    let listed = store.trusted_browsers_of(alice.id).await.unwrap();
    let since = world.now();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].device.id, listed[0].since), (device, since));
    assert_eq!(listed[0].expires_at, since + TRUST_LIFETIME);

    // Using it does not make it longer.
    world.clock.advance(TRUST_LIFETIME - Duration::from_secs(1));
    let leaning = sign_in(device, alice.id, vec![Factor::Password, Factor::TrustedBrowser], false);
    store.sign_in_on_device(leaning.clone()).await.unwrap();
    let [only] = &store.device_accounts(device).await.unwrap()[..] else { panic!("one account") };
    assert_eq!(only.factors, [Factor::Password, Factor::TrustedBrowser]);
    world.clock.advance(Duration::from_secs(1));
    assert!(!store.is_trusted_browser(device, alice.id).await.unwrap());
    assert!(store.trusted_browsers_of(alice.id).await.unwrap().is_empty());
    let refused = store.sign_in_on_device(leaning).await;
    assert!(matches!(refused, Err(SignInError::CredentialGone)));
    assert_eq!(store.prune_oauth().await.unwrap().trusted_browsers, 1);
}

#[tokio::test]
async fn a_trusted_browser_is_remembered_after_its_owner_signs_out_there() {
    let world = World::new();
    let alice = world.account("alice").await;
    let world = {
        let device = trusted(&world.store, alice.id).await;
        assert!(world.store.sign_out_of_device(device, alice.id).await.unwrap());
        world.advance_hours(1);
        let listed = world.store.trusted_browsers_of(alice.id).await.unwrap();
        world.store.touch_device(&listed[0].device, None, None).await.unwrap();
        world.advance_hours(29 * 24);
        world.store.tidy().await.unwrap();
        world.reopen().await
    };
    assert_eq!(trusting(&world.store, alice.id).await.len(), 1);
    let device = world.store.trusted_browsers_of(alice.id).await.unwrap()[0].device.id;
    assert!(world.store.forget_device(device).await.unwrap());
    assert!(!world.store.is_trusted_browser(device, alice.id).await.unwrap());
}

#[tokio::test]
async fn the_owner_ends_trust_in_one_browser_in_the_others_or_in_all() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let (one, two) = (trusted(store, alice.id).await, trusted(store, alice.id).await);
    let bobs = trusted(store, bob.id).await;
    assert!(store.end_trust_in_browser(one, alice.id).await.unwrap());
    assert!(!store.end_trust_in_browser(one, alice.id).await.unwrap());
    assert!(!store.end_trust_in_browser(bobs, alice.id).await.unwrap());
    assert_eq!(trusting(store, alice.id).await, [two]);
    assert_eq!(store.device_accounts(one).await.unwrap().len(), 1, "it stays signed in");
    store.end_trust_in_browsers(alice.id).await.unwrap();
    assert!(trusting(store, alice.id).await.is_empty());

    let (one, two) = (trusted(store, alice.id).await, trusted(store, alice.id).await);
    store.shut_out_device(one, alice.id).await.unwrap();
    assert!(store.device_accounts(one).await.unwrap().is_empty());
    assert_eq!(trusting(store, alice.id).await, [two]);
    let three = trusted(store, alice.id).await;
    store.sign_out_of_other_devices(alice.id, three).await.unwrap();
    assert_eq!(trusting(store, alice.id).await, [three]);
    store.sign_out_everywhere(alice.id).await.unwrap();
    assert!(trusting(store, alice.id).await.is_empty());
    assert_eq!(trusting(store, bob.id).await, [bobs], "another account's is left alone");
}

#[tokio::test]
async fn no_account_trusts_more_than_fifty_browsers() {
    let world = World::new();
    let alice = world.account("alice").await;
    let first = trusted(&world.store, alice.id).await;
    for _ in 0..50 {
        world.clock.advance(Duration::from_secs(1));
        trusted(&world.store, alice.id).await;
    }
    let listed = trusting(&world.store, alice.id).await;
    assert_eq!(listed.len(), 50);
    assert!(!listed.contains(&first));
}

/// What ends trust in all browsers.
#[derive(Clone, Copy, Debug)]
enum Change {
    Password,
    Reset,
    PasskeyAdded,
    PasskeyRemoved,
    AppConfirmed,
    AppRemoved,
    MailedCodes,
    NewAddress,
    ConfirmedAddress,
    FactorsRemoved,
    Takedown,
    Deletion,
}

impl Change {
    async fn happen(self, world: &World, account: &Account) {
        let (store, id) = (&world.store, account.id);
        match self {
            Self::Password => {
                let end = EndSessions::None;
                store
                    .set_password_hash(id, "$fresh".to_owned(), end, ChangedBy::Operator)
                    .await
                    .unwrap();
            }
            Self::Reset => {
                let token = world.mail_token(account, MailPurpose::ResetPassword).await;
                let hash = "$fresh".to_owned();
                store
                    .reset_password(&token, hash, EndSessions::None, SessionClient::default())
                    .await
                    .unwrap();
            }
            Self::PasskeyAdded => {
                store.add_passkey(id, passkey(2), SessionClient::default()).await.unwrap()
            }
            Self::PasskeyRemoved => {
                assert!(
                    store.remove_passkey(id, vec![1; 16], SessionClient::default()).await.unwrap()
                )
            }
            Self::AppConfirmed => confirm_app(store, id, 1).await,
            Self::AppRemoved => {
                assert!(store.remove_totp(id, SessionClient::default()).await.unwrap())
            }
            Self::MailedCodes => {
                store.set_email_auth_factor(id, true, SessionClient::default()).await.unwrap()
            }
            Self::NewAddress => store.set_email(id, Some("new@mail.test".into())).await.unwrap(),
            Self::ConfirmedAddress => world.confirm_email(id).await,
            Self::FactorsRemoved => assert!(store.remove_second_factors(id).await.unwrap()),
            Self::Takedown => store.takedown(id, None).await.unwrap(),
            Self::Deletion => store.delete_account(id).await.unwrap(),
        }
    }
}

/// Sets an authenticator app up, if there is none, and uses the code of a step.
async fn confirm_app(store: &Store, account: AccountId, step: i64) {
    let secret = zeroize::Zeroizing::new(vec![7; 20]);
    store.start_totp(account, &secret, DeviceId([9; 16])).await.unwrap();
    let totp = store.totp(account).await.unwrap().unwrap();
    assert!(store.use_totp_step(account, &totp, step).await.unwrap());
}

#[tokio::test]
async fn whatever_changes_what_the_account_asks_for_ends_trust() {
    for change in [
        Change::Password,
        Change::Reset,
        Change::PasskeyAdded,
        Change::PasskeyRemoved,
        Change::AppConfirmed,
        Change::AppRemoved,
        Change::MailedCodes,
        Change::NewAddress,
        Change::ConfirmedAddress,
        Change::FactorsRemoved,
        Change::Takedown,
        Change::Deletion,
    ] {
        let world = World::new();
        let (alice, bob) = (world.account("alice").await, world.account("bob").await);
        let store = &world.store;
        store.add_passkey(alice.id, passkey(1), SessionClient::default()).await.unwrap();
        if matches!(change, Change::AppRemoved) {
            confirm_app(store, alice.id, 1).await;
        }
        let (here, bobs) = (trusted(store, alice.id).await, trusted(store, bob.id).await);
        change.happen(&world, &alice).await;
        assert!(!store.is_trusted_browser(here, alice.id).await.unwrap(), "{change:?}");
        assert!(store.is_trusted_browser(bobs, bob.id).await.unwrap(), "{change:?}");
    }
}

#[tokio::test]
async fn what_changes_nothing_ends_no_trust() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    confirm_app(store, alice.id, 1).await;
    let here = trusted(store, alice.id).await;
    confirm_app(store, alice.id, 2).await;
    assert!(!store.remove_passkey(alice.id, vec![1; 16], SessionClient::default()).await.unwrap());
    store.set_email_auth_factor(alice.id, false, SessionClient::default()).await.unwrap();
    store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();
    assert!(store.is_trusted_browser(here, alice.id).await.unwrap());
}
