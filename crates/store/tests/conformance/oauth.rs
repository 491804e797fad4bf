//! OAuth sessions: one chain of tokens under concurrency, and nothing left of deleted accounts.

use std::time::Duration;

use cairn_store::{
    AccountId, CodeError, DeviceId, Factor, IssuedOAuth, NewDevice, NewGrant, NewOAuthRequest,
    NewOAuthSession, NewPasskey, NewSignIn, OAuthLifetimes, OAuthRefreshError, RefreshOAuthSession,
    SessionClient, Store, TokenId,
};
use tokio::task::JoinSet;

use crate::support::World;

const HOUR: Duration = Duration::from_secs(3600);

fn new_session() -> NewOAuthSession {
    NewOAuthSession {
        client_auth: "{}".to_owned(),
        granted: "atproto".to_owned(),
        jkt: "thumbprint".to_owned(),
        lifetimes: OAuthLifetimes { session: HOUR, access: HOUR, refresh: Some(HOUR) },
    }
}

async fn browser(store: &Store, account: AccountId) -> DeviceId {
    let secret_hash = cairn_identity::random_bytes();
    let new = NewDevice { secret_hash, user_agent: None, ip: None };
    let device = store.create_device(new).await.unwrap().id;
    let factors = vec![Factor::Password];
    let sign_in =
        NewSignIn { device, account, password_hash: None, remember: true, factors, trust: false };
    store.sign_in_on_device(sign_in).await.unwrap();
    device
}

async fn code(store: &Store, account: AccountId) -> [u8; 32] {
    let device = browser(store, account).await;
    let hash: [u8; 32] = cairn_identity::random_bytes();
    let request = NewOAuthRequest {
        id_hash: hash,
        client_id: "https://app.example/client.json".to_owned(),
        client_auth: "{}".to_owned(),
        parameters: "{}".to_owned(),
        code_challenge: format!("{hash:?}"),
        lifetime: HOUR,
    };
    store.push_oauth_request(request).await.unwrap();
    let scope = "atproto".to_owned();
    let grant = NewGrant { account, scope, code_hash: hash, lifetime: HOUR, remember: true };
    store.grant_oauth_request(hash, device, grant).await.unwrap();
    hash
}

async fn session(store: &Store, account: AccountId) -> IssuedOAuth {
    let code = code(store, account).await;
    store.create_oauth_session(code, new_session()).await.unwrap()
}

fn refresh(token: TokenId) -> RefreshOAuthSession {
    RefreshOAuthSession { token, granted: "atproto".to_owned(), access: HOUR, refresh: HOUR }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refreshes_at_once_make_one_chain() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut token = session(&world.store, alice.id).await.tokens.refresh.unwrap();
    for _ in 0..10 {
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let store = world.store.clone();
            tasks.spawn(async move { store.refresh_oauth_session(refresh(token)).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let first = answers.first().unwrap();
        assert!(answers.iter().all(|answer| answer.tokens == first.tokens));
        let access = world.store.oauth_access(&first.tokens.access).await.unwrap();
        assert_eq!(access.map(|access| access.account), Some(alice.id));
        token = first.tokens.refresh.unwrap();
    }
    assert_eq!(world.store.oauth_sessions_of(alice.id).await.unwrap().len(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_used_at_once_leaves_no_session() {
    let world = World::new();
    let alice = world.account("alice").await;
    for _ in 0..10 {
        let code = code(&world.store, alice.id).await;
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let store = world.store.clone();
            tasks.spawn(async move { store.create_oauth_session(code, new_session()).await });
        }
        let answers = tasks.join_all().await;
        let issued: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(issued.len(), 1, "one use gets the session");
        let replayed = answers.iter().filter(|one| matches!(one, Err(CodeError::AlreadyUsed)));
        assert_eq!(replayed.count(), 1, "the second use ends it, and those after find nothing");
        let access = &issued.first().unwrap().tokens.access;
        assert_eq!(world.store.oauth_access(access).await.unwrap(), None);
    }
    assert!(world.store.oauth_sessions_of(alice.id).await.unwrap().is_empty());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_ended_session_is_not_answered_from_memory() {
    let world = World::new();
    let alice = world.account("alice").await;
    for _ in 0..50 {
        let issued = session(&world.store, alice.id).await;
        let mut readers = JoinSet::new();
        for _ in 0..4 {
            let (store, access) = (world.store.clone(), issued.tokens.access.clone());
            readers.spawn(async move { store.oauth_access(&access).await.unwrap().is_some() });
        }
        assert!(world.store.delete_oauth_session(issued.session.id).await.unwrap());
        assert_eq!(world.store.oauth_access(&issued.tokens.access).await.unwrap(), None);
        readers.join_all().await;
        // A reader that was slower than the end has not brought it back.
        assert_eq!(world.store.oauth_access(&issued.tokens.access).await.unwrap(), None);
    }
    world.finish().await;
}

#[tokio::test]
async fn sessions_survive_a_restart_and_the_grace_does_too() {
    let world = World::new();
    let alice = world.account("alice").await;
    let id = alice.id;
    let first = session(&world.store, id).await;
    let token = first.tokens.refresh.unwrap();
    let second = world.store.refresh_oauth_session(refresh(token)).await.unwrap();
    let world = world.reopen(|_| ()).await;
    let access = world.store.oauth_access(&second.tokens.access).await.unwrap().unwrap();
    assert_eq!((access.session, access.account), (second.session.id, id));
    let again = world.store.refresh_oauth_session(refresh(token)).await.unwrap();
    assert_eq!(again.tokens, second.tokens);
    world.finish().await;
}

#[tokio::test]
async fn nothing_of_a_deleted_account_is_left() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let issued = session(store, alice.id).await;
    let bobs = session(store, bob.id).await;
    let waiting = code(store, alice.id).await;
    let secret = zeroize::Zeroizing::new(vec![1; 20]);
    store.start_totp(alice.id, &secret, DeviceId([1; 16])).await.unwrap();
    store.replace_recovery_codes(alice.id, SessionClient::default()).await.unwrap();
    let passkey = NewPasskey {
        credential_id: vec![1],
        public_key: vec![2],
        sign_count: 0,
        name: "key".to_owned(),
        transports: Vec::new(),
        backup_eligible: false,
        backed_up: false,
        uv_initialized: true,
        discoverable: true,
    };
    store.add_passkey(alice.id, passkey, SessionClient::default()).await.unwrap();

    store.delete_account(&alice.did).await.unwrap();
    assert_eq!(store.oauth_access(&issued.tokens.access).await.unwrap(), None);
    let refused = store.refresh_oauth_session(refresh(issued.tokens.refresh.unwrap())).await;
    assert!(matches!(refused, Err(OAuthRefreshError::Revoked)));
    let refused = store.create_oauth_session(waiting, new_session()).await;
    assert!(matches!(refused, Err(CodeError::Unknown)));
    assert!(store.devices_of(alice.id).await.unwrap().is_empty());
    assert!(store.authorized_clients_of(alice.id).await.unwrap().is_empty());
    assert!(store.totp(alice.id).await.unwrap().is_none());
    assert_eq!(store.second_factors(alice.id).await.unwrap(), Default::default());
    assert_eq!(store.passkey_by_credential(vec![1]).await.unwrap(), None);
    assert!(store.oauth_access(&bobs.tokens.access).await.unwrap().is_some());
    world.finish().await;
}
