//! How sessions end.

use super::*;
use crate::{AppPasswordRights, ChangedBy, EndSessions, MailPurpose, NewSession, SessionClient};

#[tokio::test]
async fn a_client_ends_its_session_by_a_token_that_is_good_for_it() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let (first, second) = renewed(store, alice.id).await;
    let client_id = first.session.client_id.as_str();
    assert!(!store.revoke_oauth_token(token(&second), "https://other.example/").await.unwrap());
    use_once(store, &second).await;
    world.clock.advance(Duration::from_secs(60));
    assert!(!store.revoke_oauth_token(token(&first), client_id).await.unwrap());
    assert!(is_live(store, &second).await);
    assert!(store.revoke_oauth_token(token(&second), client_id).await.unwrap());
    assert!(!is_live(store, &second).await);
    assert!(!store.revoke_oauth_token(token(&second), client_id).await.unwrap());
}

#[tokio::test]
async fn a_client_ends_its_session_by_its_latest_access_token_even_an_expired_one() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let (first, second) = renewed(store, alice.id).await;
    let client_id = first.session.client_id.as_str();
    let revoke = async |issued: &IssuedOAuth, client_id: &str| {
        store.revoke_oauth_access(&issued.tokens.access, client_id).await.unwrap()
    };
    assert!(!revoke(&second, "https://other.example/").await);
    assert!(!revoke(&first, client_id).await, "it was replaced");
    assert!(is_live(store, &second).await);
    world.clock.advance(MINUTES_30);
    assert!(!is_live(store, &second).await);
    assert!(store.oauth_session(second.session.id).await.unwrap().is_some());
    assert!(revoke(&second, client_id).await);
    assert_eq!(store.oauth_session(second.session.id).await.unwrap(), None);
}

#[tokio::test]
async fn no_token_outlives_the_session() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let first = session(store, alice.id, 1).await;
    world.advance_hours(14 * 24 - 1);
    world.clock.advance(Duration::from_secs(45 * 60));
    let last = store.refresh_oauth_session(refresh(token(&first))).await.unwrap();
    let end = last.session.created_at + DAYS_14;
    assert_eq!((last.session.access_expires_at, last.session.ends_at()), (end, end));
    world.clock.advance(Duration::from_secs(15 * 60 - 1));
    assert!(is_live(store, &last).await);
    world.clock.advance(Duration::from_secs(1));
    assert!(!is_live(store, &last).await);
    let expired = store.refresh_oauth_session(refresh(token(&last))).await;
    assert!(matches!(expired, Err(OAuthRefreshError::Expired)));
    assert!(store.oauth_sessions_of(alice.id).await.unwrap().is_empty());
    assert_eq!(store.prune_oauth().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn a_session_without_refresh_tokens_ends_with_its_access_token() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let code = code(store, alice.id, 1).await;
    let lifetimes = OAuthLifetimes { refresh: None, ..LIFETIMES };
    let issued = store.create_oauth_session(code, new_session(lifetimes)).await.unwrap();
    assert_eq!(issued.tokens.refresh, None);
    assert_eq!(issued.session.ends_at(), world.now() + MINUTES_30);
    world.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(store.oauth_session(issued.session.id).await.unwrap(), None);
    assert_eq!(store.prune_oauth().await.unwrap().sessions, 1);
}

