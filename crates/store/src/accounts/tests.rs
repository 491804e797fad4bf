//! The lifecycle of accounts against a real store.

use cairn_identity::{Curve, SigningKey};
use cairn_model::Did;
use cairn_repo::frame::Event;
use cairn_repo::{Commit, car};

use super::testing::{World, did, handle, kinds, new_account};
use super::*;
use crate::{NewSession, OpenError, RefreshError, SealError, SessionClient, Store, StoreConfig};

/// The commit in the blocks of an event.
fn commit_of(blocks: &[u8]) -> Commit {
    let mut reader = car::CarReader::new();
    reader.push(blocks);
    loop {
        if let car::CarItem::Block { bytes, .. } = reader.next().unwrap().unwrap() {
            return Commit::decode(&bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn a_live_account_is_announced_in_order_with_a_commit_that_verifies() {
    let world = World::new();
    let new = new_account("alice");
    let key = new.signing_key.public();
    let (account, head) = world.store.create_account(new).await.unwrap();
    assert_eq!(account.status(), AccountStatus::Active);
    let events = world.events_after(0).await;
    assert_eq!(kinds(&events), ["identity alice.test", "account active", "commit", "sync"]);
    let Event::Commit(body) = &events[2] else { panic!("not a commit") };
    assert_eq!((body.since, body.prev_data, body.rev), (None, None, head.rev));
    assert!(body.ops.is_empty());
    let Event::Sync(sync) = &events[3] else { panic!("not a sync") };
    for blocks in [&body.blocks, &sync.blocks] {
        let commit = commit_of(blocks);
        assert_eq!((commit.cid(), commit.data, commit.rev), (head.commit, head.data, head.rev));
        key.verify_strict(&commit.signing_bytes(), &commit.sig).unwrap();
    }
}

#[tokio::test]
async fn an_account_that_moves_here_is_silent_until_it_is_activated() {
    let world = World::new();
    let mut new = new_account("bob");
    new.activate = false;
    let key = new.signing_key.public();
    let (account, first) = world.store.create_account(new).await.unwrap();
    assert_eq!(account.status(), AccountStatus::Deactivated);
    assert!(world.events_after(0).await.is_empty());

    let head = world.store.activate(&account.did).await.unwrap();
    assert!(head.rev > first.rev);
    let events = world.events_after(0).await;
    assert_eq!(kinds(&events), ["account active", "identity bob.test", "sync"]);
    let Event::Sync(sync) = &events[2] else { panic!("not a sync") };
    let commit = commit_of(&sync.blocks);
    assert_eq!((sync.rev, commit.rev, commit.cid()), (head.rev, head.rev, head.commit));
    key.verify_strict(&commit.signing_bytes(), &commit.sig).unwrap();
    let found = world.store.account(&account.did).await.unwrap().unwrap();
    assert!(found.is_active());
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case() {
    let world = World::new();
    world.account("alice").await;
    let same_did = new_account("alice");
    assert!(matches!(
        world.store.create_account(same_did).await,
        Err(CreateAccountError::DidTaken)
    ));
    let mut same_handle = new_account("bob");
    same_handle.handle = Some(handle("ALICE"));
    assert!(matches!(
        world.store.create_account(same_handle).await,
        Err(CreateAccountError::HandleTaken)
    ));
    let mut same_email = new_account("bob");
    same_email.email = Some("Alice@Example.com".to_owned());
    assert!(matches!(
        world.store.create_account(same_email).await,
        Err(CreateAccountError::EmailTaken)
    ));
    assert_eq!(world.store.totals().await.unwrap().active, 1);
}

#[tokio::test]
async fn an_account_is_found_by_each_of_its_names_and_not_by_old_ones() {
    let world = World::new();
    let alice = world.account("alice").await;
    let names: [AccountRef; 4] = [
        alice.id.into(),
        (&alice.did).into(),
        handle("alice").into(),
        AccountRef::Email("ALICE@example.com".to_owned()),
    ];
    for _ in 0..2 {
        for name in names.clone() {
            assert_eq!(*world.store.account(name).await.unwrap().unwrap(), alice);
        }
    }
    let before = world.head_seq();
    world.store.update_handle(&alice.did, Some(handle("alicia"))).await.unwrap();
    assert!(world.store.account(handle("alice")).await.unwrap().is_none());
    assert_eq!(world.store.account(handle("alicia")).await.unwrap().unwrap().id, alice.id);
    assert_eq!(kinds(&world.events_after(before).await), ["identity alicia.test"]);

    let bob = world.account("bob").await;
    assert!(matches!(
        world.store.update_handle(bob.id, Some(handle("alicia"))).await,
        Err(UpdateHandleError::Taken)
    ));
    world.store.update_handle(&alice.did, None).await.unwrap();
    world.store.update_handle(bob.id, Some(handle("alicia"))).await.unwrap();
    assert_eq!(world.store.account(handle("alicia")).await.unwrap().unwrap().id, bob.id);
    assert!(matches!(
        world.store.update_handle(&did("nobody"), None).await,
        Err(UpdateHandleError::NoAccount(_))
    ));
}

#[tokio::test]
async fn a_takedown_outweighs_everything_and_ends_sessions() {
    let world = World::new();
    let alice = world.account("alice").await;
    let session = world.store.create_session(alice.id, NewSession::default()).await.unwrap();
    let before = world.head_seq();
    let id = alice.id;
    world.store.deactivate(id, None).await.unwrap();
    world.store.takedown(id, Some("mod-7".to_owned())).await.unwrap();
    assert!(matches!(
        world.store.activate(id).await,
        Err(ActivateError::Moderated(AccountStatus::Takendown))
    ));
    world.store.set_suspended(id, true).await.unwrap();
    world.store.reverse_takedown(id).await.unwrap();
    world.store.set_suspended(id, false).await.unwrap();
    world.store.emit_account(id).await.unwrap();
    world.store.activate(id).await.unwrap();
    assert_eq!(
        kinds(&world.events_after(before).await),
        [
            "account deactivated",
            "account takendown",
            "account takendown",
            "account suspended",
            "account deactivated",
            "account deactivated",
            "account active",
            "identity alice.test",
            "sync",
        ]
    );
    assert!(matches!(
        world.store.refresh_session(session.token_id, SessionClient::default()).await,
        Err(RefreshError::Revoked)
    ));
    assert!(!AccountStatus::Deactivated.is_writable());
}

#[tokio::test]
async fn a_deleted_account_leaves_one_event_and_free_names() {
    let world = World::new();
    let alice = world.account("alice").await;
    let bob = world.account("bob").await;
    world.post(&alice, "one", Vec::new()).await;
    world.store.delete_account(&alice.did).await.unwrap();
    for name in [AccountRef::from(alice.id), (&alice.did).into(), handle("alice").into()] {
        assert!(world.store.account(name).await.unwrap().is_none());
    }
    assert!(world.store.signing_key(&alice.did).await.unwrap().is_none());
    let events = world.events_after(0).await;
    let mine = |event: &&Event| match event {
        Event::Commit(body) => body.repo == alice.did,
        Event::Sync(body) => body.did == alice.did,
        Event::Identity(body) => body.did == alice.did,
        Event::Account(body) => body.did == alice.did,
        _ => false,
    };
    let mine: Vec<Event> = events.iter().filter(mine).cloned().collect();
    assert_eq!(kinds(&mine), ["account deleted"]);
    assert_eq!(events.len(), 5);
    assert_eq!(world.store.finish_deletions().await.unwrap(), 1);
    assert_eq!(world.store.finish_deletions().await.unwrap(), 0);

    let again = world.account("alice").await;
    assert!(again.id > bob.id);
    assert!(matches!(
        world.store.delete_account(&did("nobody")).await,
        Err(AccountError::NoAccount(_))
    ));
}

#[tokio::test]
async fn an_interrupted_deletion_is_finished_after_a_restart() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut upload = world.store.upload_blob(alice.id, 100).await.unwrap();
    upload.write("bytes".into()).await.unwrap();
    let blob = upload.finish(None).await.unwrap();
    let path = world.store.blob_folder().path(alice.id, &blob.cid);
    world.store.delete_account(alice.id).await.unwrap();
    assert!(path.exists());
    let world = world.reopen().await;
    let tidied = world.store.tidy().await.unwrap();
    assert_eq!(tidied, Tidied { accounts: 1, ..Tidied::default() });
    assert!(!path.exists());
    assert!(world.store.blob_info(alice.id, blob.cid).await.unwrap().is_none());
}

#[tokio::test]
async fn the_signing_key_survives_a_restart_sealed() {
    let world = World::new();
    let new = new_account("alice");
    let key = new.signing_key.clone();
    let (alice, _) = world.store.create_account(new).await.unwrap();
    let world = world.reopen().await;
    let stored = world.store.signing_key(&alice.did).await.unwrap().unwrap();
    assert_eq!(stored.to_bytes(), key.to_bytes());
    assert_eq!(stored.curve(), Curve::K256);
    world.store.close().await;
    let scalar = key.to_bytes();
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(32).any(|window| window == *scalar), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_lost_or_foreign_master_key_keeps_the_store_closed() {
    let world = World::new();
    world.account("alice").await;
    world.store.close().await;
    let World { store, folder, .. } = world;
    drop(store);
    let config = StoreConfig::new(folder.path());
    let refusal = |config: &StoreConfig| match Store::open(config.clone()) {
        Err(OpenError::MasterKey { source, .. }) => source,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    };
    let key = std::fs::read(&config.master_key_file).unwrap();
    std::fs::write(&config.master_key_file, [1; 32]).unwrap();
    assert!(matches!(refusal(&config), SealError::WrongKey));
    std::fs::remove_file(&config.master_key_file).unwrap();
    assert!(matches!(refusal(&config), SealError::Missing));
    assert!(!config.master_key_file.exists());
    std::fs::write(&config.master_key_file, key).unwrap();
    assert!(matches!(refusal(&config), SealError::Exposed { .. }));
}

#[tokio::test]
async fn a_reserved_key_stays_the_same_until_its_account_takes_it() {
    let world = World::new();
    let owner = did("alice");
    let first = world.store.reserve_signing_key(Some(owner.clone())).await.unwrap();
    let again = world.store.reserve_signing_key(Some(owner.clone())).await.unwrap();
    let other = world.store.reserve_signing_key(None).await.unwrap();
    assert_eq!(first, again);
    assert_ne!(first, other);

    let key = world.store.reserved_signing_key(&owner).await.unwrap().unwrap();
    assert_eq!(key.did_key(), first);
    let by_key = Did::parse(other.as_str()).unwrap();
    let anonymous = world.store.reserved_signing_key(&by_key).await.unwrap().unwrap();
    assert_eq!(anonymous.did_key(), other);

    let mut new = new_account("alice");
    new.signing_key = key;
    world.store.create_account(new).await.unwrap();
    assert!(world.store.reserved_signing_key(&owner).await.unwrap().is_none());
    let held = world.store.signing_key(&owner).await.unwrap().unwrap();
    assert_eq!(held.did_key(), first);
}

#[tokio::test]
async fn secrets_are_kept_once_made() {
    let world = World::new();
    let store = &world.store;
    assert!(store.secret("jwt").await.unwrap().is_none());
    let fresh = |text: &str| zeroize::Zeroizing::new(text.as_bytes().to_vec());
    assert_eq!(*store.secret_or("jwt", fresh("one")).await.unwrap(), b"one");
    assert_eq!(*store.secret_or("jwt", fresh("two")).await.unwrap(), b"one");
    store.put_secret("jwt", fresh("three")).await.unwrap();
    let world = world.reopen().await;
    assert_eq!(*world.store.secret("jwt").await.unwrap().unwrap(), b"three");
}

#[tokio::test]
async fn who_comes_back_with_the_same_code_has_used_it_once() {
    let world = World::new();
    let code = world.invite_code("admin", 2).await;
    let with_code =
        |name: &str| NewAccount { invite_code: Some(code.clone()), ..new_account(name) };
    for _ in 0..2 {
        let (account, _) = world.store.create_account(with_code("alice")).await.unwrap();
        world.store.delete_account(account.id).await.unwrap();
    }
    world.store.create_account(with_code("bob")).await.unwrap();
    let full = world.store.create_account(with_code("carla")).await;
    assert!(matches!(full, Err(CreateAccountError::InviteCodeUnavailable)));
}

#[tokio::test]
async fn codes_of_an_account_that_is_taken_down_end_with_it() {
    let world = World::new();
    let alice = world.account("alice").await;
    let code = world.invite_code(alice.did.as_str(), 1).await;
    assert!(world.store.is_invite_usable(&code).await.unwrap());
    world.store.takedown(alice.id, None).await.unwrap();
    assert!(!world.store.is_invite_usable(&code).await.unwrap());
    world.store.delete_account(alice.id).await.unwrap();
    assert!(!world.store.is_invite_usable(&code).await.unwrap());
}

#[tokio::test]
async fn an_invite_code_is_spent_with_the_account_it_lets_in() {
    let world = World::new();
    let code = world.invite_code("admin", 1).await;
    assert!(code.starts_with("pds-test-") && code.len() == "pds-test-xxxxx-xxxxx".len());
    let with_code = |name: &str, code: &str| {
        let mut new = new_account(name);
        new.invite_code = Some(code.to_owned());
        new
    };
    assert!(matches!(
        world.store.create_account(with_code("alice", "pds-test-aaaaa-aaaaa")).await,
        Err(CreateAccountError::InviteCodeUnavailable)
    ));
    let (first, second) = tokio::join!(
        world.store.create_account(with_code("alice", &code.to_uppercase())),
        world.store.create_account(with_code("bob", &code)),
    );
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    let listed = world.store.list_invite_codes(crate::InviteOrder::Recent, None, 10).await.unwrap();
    assert_eq!((listed.len(), listed[0].uses.len()), (1, 1));
    assert!(!world.store.is_invite_usable(&code).await.unwrap());
    let user = Did::parse(&listed[0].uses[0].used_by).unwrap();
    assert_eq!(world.store.invite_of(&user).await.unwrap().unwrap().code, code);
}

#[tokio::test]
async fn accounts_are_listed_in_pages() {
    let world = World::new();
    for name in ["one", "two", "three"] {
        world.account(name).await;
    }
    let first = world.store.list_accounts(None, 2).await.unwrap();
    let rest = world.store.list_accounts(first.last().map(|account| account.id), 2).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert_eq!(rest[0].did, did("three"));
    world.store.deactivate(first[0].id, Some(world.now())).await.unwrap();
    world.store.deactivate(first[1].id, None).await.unwrap();
    let due = world.store.accounts_past_delete_after(10).await.unwrap();
    assert_eq!(due.iter().map(|account| account.id).collect::<Vec<_>>(), [first[0].id]);
}

#[tokio::test]
async fn arrivals_are_a_matter_of_their_own_until_they_live_here() {
    let world = World::new();
    let arrival = |name: &str| NewAccount {
        activate: false,
        delete_after: Some(world.now()),
        ..new_account(name)
    };
    let store = &world.store;
    let due = async || {
        let (own, arrivals) = tokio::join!(
            store.accounts_past_delete_after(10),
            store.arrivals_past_delete_after(None, 10)
        );
        let names = |found: Vec<Account>| found.into_iter().map(|it| it.did).collect::<Vec<_>>();
        (names(own.unwrap()), names(arrivals.unwrap()))
    };
    let one = store.create_account(arrival("one")).await.unwrap().0.id;
    let two = store.create_account(arrival("two")).await.unwrap().0.id;
    assert_eq!(due().await, (vec![], vec![did("one"), did("two")]));
    let rest = store.arrivals_past_delete_after(Some(one), 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(store.delete_due_accounts().await.unwrap(), 0);
    // Its owner says when it is to go.
    store.deactivate(one, Some(world.now())).await.unwrap();
    assert_eq!(due().await, (vec![did("one")], vec![did("two")]));
    // The operator's wish to hide it changes no date, and brings none back.
    store.hide(two).await.unwrap();
    assert_eq!(due().await.1, [did("two")]);
    store.cancel_deletion(two).await.unwrap();
    store.hide(two).await.unwrap();
    assert_eq!(store.account(two).await.unwrap().unwrap().delete_after, None);
    assert!(due().await.1.is_empty());
    assert!(!store.delete_if_due(two).await.unwrap());
    assert!(store.delete_if_due(one).await.unwrap());
}

#[tokio::test]
async fn a_deletion_that_is_taken_back_leaves_the_status_and_is_not_announced() {
    let world = World::new();
    let alice = world.account("alice").await;
    world.store.deactivate(alice.id, Some(world.now())).await.unwrap();
    let before = world.head_seq();
    world.store.cancel_deletion(alice.id).await.unwrap();
    assert!(world.store.accounts_past_delete_after(10).await.unwrap().is_empty());
    let kept = world.store.account(alice.id).await.unwrap().unwrap();
    assert_eq!((kept.status(), kept.delete_after), (AccountStatus::Deactivated, None));
    assert!(world.events_after(before).await.is_empty());
}

#[tokio::test]
async fn readers_during_changes_never_leave_a_stale_account_in_the_cache() {
    let world = World::new();
    let alice = world.account("alice").await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, id) = (world.store.clone(), alice.id);
            tokio::spawn(async move {
                for _ in 0..300 {
                    store.account(id).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for turn in 0..50 {
        let name = handle(&format!("alice{turn}"));
        world.store.update_handle(alice.id, Some(name.clone())).await.unwrap();
        let found = world.store.account(alice.id).await.unwrap().unwrap();
        assert_eq!(found.handle, Some(name));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn email_and_password_follow_their_rules() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let store = &world.store;
    world.confirm_email(alice.id).await;
    assert!(store.account(alice.id).await.unwrap().unwrap().email_confirmed_at.is_some());
    let taken = store.set_email(bob.id, Some("ALICE@EXAMPLE.COM".to_owned())).await;
    assert!(matches!(taken, Err(SetEmailError::Taken)));
    let token = world.mail_token(&alice, crate::MailPurpose::UpdateEmail).await;
    store.set_email(alice.id, Some("new@example.com".to_owned())).await.unwrap();
    assert!(store.account(alice.id).await.unwrap().unwrap().email_confirmed_at.is_none());
    let void = store.check_mail_token(alice.id, crate::MailPurpose::UpdateEmail, &token).await;
    assert!(matches!(void, Err(crate::MailTokenError::Invalid)));
    // Who still reads the address before gets no more tokens, whatever was on its way.
    let purpose = crate::MailPurpose::ResetPassword;
    let late = store.create_mail_token(alice.id, "alice@example.com", purpose).await.unwrap();
    assert_eq!(late, None);

    let kept = store.create_session(alice.id, NewSession::default()).await.unwrap();
    store.create_session(alice.id, NewSession::default()).await.unwrap();
    let end = EndSessions::AllExcept(kept.token_id.family());
    store.set_password_hash(alice.id, "$new".to_owned(), end, ChangedBy::Operator).await.unwrap();
    assert_eq!(store.sessions_of(alice.id).await.unwrap().len(), 1);
    let changed = store.account(alice.id).await.unwrap().unwrap();
    assert_eq!(changed.password_hash.as_deref(), Some("$new"));
    let _: SigningKey = store.signing_key(&alice.did).await.unwrap().unwrap();
}
