//! Second factors and the operator's log against a real store.

use zeroize::Zeroizing;

use super::*;
use crate::accounts::testing::{World, new_account, passkey};
use crate::{
    Act, CreateAccountError, DeviceId, EndSessions, MailPurpose, NewAccount, NewAct, NewSession,
    RemovePasswordError, SessionClient,
};

const DEVICE: DeviceId = DeviceId([1; 16]);

#[tokio::test]
async fn a_one_time_code_is_confirmed_by_its_first_use_and_used_once() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let secret = |byte: u8| Zeroizing::new(vec![byte; 20]);
    assert!(store.start_totp(alice.id, &secret(1), DEVICE).await.unwrap());
    assert!(store.start_totp(alice.id, &secret(2), DEVICE).await.unwrap());
    let totp = store.totp(alice.id).await.unwrap().unwrap();
    assert_eq!((&totp.secret, totp.confirmed_at), (&secret(2), None));
    assert_eq!(totp.begun_by, Some(DEVICE));
    assert!(!store.second_factors(alice.id).await.unwrap().are_needed());

    // A code of the secret before does not confirm this one.
    store.start_totp(alice.id, &secret(2), DEVICE).await.unwrap();
    assert!(!store.use_totp_step(alice.id, &totp, 100).await.unwrap());
    let totp = store.totp(alice.id).await.unwrap().unwrap();
    assert!(store.use_totp_step(alice.id, &totp, 100).await.unwrap());
    assert!(store.second_factors(alice.id).await.unwrap().totp);
    assert!(!store.start_totp(alice.id, &secret(3), DEVICE).await.unwrap());
    for used in [99, 100] {
        assert!(!store.use_totp_step(alice.id, &totp, used).await.unwrap());
    }
    assert!(store.use_totp_step(alice.id, &totp, 101).await.unwrap());
    assert!(store.remove_totp(alice.id, SessionClient::default()).await.unwrap());
    assert!(!store.use_totp_step(alice.id, &totp, 102).await.unwrap());
    assert!(store.totp(alice.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_passkey_belongs_to_one_account_and_its_counter_goes_up() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let id = vec![7; 16];
    let new = NewPasskey {
        credential_id: id.clone(),
        public_key: vec![1, 2, 3],
        sign_count: 0,
        name: "telephone".to_owned(),
        transports: vec!["internal".to_owned(), "hybrid".to_owned()],
        backup_eligible: true,
        backed_up: false,
        uv_initialized: false,
        discoverable: false,
    };
    store.add_passkey(alice.id, new.clone(), SessionClient::default()).await.unwrap();
    let known = store.add_passkey(bob.id, new.clone(), SessionClient::default()).await;
    assert!(matches!(known, Err(AddPasskeyError::Known)));
    let found = store.passkey_by_credential(id.clone()).await.unwrap().unwrap();
    assert_eq!((found.account, &found.transports), (alice.id, &new.transports));
    assert_eq!(store.passkeys(alice.id).await.unwrap(), [found]);
    assert!(store.second_factors(alice.id).await.unwrap().are_needed());

    // Passkeys that do not count always say zero.
    let used = |sign_count, initializes_uv| PasskeyUse {
        sign_count,
        backed_up: true,
        initializes_uv,
        discovered: false,
    };
    assert!(!store.passkeys(alice.id).await.unwrap()[0].uv_initialized);
    for (count, accepted) in [(0, true), (0, true), (5, true), (5, false), (4, false), (6, true)] {
        let used = store.use_passkey(id.clone(), used(count, count == 5)).await.unwrap();
        assert_eq!(used, accepted, "{count}");
    }
    assert!(!store.rename_passkey(bob.id, id.clone(), "mine").await.unwrap());
    assert!(store.rename_passkey(alice.id, id.clone(), "phone").await.unwrap());
    let found = store.passkey_by_credential(id.clone()).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.sign_count), ("phone", 6));
    assert_eq!((found.backed_up, found.last_used_at), (true, Some(world.now())));
    // It has checked its owner once, and need not every time.
    assert!(found.uv_initialized);
    assert!(!store.remove_passkey(bob.id, id.clone(), SessionClient::default()).await.unwrap());
    assert!(store.remove_passkey(alice.id, id.clone(), SessionClient::default()).await.unwrap());
    assert!(!store.use_passkey(id, used(7, true)).await.unwrap());
}

#[tokio::test]
async fn a_recovery_code_works_once_for_its_account() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let void = store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();
    let codes = store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(store.second_factors(alice.id).await.unwrap().recovery_codes, 10);
    assert!(!store.second_factors(alice.id).await.unwrap().are_needed());
    let (code, replaced) = (codes.first().unwrap(), void.first().unwrap());
    assert!(!store.use_recovery_code(alice.id, replaced).await.unwrap());
    assert!(!store.use_recovery_code(bob.id, code).await.unwrap());
    let typed = format!(" {}", code.to_uppercase().replace('-', ""));
    assert!(store.use_recovery_code(alice.id, &typed).await.unwrap());
    assert!(!store.use_recovery_code(alice.id, code).await.unwrap());
    assert!(!store.use_recovery_code(alice.id, "short").await.unwrap());
    assert_eq!(store.second_factors(alice.id).await.unwrap().recovery_codes, 9);
}