#[tokio::test]
async fn a_change_of_the_password_ends_what_was_granted_and_signs_browsers_out() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let bobs = session(store, bob.id, 1).await;
    let issued = session(store, alice.id, 2).await;
    let waiting = code(store, alice.id, 3).await;
    let here = browser(store, alice.id).await;
    assert!(is_live(store, &issued).await);
    let password = "$fresh".to_owned();
    store
        .set_password_hash(
            alice.id,
            password,
            EndSessions::AllExceptDevice(here),
            ChangedBy::Operator,
        )
        .await
        .unwrap();
    assert!(!is_live(store, &issued).await);
    let late = store.create_oauth_session(waiting, new_session(LIFETIMES)).await;
    assert!(matches!(late, Err(CodeError::Unknown)));
    let devices = store.devices_of(alice.id).await.unwrap();
    assert_eq!(devices.iter().map(|entry| entry.device.id).collect::<Vec<_>>(), [here]);

    let all = EndSessions::AllWithAppPasswords { except: Some(here) };
    store.set_password_hash(alice.id, "$other".to_owned(), all, ChangedBy::Operator).await.unwrap();
    assert_eq!(store.devices_of(alice.id).await.unwrap().len(), 1);

    let issued = session(store, alice.id, 4).await;
    let mailed = world.mail_token(&alice, MailPurpose::ResetPassword).await;
    store
        .reset_password(&mailed, "$reset".to_owned(), EndSessions::All, SessionClient::default())
        .await
        .unwrap();
    assert!(!is_live(store, &issued).await);
    assert!(store.devices_of(alice.id).await.unwrap().is_empty());

    let issued = session(store, alice.id, 5).await;
    store.takedown(alice.id, None).await.unwrap();
    assert!(!is_live(store, &issued).await);
    assert!(store.devices_of(alice.id).await.unwrap().is_empty());
    assert!(is_live(store, &bobs).await);
    assert_eq!(store.devices_of(bob.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_whose_consent_is_taken_back_loses_its_sessions() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let issued = session(store, alice.id, 1).await;
    let waiting = code(store, alice.id, 2).await;
    let client_id = issued.session.client_id.as_str();
    let clients = store.authorized_clients_of(alice.id).await.unwrap();
    assert_eq!(clients.iter().map(|client| &client.client_id).collect::<Vec<_>>(), [client_id]);
    assert_eq!(store.forget_authorized_client(alice.id, client_id).await.unwrap(), 1);
    assert!(!is_live(store, &issued).await);
    assert_eq!(store.oauth_code(waiting).await.unwrap(), None);
    assert!(store.authorized_clients_of(alice.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn all_that_acts_for_the_owner_can_be_ended_at_once() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let issued = session(store, alice.id, 1).await;
    let own = store.create_session(alice.id, NewSession::default()).await.unwrap();
    let rights = AppPasswordRights::Standard;
    let (_, phone) = store
        .create_app_password(alice.id, "phone", rights, SessionClient::default())
        .await
        .unwrap();
    let by_app = NewSession { app_password: Some(phone), ..NewSession::default() };
    let apps = store.create_session(alice.id, by_app).await.unwrap();
    store.revoke_clients(alice.id).await.unwrap();
    assert!(!is_live(store, &issued).await);
    assert!(store.authorized_clients_of(alice.id).await.unwrap().is_empty());
    assert!(store.app_passwords(alice.id).await.unwrap().is_empty());
    assert!(store.refresh_session(apps.token_id, SessionClient::default()).await.is_err());
    store.refresh_session(own.token_id, SessionClient::default()).await.unwrap();
}

#[tokio::test]
async fn one_session_or_all_can_be_ended() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let mut issued = Vec::new();
    for number in 1..=3 {
        issued.push(session(store, alice.id, number).await);
        world.clock.advance(Duration::from_secs(1));
    }
    let newest = issued.pop().unwrap();
    assert!(is_live(store, &newest).await);
    assert!(store.delete_oauth_session(newest.session.id).await.unwrap());
    assert!(!store.delete_oauth_session(newest.session.id).await.unwrap());
    assert!(!is_live(store, &newest).await);
    let listed = store.oauth_sessions_of(alice.id).await.unwrap();
    let ids = |sessions: &[OAuthSession]| sessions.iter().map(|one| one.id).collect::<Vec<_>>();
    let expected: Vec<OAuthSession> = issued.iter().rev().map(|one| one.session.clone()).collect();
    assert_eq!(ids(&listed), ids(&expected));
    assert_eq!(store.delete_oauth_sessions_of(alice.id).await.unwrap(), 2);
    for one in &issued {
        assert!(!is_live(store, one).await);
    }
}
