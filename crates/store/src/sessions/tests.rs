//! Rotation, grace and revocation against a real store.

use std::time::Duration;

use super::*;
use crate::AppPasswordRights::{Privileged, Scoped, Standard};
use crate::accounts::testing::World;
use crate::{
    ChangedBy, CreateAppPasswordError, EndSessions, MailPurpose, MailTokenError, Preference,
    PreferenceScope,
};

#[tokio::test]
async fn a_refresh_gives_the_next_token_and_the_same_one_again_within_the_grace() {
    let world = World::new();
    let alice = world.account("alice").await;
    let first = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let next = world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    assert_ne!(next.token_id, first.token_id);
    assert_eq!(next.account, alice.id);

    world.advance_hours(1);
    let again =
        world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    assert_eq!(again.token_id, next.token_id);
    let third = world.store.refresh_session(next.token_id, SessionClient::default()).await.unwrap();
    let late = world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    assert_eq!(late.token_id, next.token_id);
    assert_ne!(third.token_id, next.token_id);
    assert_eq!(world.store.sessions_of(alice.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_used_again_after_its_grace_ends_the_session() {
    let world = World::new();
    let alice = world.account("alice").await;
    let other = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let first = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let next = world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    world.advance_hours(2);
    assert!(matches!(
        world.store.refresh_session(first.token_id, SessionClient::default()).await,
        Err(RefreshError::Reused)
    ));
    assert!(matches!(
        world.store.refresh_session(next.token_id, SessionClient::default()).await,
        Err(RefreshError::Revoked)
    ));
    world.store.refresh_session(other.token_id, SessionClient::default()).await.unwrap();
}

#[tokio::test]
async fn reuse_is_noticed_after_old_tokens_were_pruned() {
    let world = World::new();
    let alice = world.account("alice").await;
    let first = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let mut current = first.token_id;
    for _ in 0..70 {
        current =
            world.store.refresh_session(current, SessionClient::default()).await.unwrap().token_id;
    }
    world.advance_hours(3);
    world.store.prune_sessions().await.unwrap();
    assert!(matches!(
        world.store.refresh_session(first.token_id, SessionClient::default()).await,
        Err(RefreshError::Reused)
    ));
}

#[tokio::test]
async fn a_session_expires_when_it_is_not_used() {
    let world = World::new();
    let alice = world.account("alice").await;
    let first = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    assert_eq!(first.expires_at, world.now() + SESSION_LIFETIME);
    world.advance_hours(89 * 24);
    let next = world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    world.advance_hours(89 * 24);
    let last = world.store.refresh_session(next.token_id, SessionClient::default()).await.unwrap();
    world.advance_hours(90 * 24);
    assert!(matches!(
        world.store.refresh_session(last.token_id, SessionClient::default()).await,
        Err(RefreshError::Expired)
    ));
    assert!(world.store.sessions_of(alice.id).await.unwrap().is_empty());
    assert_eq!(world.store.prune_sessions().await.unwrap(), 1);
    assert!(matches!(
        world.store.refresh_session(last.token_id, SessionClient::default()).await,
        Err(RefreshError::Revoked)
    ));
}

#[tokio::test]
async fn foreign_tokens_are_no_sessions() {
    let world = World::new();
    assert!(TokenId::parse("").is_none());
    assert!(TokenId::parse("not base64!").is_none());
    assert!(TokenId::parse(&"A".repeat(63)).is_none());
    let unknown = TokenId::parse(&"A".repeat(64)).unwrap();
    assert!(matches!(
        world.store.refresh_session(unknown, SessionClient::default()).await,
        Err(RefreshError::Revoked)
    ));
    let text = unknown.to_string();
    assert_eq!(TokenId::parse(&text), Some(unknown));
}

#[tokio::test]
async fn a_session_names_who_used_it_last() {
    let world = World::new();
    let alice = world.account("alice").await;
    let client = |agent: Option<&str>, ip: &str| SessionClient {
        user_agent: agent.map(str::to_owned),
        ip: Some(ip.to_owned()),
    };
    let new = NewSession { client: client(Some("app/1"), "192.0.2.1"), ..NewSession::default() };
    let first = world.store.create_session(alice.id, new).await.unwrap();
    world.advance_hours(1);
    let next = client(Some("app/2"), "192.0.2.2");
    let second = world.store.refresh_session(first.token_id, next.clone()).await.unwrap();
    let seen = world.store.sessions_of(alice.id).await.unwrap().pop().unwrap();
    assert_eq!((seen.client, seen.last_used_at), (next, world.now()));

    let silent = client(None, "192.0.2.3");
    world.store.refresh_session(second.token_id, silent).await.unwrap();
    let seen = world.store.sessions_of(alice.id).await.unwrap().pop().unwrap();
    assert_eq!(seen.client, client(Some("app/2"), "192.0.2.3"));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_together() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let client = SessionClient { user_agent: Some("é".repeat(400)), ip: None };
    let new = NewSession { client, ..NewSession::default() };
    let one = world.store.create_session(alice.id, new).await.unwrap();
    world.advance_hours(1);
    let two = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let three = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let bobs = world.store.create_session(bob.id, NewSession::default()).await.unwrap();

    let listed = world.store.sessions_of(alice.id).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2].id, one.token_id.family());
    assert_eq!(listed[2].client.user_agent.as_ref().unwrap().len(), 512);
    let shown = listed[2].id.to_string();
    assert_eq!(SessionId::parse(&shown), Some(listed[2].id));
    assert_eq!(SessionId::parse(&shown[1..]), None);

    assert!(!world.store.revoke_session(bob.id, one.token_id.family()).await.unwrap());
    assert!(world.store.revoke_session(alice.id, one.token_id.family()).await.unwrap());
    assert!(world.store.delete_session(two.token_id).await.unwrap());
    assert!(!world.store.delete_session(two.token_id).await.unwrap());
    let kept = Some(three.token_id.family());
    assert_eq!(world.store.delete_sessions_of(alice.id, kept).await.unwrap(), 0);
    assert_eq!(world.store.delete_sessions_of(alice.id, None).await.unwrap(), 1);
    world.store.refresh_session(bobs.token_id, SessionClient::default()).await.unwrap();
}

#[tokio::test]
async fn tokens_are_not_stored_and_survive_a_restart() {
    let world = World::new();
    let alice = world.account("alice").await;
    let first = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let next = world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    let world = world.reopen().await;
    let again =
        world.store.refresh_session(first.token_id, SessionClient::default()).await.unwrap();
    assert_eq!(again.token_id, next.token_id);
}

#[tokio::test]
async fn an_app_password_opens_sessions_until_it_is_revoked() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let (password, made) = store
        .create_app_password(alice.id, "phone", Privileged, SessionClient::default())
        .await
        .unwrap();
    assert_eq!(password.len(), "xxxx-xxxx-xxxx-xxxx".len());
    assert_eq!(store.app_passwords(alice.id).await.unwrap(), std::slice::from_ref(&made));
    let taken =
        store.create_app_password(alice.id, "phone", Standard, SessionClient::default()).await;
    assert!(matches!(taken, Err(CreateAppPasswordError::NameTaken)));

    let found =
        store.check_app_password(alice.id, &password.to_uppercase()).await.unwrap().unwrap();
    assert_eq!(found, made);
    assert!(store.check_app_password(bob.id, &password).await.unwrap().is_none());
    assert!(store.check_app_password(alice.id, "hunter2").await.unwrap().is_none());

    let new = NewSession { app_password: Some(found.clone()), ..NewSession::default() };
    let session = store.create_session(alice.id, new).await.unwrap();
    assert_eq!(session.app_password.as_ref(), Some(&found));
    let session = store.refresh_session(session.token_id, SessionClient::default()).await.unwrap();
    assert_eq!(session.app_password.as_ref(), Some(&found));
    assert!(store.revoke_app_password(alice.id, "phone", SessionClient::default()).await.unwrap());
    assert!(!store.revoke_app_password(alice.id, "phone", SessionClient::default()).await.unwrap());
    assert!(store.check_app_password(alice.id, &password).await.unwrap().is_none());
    let ended = store.refresh_session(session.token_id, SessionClient::default()).await;
    assert!(matches!(ended, Err(RefreshError::Revoked)));
}

