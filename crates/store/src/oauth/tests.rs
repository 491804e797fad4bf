//! Browsers, requests and sessions against a real store with a clock that stands.

mod ends;
mod trust;

use std::time::Duration;

use super::*;
use crate::accounts::testing::World;
use crate::{AccountId, Factor, Store, TokenId};

const MINUTES_5: Duration = Duration::from_secs(5 * 60);
const MINUTES_30: Duration = Duration::from_secs(30 * 60);
const DAYS_14: Duration = Duration::from_secs(14 * 24 * 3600);
const LIFETIMES: OAuthLifetimes =
    OAuthLifetimes { session: DAYS_14, access: MINUTES_30, refresh: Some(DAYS_14) };

fn request(number: u8) -> NewOAuthRequest {
    NewOAuthRequest {
        id_hash: [number; 32],
        client_id: "https://app.example/client.json".to_owned(),
        client_auth: r#"{"method":"none"}"#.to_owned(),
        parameters: format!(r#"{{"state":"{number}"}}"#),
        code_challenge: format!("challenge {number}"),
        lifetime: MINUTES_5,
    }
}

fn consent(account: AccountId, number: u8) -> NewGrant {
    NewGrant {
        account,
        scope: "atproto include:example.set".to_owned(),
        code_hash: [number; 32],
        lifetime: MINUTES_5,
        remember: true,
    }
}

fn new_session(lifetimes: OAuthLifetimes) -> NewOAuthSession {
    NewOAuthSession {
        client_auth: r#"{"method":"none"}"#.to_owned(),
        granted: "atproto repo:example.post".to_owned(),
        jkt: "thumbprint".to_owned(),
        lifetimes,
    }
}

fn refresh(token: TokenId) -> RefreshOAuthSession {
    let granted = "atproto repo:example.note".to_owned();
    RefreshOAuthSession { token, granted, access: MINUTES_30, refresh: DAYS_14 }
}

async fn browser(store: &Store, account: AccountId) -> DeviceId {
    let secret_hash = cairn_identity::random_bytes();
    let new = NewDevice { secret_hash, user_agent: None, ip: None };
    let device = store.create_device(new).await.unwrap();
    let sign_in = NewSignIn {
        device: device.id,
        account,
        password_hash: None,
        remember: true,
        factors: vec![Factor::Password],
        trust: false,
    };
    store.sign_in_on_device(sign_in).await.unwrap();
    device.id
}

/// A code that was granted and waits for its use.
async fn code(store: &Store, account: AccountId, number: u8) -> SecretHash {
    let device = browser(store, account).await;
    store.push_oauth_request(request(number)).await.unwrap();
    store.open_oauth_request([number; 32], device, MINUTES_5).await.unwrap();
    let grant = consent(account, number);
    store.grant_oauth_request([number; 32], device, grant).await.unwrap();
    [number; 32]
}

async fn session(store: &Store, account: AccountId, number: u8) -> IssuedOAuth {
    let code = code(store, account, number).await;
    store.create_oauth_session(code, new_session(LIFETIMES)).await.unwrap()
}

/// A session as it was issued and as it was renewed.
async fn renewed(store: &Store, account: AccountId) -> (IssuedOAuth, IssuedOAuth) {
    let first = session(store, account, 1).await;
    let second = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    (first, second)
}

fn token(issued: &IssuedOAuth) -> TokenId {
    issued.tokens.refresh.unwrap()
}

async fn is_live(store: &Store, issued: &IssuedOAuth) -> bool {
    store.oauth_access(&issued.tokens.access).await.unwrap().is_some()
}

/// As a method does, once token and proof are found good.
async fn use_once(store: &Store, issued: &IssuedOAuth) {
    let secret = &issued.tokens.access;
    let access = store.oauth_access(secret).await.unwrap().unwrap();
    store.note_oauth_access(secret, &access).await.unwrap();
}

#[tokio::test]
async fn what_is_shown_later_counts_for_the_same_sign_in() {
    let world = World::new();
    let alice = world.account("alice").await;
    let device = browser(&world.store, alice.id).await;
    let then = world.now();
    world.advance_hours(1);
    for _ in 0..2 {
        world.store.add_shown_factor(device, alice.id, Factor::Totp).await.unwrap();
    }
    let found = world.store.device_accounts(device).await.unwrap();
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(only.factors, [Factor::Password, Factor::Totp]);
    assert_eq!(only.signed_in_at, then);
}

#[tokio::test]
async fn a_cookie_before_the_present_one_is_good_for_a_minute() {
    let world = World::new();
    let store = &world.store;
    let new = NewDevice { secret_hash: [1; 32], user_agent: None, ip: Some("::1".to_owned()) };
    let device = store.create_device(new).await.unwrap();
    assert!(device.is_current);
    assert!(store.rotate_device_secret(device.id, [2; 32]).await.unwrap());
    let current = store.device_by_secret([2; 32]).await.unwrap().unwrap();
    assert_eq!(current, device);
    let previous = store.device_by_secret([1; 32]).await.unwrap().unwrap();
    assert_eq!(previous, Device { is_current: false, ..device.clone() });
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(store.device_by_secret([1; 32]).await.unwrap(), None);
    assert!(store.forget_device(device.id).await.unwrap());
    assert!(!store.rotate_device_secret(device.id, [3; 32]).await.unwrap());
    assert_eq!(store.device_by_secret([2; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn a_browser_is_forgotten_a_day_after_its_last_visit_unless_someone_is_signed_in() {
    let world = World::new();
    let store = &world.store;
    let alice = world.account("alice").await;
    let signed_in = browser(store, alice.id).await;
    for number in [1, 2] {
        let new = NewDevice { secret_hash: [number; 32], user_agent: None, ip: None };
        store.create_device(new).await.unwrap();
    }
    world.advance_hours(12);
    let visitor = store.device_by_secret([1; 32]).await.unwrap().unwrap();
    store.touch_device(&visitor, Some(&"é".repeat(300)), Some("::1")).await.unwrap();
    let visitor = store.device_by_secret([1; 32]).await.unwrap().unwrap();
    assert_eq!(visitor.user_agent, Some("é".repeat(256)));
    assert_eq!(visitor.last_seen_at, world.now());
    world.advance_hours(12);
    let tidied = store.tidy().await.unwrap();
    assert_eq!(tidied.oauth, TidiedOAuth { devices: 1, ..TidiedOAuth::default() });
    assert!(store.device_by_secret([1; 32]).await.unwrap().is_some());
    assert_eq!(store.device_by_secret([2; 32]).await.unwrap(), None);
    world.advance_hours(399 * 24);
    let tidied = store.tidy().await.unwrap();
    assert_eq!(tidied.oauth, TidiedOAuth { devices: 2, sign_ins: 1, ..TidiedOAuth::default() });
    assert!(store.device_accounts(signed_in).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sign_in_that_is_not_remembered_lasts_an_hour() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let device = browser(store, alice.id).await;
    let factors = vec![Factor::Password, Factor::Totp];
    let short = NewSignIn {
        device,
        account: bob.id,
        password_hash: Some("$argon2id$x".to_owned()),
        remember: false,
        factors: factors.clone(),
        trust: false,
    };
    world.clock.advance(Duration::from_secs(1));
    store.sign_in_on_device(short.clone()).await.unwrap();
    let accounts = store.device_accounts(device).await.unwrap();
    let bobs =
        DeviceAccount { account: bob.id, signed_in_at: world.now(), remembered: false, factors };
    assert_eq!(accounts.first(), Some(&bobs));
    assert_eq!(accounts.len(), 2);
    let devices = store.devices_of(bob.id).await.unwrap();
    assert_eq!(devices.iter().map(|entry| entry.device.id).collect::<Vec<_>>(), [device]);
    assert_eq!(devices.first().map(|entry| &entry.sign_in), Some(&bobs));

    world.advance_hours(1);
    let accounts = store.device_accounts(device).await.unwrap();
    assert_eq!(accounts.iter().map(|entry| entry.account).collect::<Vec<_>>(), [alice.id]);
    assert!(store.devices_of(bob.id).await.unwrap().is_empty());

    let wrong = NewSignIn { password_hash: Some("$other".to_owned()), ..short.clone() };
    let refused = store.sign_in_on_device(wrong).await;
    assert!(matches!(refused, Err(SignInError::CredentialGone)));
    let unknown = NewSignIn { device: DeviceId([0; 16]), ..short };
    let refused = store.sign_in_on_device(unknown).await;
    assert!(matches!(refused, Err(SignInError::UnknownDevice)));
    assert!(store.sign_out_of_device(device, alice.id).await.unwrap());
    assert!(!store.sign_out_of_device(device, alice.id).await.unwrap());
}

#[tokio::test]
async fn a_request_belongs_to_the_browser_that_opens_it_and_is_answered_once() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let (device, other) = (browser(store, alice.id).await, browser(store, alice.id).await);
    store.push_oauth_request(request(1)).await.unwrap();
    let pushed = store.oauth_request([1; 32]).await.unwrap().unwrap();
    assert_eq!((pushed.device, pushed.grant.clone()), (None, None));
    assert_eq!(pushed.parameters, request(1).parameters);

    world.clock.advance(Duration::from_secs(240));
    let opened = store.open_oauth_request([1; 32], device, MINUTES_5).await.unwrap();
    assert_eq!(opened.expires_at, world.now() + MINUTES_5);
    assert_eq!(store.oauth_request([1; 32]).await.unwrap(), Some(opened));
    let refused = store.open_oauth_request([1; 32], other, MINUTES_5).await;
    assert!(matches!(refused, Err(OpenRequestError::OtherDevice)));
    let refused = store.grant_oauth_request([1; 32], other, consent(alice.id, 1)).await;
    assert!(matches!(refused, Err(OpenRequestError::OtherDevice)));
    let refused = store.grant_oauth_request([1; 32], device, consent(bob.id, 1)).await;
    assert!(matches!(refused, Err(OpenRequestError::SignedOut)));
    assert_eq!(store.authorized_client(bob.id, &pushed.client_id).await.unwrap(), None);

    let granted = store.grant_oauth_request([1; 32], device, consent(alice.id, 1)).await.unwrap();
    assert_eq!(granted.grant.as_ref().map(|grant| grant.account), Some(alice.id));
    let again = store.grant_oauth_request([1; 32], device, consent(alice.id, 2)).await;
    assert!(matches!(again, Err(OpenRequestError::Answered)));
    let scope = store.authorized_client(alice.id, &pushed.client_id).await.unwrap();
    assert_eq!(scope.as_deref(), Some("atproto include:example.set"));
    assert_eq!(store.oauth_code([1; 32]).await.unwrap(), Some(OAuthCode::Granted(granted)));
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(store.oauth_code([1; 32]).await.unwrap(), None);
    let late = store.create_oauth_session([1; 32], new_session(LIFETIMES)).await;
    assert!(matches!(late, Err(CodeError::Unknown)));
    assert_eq!(store.prune_oauth().await.unwrap().requests, 1);
}

#[tokio::test]
async fn a_request_does_not_live_for_ever_by_being_opened() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let device = browser(store, alice.id).await;
    store.push_oauth_request(request(1)).await.unwrap();
    for _ in 0..14 {
        world.clock.advance(Duration::from_secs(240));
        store.open_oauth_request([1; 32], device, MINUTES_5).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(240));
    let refused = store.open_oauth_request([1; 32], device, MINUTES_5).await;
    assert!(matches!(refused, Err(OpenRequestError::Unknown)));
}

#[tokio::test]
async fn a_code_challenge_serves_once_a_day_per_client() {
    let world = World::new();
    let store = &world.store;
    store.push_oauth_request(request(1)).await.unwrap();
    let again = NewOAuthRequest { id_hash: [2; 32], ..request(1) };
    let refused = store.push_oauth_request(again.clone()).await;
    assert!(matches!(refused, Err(PushRequestError::ChallengeUsed)));
    assert_eq!(store.oauth_request([2; 32]).await.unwrap(), None);
    let client_id = "https://other.example/".to_owned();
    let others = NewOAuthRequest { id_hash: [3; 32], client_id, ..request(1) };
    store.push_oauth_request(others).await.unwrap();
    assert!(store.delete_oauth_request([3; 32]).await.unwrap());
    assert!(!store.delete_oauth_request([3; 32]).await.unwrap());
    world.advance_hours(24);
    store.push_oauth_request(again).await.unwrap();
    assert_eq!(store.prune_oauth().await.unwrap().code_challenges, 1);
}

#[tokio::test]
async fn a_code_becomes_a_session_once_and_its_second_use_ends_it() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let issued = session(store, alice.id, 1).await;
    let made = &issued.session;
    assert_eq!((made.account, made.created_at), (alice.id, world.now()));
    assert_eq!(made.access_expires_at, world.now() + MINUTES_30);
    assert_eq!(made.ends_at(), world.now() + DAYS_14);
    assert_eq!(made.parameters, request(1).parameters);
    assert_eq!(store.oauth_session(made.id).await.unwrap().as_ref(), Some(made));
    assert_eq!(store.oauth_session_of_token(&token(&issued)).await.unwrap().as_ref(), Some(made));
    assert_eq!(store.oauth_request([1; 32]).await.unwrap(), None);
    assert_eq!(store.oauth_code([1; 32]).await.unwrap(), Some(OAuthCode::Used(made.clone())));
    let access = store.oauth_access(&issued.tokens.access).await.unwrap().unwrap();
    assert_eq!((access.session, access.account), (made.id, alice.id));
    assert_eq!(access.granted, made.granted);

    let replay = store.create_oauth_session([1; 32], new_session(LIFETIMES)).await;
    assert!(matches!(replay, Err(CodeError::AlreadyUsed)));
    assert!(!is_live(store, &issued).await);
    let ended = store.refresh_oauth_session(refresh(token(&issued))).await;
    assert!(matches!(ended, Err(OAuthRefreshError::Revoked)));
    let again = store.create_oauth_session([1; 32], new_session(LIFETIMES)).await;
    assert!(matches!(again, Err(CodeError::Unknown)));
}

#[tokio::test]
async fn a_refresh_replaces_both_tokens_and_gives_the_living_ones_again_within_the_grace() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let first = session(store, alice.id, 1).await;
    assert!(is_live(store, &first).await);
    let second = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    assert!(!is_live(store, &first).await);
    assert!(is_live(store, &second).await);
    assert_ne!(token(&second), token(&first));
    assert_eq!(second.session.granted, "atproto repo:example.note");
    assert_eq!(store.oauth_session(first.session.id).await.unwrap(), Some(second.session.clone()));

    let again = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    assert_eq!(again, second);
    let third = store.refresh_oauth_session(refresh(token(&second))).await.unwrap();
    world.clock.advance(Duration::from_secs(59));
    // Both earlier tokens lead to the end of the chain.
    for old in [&first, &second] {
        let again = store.refresh_oauth_session(refresh(token(old))).await.unwrap();
        assert_eq!(again, third);
    }
    assert!(is_live(store, &third).await);
}

#[tokio::test]
async fn the_last_exchanged_token_is_good_until_something_of_its_answer_is_used() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let first = session(store, alice.id, 1).await;
    let second = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    world.clock.advance(2 * MINUTES_30);
    store.tidy().await.unwrap();
    assert_eq!(store.refresh_oauth_session(refresh(token(&first))).await.unwrap(), second);
    let third = store.refresh_oauth_session(refresh(token(&second))).await.unwrap();
    world.clock.advance(2 * MINUTES_30);
    assert_eq!(store.refresh_oauth_session(refresh(token(&second))).await.unwrap(), third);
    // Nobody but a thief has the one before that.
    let replayed = store.refresh_oauth_session(refresh(token(&first))).await;
    assert!(matches!(replayed, Err(OAuthRefreshError::Replayed)));
}

#[tokio::test]
async fn the_first_use_of_an_access_token_is_noted_once() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let first = session(store, alice.id, 1).await;
    let secret = &first.tokens.access;
    let access = async || store.oauth_access(secret).await.unwrap().unwrap();
    assert!(access().await.is_used, "nothing came before the first");
    let second = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    let secret = &second.tokens.access;
    let access = async || store.oauth_access(secret).await.unwrap().unwrap();
    assert!(!access().await.is_used);
    use_once(store, &second).await;
    assert!(access().await.is_used);
}

#[tokio::test]
async fn a_refresh_token_used_again_after_the_grace_ends_the_session_alone() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let (first, other) = (session(store, alice.id, 1).await, session(store, alice.id, 2).await);
    let second = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    use_once(store, &second).await;
    world.clock.advance(Duration::from_secs(60));
    // The memory of exchanged tokens is not needed to notice it.
    store.tidy().await.unwrap();
    let replayed = store.refresh_oauth_session(refresh(token(&first))).await;
    assert!(matches!(replayed, Err(OAuthRefreshError::Replayed)));
    assert!(!is_live(store, &second).await);
    let ended = store.refresh_oauth_session(refresh(token(&second))).await;
    assert!(matches!(ended, Err(OAuthRefreshError::Revoked)));
    store.refresh_oauth_session(refresh(token(&other))).await.unwrap();
}
