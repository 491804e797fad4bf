//! Histories against a real store.

use std::time::Duration;

use super::*;
use crate::accounts::testing::{self, World};
use crate::{
    AccountError, AppPasswordRights, ChangedBy, EndSessions, MailPurpose, NewDevice, NewGrant,
    NewOAuthRequest, NewPasskey, NewSession, NewSignIn,
};

const DAY: Duration = Duration::from_secs(86_400);

fn client(agent: &str) -> SessionClient {
    SessionClient { user_agent: Some(agent.to_owned()), ip: Some("192.0.2.1".to_owned()) }
}

async fn told(store: &Store, account: AccountId) -> Vec<(HistoryKind, String)> {
    let entries = store.history(account).await.unwrap();
    entries.into_iter().map(|entry| (entry.kind, entry.detail)).collect()
}

async fn refuse(store: &Store, account: AccountId, agent: &str) {
    store.note_refused_factor(account, Factor::Totp, client(agent)).await.unwrap();
}

fn passkey() -> NewPasskey {
    NewPasskey { name: "Phone".to_owned(), ..testing::passkey(1) }
}

#[tokio::test]
async fn each_act_tells_of_itself() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let (store, id) = (&world.store, alice.id);
    let by = || client("app/1");
    let own = NewSession { client: by(), ..NewSession::default() };
    store.create_session(id, own.clone()).await.unwrap();
    let rights = AppPasswordRights::Standard;
    let (_, made) = store.create_app_password(id, "Bot", rights, by()).await.unwrap();
    store.create_session(id, NewSession { app_password: Some(made), ..own }).await.unwrap();
    assert!(store.revoke_app_password(id, "Bot", by()).await.unwrap());
    assert!(!store.revoke_app_password(id, "Bot", by()).await.unwrap());
    store.add_passkey(id, passkey(), by()).await.unwrap();
    store.replace_recovery_codes(id, by()).await.unwrap();
    assert!(store.remove_passkey(id, vec![1; 16], by()).await.unwrap());
    assert!(!store.remove_passkey(id, vec![1; 16], by()).await.unwrap());
    let device = NewDevice { secret_hash: [1; 32], user_agent: by().user_agent, ip: by().ip };
    let device = store.create_device(device).await.unwrap().id;
    store.start_totp(id, &zeroize::Zeroizing::new(vec![7; 20]), device).await.unwrap();
    let totp = store.totp(id).await.unwrap().unwrap();
    assert!(store.use_totp_step(id, &totp, 1).await.unwrap());
    assert!(store.use_totp_step(id, &totp, 2).await.unwrap());
    assert!(store.remove_totp(id, by()).await.unwrap());
    for wanted in [true, true, false] {
        store.set_email_auth_factor(id, wanted, by()).await.unwrap();
    }
    let (hash, end) = ("$fresh".to_owned(), EndSessions::None);
    let owner = ChangedBy::Owner(by());
    store.set_password_hash(id, hash.clone(), end, owner).await.unwrap();
    let token = world.mail_token(&alice, MailPurpose::ResetPassword).await;
    store.reset_password(&token, hash.clone(), end, by()).await.unwrap();
    let sign_in = NewSignIn {
        device,
        account: id,
        password_hash: Some(hash),
        remember: true,
        factors: vec![Factor::Password, Factor::Totp],
        trust: false,
    };
    store.sign_in_on_device(sign_in).await.unwrap();
    grant(store, id, device).await;
    refuse(store, id, "app/1").await;

    let entries = store.history(id).await.unwrap();
    assert!(entries.iter().all(|entry| entry.client == by()), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.at == world.now() && entry.times == 1));
    assert_eq!(entries[2].factors(), [Factor::Password, Factor::Totp]);
    let told: Vec<_> =
        entries.iter().rev().map(|entry| (entry.kind, entry.detail.as_str())).collect();
    assert_eq!(
        told,
        [
            (HistoryKind::ProgramSignIn, ""),
            (HistoryKind::AppPasswordMade, "Bot"),
            (HistoryKind::AppPasswordSignIn, "Bot"),
            (HistoryKind::AppPasswordRevoked, "Bot"),
            (HistoryKind::PasskeyAdded, "Phone"),
            (HistoryKind::RecoveryCodesRenewed, ""),
            (HistoryKind::PasskeyRemoved, "Phone"),
            (HistoryKind::AuthenticatorAdded, ""),
            (HistoryKind::AuthenticatorRemoved, ""),
            (HistoryKind::MailedCodesOn, ""),
            (HistoryKind::MailedCodesOff, ""),
            (HistoryKind::PasswordChanged, ""),
            (HistoryKind::PasswordReset, ""),
            (HistoryKind::SignIn, "password totp"),
            (HistoryKind::AppConnected, "https://app.example/"),
            (HistoryKind::FactorRefused, "totp"),
        ]
    );
    assert!(store.history(bob.id).await.unwrap().is_empty());
}