#[tokio::test]
async fn a_mailed_token_works_once_for_its_purpose_until_it_expires() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let purpose = MailPurpose::DeleteAccount;
    let replaced = world.mail_token(&alice, purpose).await;
    let token = world.mail_token(&alice, purpose).await;
    assert_eq!(token.len(), "XXXXX-XXXXX".len());
    let typed = token.to_lowercase().replace('-', "");

    for (account, purpose, token) in [
        (alice.id, purpose, replaced.as_str()),
        (bob.id, purpose, token.as_str()),
        (alice.id, MailPurpose::PlcOperation, token.as_str()),
        (alice.id, purpose, "short"),
    ] {
        let refused = store.use_mail_token(account, purpose, token).await;
        assert!(matches!(refused, Err(MailTokenError::Invalid)));
    }
    store.check_mail_token(alice.id, purpose, &typed).await.unwrap();
    store.use_mail_token(alice.id, purpose, &typed).await.unwrap();
    let used = store.use_mail_token(alice.id, purpose, &token).await;
    assert!(matches!(used, Err(MailTokenError::Invalid)));

    let late = world.mail_token(&alice, purpose).await;
    world.advance_hours(1);
    let expired = store.use_mail_token(alice.id, purpose, &late).await;
    assert!(matches!(expired, Err(MailTokenError::Expired)));
    assert_eq!(store.prune_mail_tokens().await.unwrap(), 1);
}