#[tokio::test]
async fn recovery_codes_go_with_the_last_factor_and_everything_with_one_act() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let totp = async || {
        store.start_totp(alice.id, &Zeroizing::new(vec![1; 20]), DEVICE).await.unwrap();
        let totp = store.totp(alice.id).await.unwrap().unwrap();
        assert!(store.use_totp_step(alice.id, &totp, 100).await.unwrap());
    };
    let passkey = async || {
        let new = NewPasskey {
            credential_id: vec![7; 16],
            public_key: vec![1],
            sign_count: 0,
            name: "key".to_owned(),
            transports: Vec::new(),
            backup_eligible: false,
            backed_up: false,
            uv_initialized: false,
            discoverable: false,
        };
        store.add_passkey(alice.id, new, SessionClient::default()).await.unwrap();
        store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();
    };
    let codes = async || store.second_factors(alice.id).await.unwrap().recovery_codes;
    totp().await;
    passkey().await;
    assert!(store.remove_totp(alice.id, SessionClient::default()).await.unwrap());
    assert_eq!(codes().await, 10);
    assert!(store.remove_passkey(alice.id, vec![7; 16], SessionClient::default()).await.unwrap());
    assert_eq!(store.second_factors(alice.id).await.unwrap(), SecondFactors::default());

    assert!(!store.remove_second_factors(alice.id).await.unwrap());
    totp().await;
    passkey().await;
    store.set_email_auth_factor(alice.id, true, SessionClient::default()).await.unwrap();
    assert!(store.remove_second_factors(alice.id).await.unwrap());
    assert_eq!(store.second_factors(alice.id).await.unwrap(), SecondFactors::default());
    let account = store.account(crate::AccountRef::Id(alice.id)).await.unwrap().unwrap();
    assert!(!account.email_auth_factor);
    let bob = world.account("bob").await;
    assert_ne!(
        store.passkey_user(alice.id).await.unwrap(),
        store.passkey_user(bob.id).await.unwrap()
    );
}