/// An app is let in.
async fn grant(store: &Store, account: AccountId, device: DeviceId) {
    let lifetime = Duration::from_secs(300);
    let request = NewOAuthRequest {
        id_hash: [3; 32],
        client_id: "https://app.example/".to_owned(),
        client_auth: "{}".to_owned(),
        parameters: "{}".to_owned(),
        code_challenge: "challenge".to_owned(),
        lifetime,
    };
    store.push_oauth_request(request).await.unwrap();
    store.open_oauth_request([3; 32], device, lifetime).await.unwrap();
    let new = NewGrant {
        account,
        scope: "atproto".to_owned(),
        code_hash: [4; 32],
        lifetime,
        remember: false,
    };
    store.grant_oauth_request([3; 32], device, new).await.unwrap();
}

#[tokio::test]
async fn what_the_operator_does_names_nobody() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    store.set_email_auth_factor(alice.id, true, client("app/1")).await.unwrap();
    assert!(store.remove_second_factors(alice.id).await.unwrap());
    assert!(!store.remove_second_factors(alice.id).await.unwrap());
    let (hash, end) = ("$fresh".to_owned(), EndSessions::All);
    store.set_password_hash(alice.id, hash, end, ChangedBy::Operator).await.unwrap();
    let entries = store.history(alice.id).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [HistoryKind::PasswordSet, HistoryKind::FactorsRemoved, HistoryKind::MailedCodesOn]
    );
    assert_eq!(entries[0].client, SessionClient::default());
    assert_eq!(entries[1].client, SessionClient::default());
}

#[tokio::test]
async fn what_repeats_itself_is_counted_for_a_day() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let first = world.now();
    for _ in 0..3 {
        refuse(store, alice.id, "bot").await;
        refuse(store, alice.id, "browser").await;
        world.clock.advance(DAY / 4);
    }
    let entries = store.history(alice.id).await.unwrap();
    let counted: Vec<_> = entries
        .iter()
        .map(|entry| (entry.client.user_agent.as_deref().unwrap(), entry.times))
        .collect();
    assert_eq!(counted, [("browser", 3), ("bot", 3)]);
    let last = first + DAY / 2;
    assert!(entries.iter().all(|entry| (entry.since, entry.at) == (first, last)));
    // A day after the first, a new entry begins.
    world.clock.advance(DAY / 4);
    refuse(store, alice.id, "bot").await;
    let entries = store.history(alice.id).await.unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!((entries[0].times, entries[0].since), (1, world.now()));
    // What changes something is told each time.
    for _ in 0..2 {
        store.replace_recovery_codes(alice.id, client("browser")).await.unwrap();
    }
    assert_eq!(told(store, alice.id).await.len(), 5);
}

#[tokio::test]
async fn a_history_is_bounded_by_number_and_age() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    refuse(store, bob.id, "bob's").await;
    for number in 0..HISTORY_ENTRIES + 5 {
        store.replace_recovery_codes(alice.id, client(&number.to_string())).await.unwrap();
    }
    let agents = |entries: Vec<HistoryEntry>| -> Vec<String> {
        entries.into_iter().map(|entry| entry.client.user_agent.unwrap()).collect()
    };
    let all = agents(store.history(alice.id).await.unwrap());
    let expected: Vec<_> = (5..HISTORY_ENTRIES + 5).rev().map(|n| n.to_string()).collect();
    assert_eq!(all, expected);

    world.clock.advance(89 * DAY);
    refuse(store, alice.id, "late").await;
    assert_eq!(store.prune_history().await.unwrap(), 0);
    world.clock.advance(DAY);
    assert_eq!(agents(store.history(alice.id).await.unwrap()), ["late"]);
    assert_eq!(store.tidy().await.unwrap().history, 100, "bob's, and 99 of alice's");
    assert!(store.history(bob.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_fails_again_and_again_pushes_out_no_change() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    store.replace_recovery_codes(alice.id, client("browser")).await.unwrap();
    for number in 0..2 * HISTORY_ENTRIES {
        refuse(store, alice.id, &number.to_string()).await;
    }
    let told = told(store, alice.id).await;
    assert_eq!(told.len(), usize::try_from(REPEATING_ENTRIES).unwrap() + 1);
    assert_eq!(told.last().unwrap().0, HistoryKind::RecoveryCodesRenewed);
}

#[tokio::test]
async fn a_history_survives_a_restart_and_goes_with_the_account() {
    let world = World::new();
    let alice = world.account("alice").await;
    refuse(&world.store, alice.id, "browser").await;
    let world = world.reopen().await;
    let store = &world.store;
    assert_eq!(told(store, alice.id).await, [(HistoryKind::FactorRefused, "totp".to_owned())]);
    store.delete_account(alice.id).await.unwrap();
    assert!(told(store, alice.id).await.is_empty());
    // What was under way leaves nothing behind.
    refuse(store, alice.id, "browser").await;
    assert!(told(store, alice.id).await.is_empty());
}

#[tokio::test]
async fn what_is_refused_is_not_told() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let wrong = NewSession { password_hash: Some("$other".to_owned()), ..NewSession::default() };
    assert!(store.create_session(alice.id, wrong).await.is_err());
    let end = EndSessions::None;
    let reset = store.reset_password("AAAAA-AAAAA", "$x".to_owned(), end, client("x")).await;
    assert!(reset.is_err());
    let gone = store.set_email_auth_factor(AccountId::new(99), true, client("x")).await;
    assert!(matches!(gone, Err(AccountError::NoAccount(_))));
    assert!(told(store, alice.id).await.is_empty());
}