#[tokio::test]
async fn a_password_reset_ends_the_sessions() {
    let world = World::new();
    let alice = world.account("alice").await;
    let session = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let token = world.mail_token(&alice, MailPurpose::ResetPassword).await;
    let reset = world
        .store
        .reset_password(&token, "$fresh".to_owned(), EndSessions::All, SessionClient::default())
        .await
        .unwrap();
    assert_eq!(reset, alice.id);
    let changed = world.store.account(alice.id).await.unwrap().unwrap();
    assert_eq!(changed.password_hash.as_deref(), Some("$fresh"));
    let ended = world.store.refresh_session(session.token_id, SessionClient::default()).await;
    assert!(matches!(ended, Err(RefreshError::Revoked)));
    let again = world
        .store
        .reset_password(&token, "$evil".to_owned(), EndSessions::All, SessionClient::default())
        .await;
    assert!(matches!(again, Err(MailTokenError::Invalid)));
}

#[tokio::test]
async fn a_session_does_not_slip_past_a_change_of_its_credential() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let by_password =
        |hash: &str| NewSession { password_hash: Some(hash.to_owned()), ..NewSession::default() };
    store
        .set_password_hash(alice.id, "$old".to_owned(), EndSessions::All, ChangedBy::Operator)
        .await
        .unwrap();
    store.create_session(alice.id, by_password("$old")).await.unwrap();
    store
        .set_password_hash(alice.id, "$new".to_owned(), EndSessions::All, ChangedBy::Operator)
        .await
        .unwrap();
    let late = store.create_session(alice.id, by_password("$old")).await;
    assert!(matches!(late, Err(CreateSessionError::CredentialGone)));
    // Of two app passwords of one name, the second is not what was used, whatever it may do.
    let narrow = Scoped("atproto repo:com.example.note".to_owned());
    for (first, second) in [(narrow.clone(), Standard), (narrow.clone(), narrow)] {
        let (_, used) = store
            .create_app_password(alice.id, "phone", first, SessionClient::default())
            .await
            .unwrap();
        let new = NewSession { app_password: Some(used), ..NewSession::default() };
        assert!(
            store.revoke_app_password(alice.id, "phone", SessionClient::default()).await.unwrap()
        );
        let late = store.create_session(alice.id, new.clone()).await;
        assert!(matches!(late, Err(CreateSessionError::CredentialGone)));
        world.clock.advance(Duration::from_secs(1));
        store
            .create_app_password(alice.id, "phone", second, SessionClient::default())
            .await
            .unwrap();
        let late = store.create_session(alice.id, new).await;
        assert!(matches!(late, Err(CreateSessionError::CredentialGone)));
        assert!(
            store.revoke_app_password(alice.id, "phone", SessionClient::default()).await.unwrap()
        );
    }
    assert!(store.sessions_of(alice.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_scopes_of_an_app_password_stay_with_its_sessions() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let narrow = Scoped("atproto repo:com.example.note".to_owned());
    let (password, made) = store
        .create_app_password(alice.id, "bot", narrow.clone(), SessionClient::default())
        .await
        .unwrap();
    assert_eq!(made.rights, narrow);
    assert_eq!(store.app_passwords(alice.id).await.unwrap(), std::slice::from_ref(&made));
    let used = store.check_app_password(alice.id, &password).await.unwrap();
    let new = NewSession { app_password: used, ..NewSession::default() };
    let mut session = store.create_session(alice.id, new).await.unwrap();
    for _ in 0..2 {
        assert_eq!(session.app_password.as_ref(), Some(&made));
        session = store.refresh_session(session.token_id, SessionClient::default()).await.unwrap();
    }
}

#[tokio::test]
async fn app_passwords_outlive_a_change_of_the_password_unless_told() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    let (password, _) = store
        .create_app_password(alice.id, "phone", Standard, SessionClient::default())
        .await
        .unwrap();
    let (bobs, _) = store
        .create_app_password(bob.id, "phone", Standard, SessionClient::default())
        .await
        .unwrap();
    let reset = world.mail_token(&alice, MailPurpose::ResetPassword).await;
    let sign_in = world.mail_token(&alice, MailPurpose::SignIn).await;
    store
        .set_password_hash(alice.id, "$1".to_owned(), EndSessions::All, ChangedBy::Operator)
        .await
        .unwrap();
    assert!(store.check_app_password(alice.id, &password).await.unwrap().is_some());
    // Codes that were mailed before would undo the change.
    let late = store
        .reset_password(&reset, "$evil".to_owned(), EndSessions::All, SessionClient::default())
        .await;
    assert!(matches!(late, Err(MailTokenError::Invalid)));
    let late = store.use_mail_token(alice.id, MailPurpose::SignIn, &sign_in).await;
    assert!(matches!(late, Err(MailTokenError::Invalid)));

    let all = EndSessions::AllWithAppPasswords { except: None };
    store.set_password_hash(alice.id, "$2".to_owned(), all, ChangedBy::Operator).await.unwrap();
    assert!(store.check_app_password(alice.id, &password).await.unwrap().is_none());
    assert!(store.check_app_password(bob.id, &bobs).await.unwrap().is_some());
}