#[tokio::test]
async fn the_log_is_read_from_its_newest_entry_and_goes_after_a_year() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    for (number, subject) in [&alice, &bob, &alice].into_iter().enumerate() {
        let act = NewAct {
            actor: "admin".to_owned(),
            action: "takedown".to_owned(),
            subject: subject.did.to_string(),
            detail: format!(r#"{{"number":{number}}}"#),
        };
        store.record_act(act).await.unwrap();
    }
    let details = |acts: &[Act]| acts.iter().map(|act| act.detail.clone()).collect::<Vec<_>>();
    let page = store.acts(None, 2).await.unwrap();
    assert_eq!(details(&page), [r#"{"number":2}"#, r#"{"number":1}"#]);
    let rest = store.acts(page.last().map(|act| act.id), 2).await.unwrap();
    assert_eq!(details(&rest), [r#"{"number":0}"#]);
    let on_alice = store.acts_on(&alice.did, None, 10).await.unwrap();
    assert_eq!(details(&on_alice), [r#"{"number":2}"#, r#"{"number":0}"#]);
    store.delete_account(alice.id).await.unwrap();
    assert_eq!(store.acts_on(&alice.did, None, 10).await.unwrap(), on_alice);
    world.advance_hours(366 * 24);
    assert_eq!(store.tidy().await.unwrap().acts, 3);
    assert_eq!(store.acts(None, 10).await.unwrap(), []);
}

fn is_used(discovered: bool, initializes_uv: bool) -> PasskeyUse {
    PasskeyUse { sign_count: 0, backed_up: false, initializes_uv, discovered }
}

#[tokio::test]
async fn a_password_goes_only_where_its_owner_gets_in_without_it() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let refused = store.remove_password(alice.id, SessionClient::default()).await;
    assert!(matches!(refused, Err(RemovePasswordError::NoPasskey)));
    // One that must be told of, and that has never checked its owner.
    let bare = NewPasskey { uv_initialized: false, discoverable: false, ..passkey(1) };
    store.add_passkey(alice.id, bare, SessionClient::default()).await.unwrap();
    for used in [is_used(false, true), is_used(true, false)] {
        let refused = store.remove_password(alice.id, SessionClient::default()).await;
        assert!(matches!(refused, Err(RemovePasswordError::NoPasskey)));
        assert!(store.use_passkey(vec![1; 16], used).await.unwrap());
    }
    assert!(store.passkeys(alice.id).await.unwrap()[0].opens_alone());
    let refused = store.remove_password(alice.id, SessionClient::default()).await;
    assert!(matches!(refused, Err(RemovePasswordError::EmailUnconfirmed)));
    let token = store
        .create_mail_token(alice.id, "alice@example.com", MailPurpose::ConfirmEmail)
        .await
        .unwrap()
        .unwrap();
    store.confirm_email_by_token(alice.id, &token).await.unwrap();
    let refused = store.remove_password(alice.id, SessionClient::default()).await;
    assert!(matches!(refused, Err(RemovePasswordError::NoOtherFactor)));
    store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();

    let new = NewSession { password_hash: alice.password_hash.clone(), ..NewSession::default() };
    let open = store.create_session(alice.id, new.clone()).await.unwrap();
    let (app_password, _) = store
        .create_app_password(
            alice.id,
            "phone",
            crate::AppPasswordRights::Standard,
            SessionClient::default(),
        )
        .await
        .unwrap();
    let mailed = store
        .create_mail_token(alice.id, "alice@example.com", MailPurpose::ResetPassword)
        .await
        .unwrap()
        .unwrap();
    store.remove_password(alice.id, SessionClient::default()).await.unwrap();
    let world = world.reopen().await;
    let store = &world.store;
    assert_eq!(store.account(alice.id).await.unwrap().unwrap().password_hash, None);
    // What was open goes on; what was checked against the password before does not slip in.
    store.refresh_session(open.token_id, SessionClient::default()).await.unwrap();
    assert!(store.check_app_password(alice.id, &app_password).await.unwrap().is_some());
    assert!(store.create_session(alice.id, new).await.is_err());
    let reset = store
        .reset_password(&mailed, "$late".to_owned(), EndSessions::All, SessionClient::default())
        .await;
    assert!(reset.is_err());
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let world = World::new();
    let new = NewAccount { password_hash: None, ..new_account("alice") };
    let alice = world.store.create_account(new).await.unwrap().0;
    let store = &world.store;
    store.add_passkey(alice.id, passkey(1), SessionClient::default()).await.unwrap();
    let bare = NewPasskey { uv_initialized: false, ..passkey(2) };
    store.add_passkey(alice.id, bare, SessionClient::default()).await.unwrap();
    let last = store.remove_passkey(alice.id, vec![1; 16], SessionClient::default()).await;
    assert!(matches!(last, Err(RemovePasskeyError::LastWayIn)));
    assert_eq!(store.passkeys(alice.id).await.unwrap().len(), 2);
    // What opens nothing may go.
    assert!(store.remove_passkey(alice.id, vec![2; 16], SessionClient::default()).await.unwrap());
    store.add_passkey(alice.id, passkey(3), SessionClient::default()).await.unwrap();
    assert!(store.remove_passkey(alice.id, vec![1; 16], SessionClient::default()).await.unwrap());
    assert!(store.remove_passkey(alice.id, vec![3; 16], SessionClient::default()).await.is_err());
    store
        .set_password_hash(
            alice.id,
            "$new".to_owned(),
            EndSessions::None,
            crate::ChangedBy::Operator,
        )
        .await
        .unwrap();
    assert!(store.remove_passkey(alice.id, vec![3; 16], SessionClient::default()).await.unwrap());
}

#[tokio::test]
async fn an_account_comes_to_be_with_its_passkey_or_not_at_all() {
    let world = World::new();
    let first = |byte| FirstPasskey { passkey: passkey(byte), user_handle: vec![9; 32] };
    let new = |name: &str, byte| NewAccount {
        password_hash: None,
        passkey: Some(first(byte)),
        ..new_account(name)
    };
    let alice = world.store.create_account(new("alice", 1)).await.unwrap().0;
    let again = world.store.create_account(new("bob", 1)).await;
    assert!(matches!(again, Err(CreateAccountError::PasskeyKnown)));
    assert!(world.store.account(crate::accounts::testing::did("bob")).await.unwrap().is_none());
    let world = world.reopen().await;
    let store = &world.store;
    let found = store.passkey_by_credential(vec![1; 16]).await.unwrap().unwrap();
    assert!(found.account == alice.id && found.opens_alone());
    assert_eq!(store.passkey_user(alice.id).await.unwrap(), vec![9; 32]);

    // Who waits for approval has it under the id that the account gets.
    let waiting = store.apply_for_account(new("carla", 2), None).await.unwrap();
    let again = store.apply_for_account(new("dora", 2), None).await;
    assert!(matches!(again, Err(CreateAccountError::PasskeyKnown)));
    let carla = store.approve_applicant(&waiting.did, None).await.unwrap();
    assert_eq!(store.passkeys(carla.id).await.unwrap().len(), 1);
    assert_eq!(store.passkey_user(carla.id).await.unwrap(), vec![9; 32]);
    let waiting = store.apply_for_account(new("erin", 3), None).await.unwrap();
    assert!(store.reject_applicant(&waiting.did).await.unwrap());
    assert!(store.passkey_by_credential(vec![3; 16]).await.unwrap().is_none());
    store.delete_account(carla.id).await.unwrap();
    assert!(store.passkey_by_credential(vec![2; 16]).await.unwrap().is_none());
    assert_ne!(store.passkey_user(carla.id).await.unwrap(), vec![9; 32]);
}