#[tokio::test]
async fn a_mailed_code_is_asked_for_while_the_address_is_confirmed() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let asks = async || store.account(alice.id).await.unwrap().unwrap().needs_mailed_code();
    store.set_email_auth_factor(alice.id, true, SessionClient::default()).await.unwrap();
    assert!(!asks().await);
    world.confirm_email(alice.id).await;
    assert!(asks().await);
    store.set_email(alice.id, Some("new@example.com".to_owned())).await.unwrap();
    assert!(!asks().await);
    world.confirm_email(alice.id).await;
    assert!(asks().await);
    store.set_email_auth_factor(alice.id, false, SessionClient::default()).await.unwrap();
    assert!(!asks().await);
}

#[tokio::test]
async fn preferences_are_replaced_within_their_scope() {
    let world = World::new();
    let alice = world.account("alice").await;
    let store = &world.store;
    let preference =
        |name: &str| Preference { name: name.to_owned(), json: format!(r#"{{"$type":"{name}"}}"#) };
    let full = PreferenceScope { namespace: "app.bsky".to_owned(), except: Vec::new() };
    let app = PreferenceScope {
        namespace: "app.bsky".to_owned(),
        except: vec!["app.bsky.actor.defs#personalDetailsPref".to_owned()],
    };
    let personal = preference("app.bsky.actor.defs#personalDetailsPref");
    let (a, b) = (preference("app.bsky.actor.defs#a"), preference("app.bsky.actor.defs#b"));
    let all = vec![personal.clone(), a.clone(), a.clone()];
    store.put_preferences(alice.id, full.clone(), all.clone()).await.unwrap();
    assert_eq!(store.preferences(alice.id, full.clone()).await.unwrap(), all);
    assert_eq!(store.preferences(alice.id, app.clone()).await.unwrap(), [a.clone(), a]);

    store.put_preferences(alice.id, app.clone(), vec![b.clone()]).await.unwrap();
    assert_eq!(store.preferences(alice.id, full).await.unwrap(), [personal.clone(), b]);
    for stray in [personal, preference("app.bskyish.x"), preference("com.example.x")] {
        assert!(store.put_preferences(alice.id, app.clone(), vec![stray]).await.is_err());
    }
}
