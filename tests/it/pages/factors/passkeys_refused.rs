//! Passkeys that must not let anybody in.

use cairn_tests::{Authenticator, Browser, Ceremony, TestPds, View};
use data_encoding::BASE64URL_NOPAD;

use super::{
    CODE, SIGN_IN, add_passkey, add_passkey_with, after_password, make_passkey, path, post,
    signed_in,
};

const PASSKEY: &str = "/account/sign-in/passkey";

type Sent = Vec<(&'static str, String)>;

fn set(sent: &mut Sent, name: &str, value: &[u8]) {
    let field = sent.iter_mut().find(|(known, _)| *known == name).unwrap();
    field.1 = BASE64URL_NOPAD.encode(value);
}

/// What a browser does to what it was asked for.
type Lie = Box<dyn Fn(&mut Ceremony)>;

/// Nobody is in, and the page says why.
async fn assert_refused(browser: &mut Browser, view: &View, said: &str) {
    assert!(view.status == 422 && view.has(said), "{said}: {view:?}");
    assert_eq!(browser.get("/account/u/alice.test/security").await.status, 303, "{said}");
}

#[tokio::test]
async fn what_was_not_asked_for_does_not_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut owner).await;
    let broken = "What the browser sent was not accepted.";
    let late = "That took too long";
    let other_challenge = Browser::new(&pds).get(SIGN_IN).await.data("challenge");
    let cases: [(&str, Lie); 8] = [
        (broken, Box::new(|it| it.origin = "https://evil.example".to_owned())),
        (broken, Box::new(|it| it.origin = "http://alice.localhost".to_owned())),
        (broken, Box::new(|it| it.rp_id = "evil.example".to_owned())),
        (broken, Box::new(|it| it.kind = "webauthn.create".to_owned())),
        (late, Box::new(|it| it.challenge = BASE64URL_NOPAD.encode(&[1; 56]))),
        (late, Box::new(|it| it.sent_challenge = BASE64URL_NOPAD.encode(&[1; 56]))),
        (late, Box::new(|it| it.sent_challenge = String::new())),
        // One of ours, for another browser.
        (
            late,
            Box::new(move |it| {
                it.challenge.clone_from(&other_challenge);
                it.sent_challenge.clone_from(&other_challenge);
            }),
        ),
    ];
    for (said, twist) in cases {
        let mut browser = Browser::new(&pds);
        let page = browser.get(SIGN_IN).await;
        let mut ceremony = Ceremony::of(&pds, &page);
        twist(&mut ceremony);
        let sent = key.sign(&ceremony);
        let view = post(&mut browser, PASSKEY, sent, &[]).await;
        assert_refused(&mut browser, &view, said).await;
    }
}

#[tokio::test]
async fn a_challenge_is_used_once_and_in_time() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    // Without a counter nothing else stops a replay.
    let mut key = add_passkey_with(&pds, &alice, &mut owner, None).await;
    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(&pds, &page));
    // The same browser, twice with the same: its cookie is still the old one in the copy.
    let mut copy = browser.clone();
    let (one, two) = tokio::join!(
        post(&mut browser, PASSKEY, sent.clone(), &[]),
        post(&mut copy, PASSKEY, sent, &[]),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422], "{one:?} {two:?}");
    assert!(one.has("That took too long") != two.has("That took too long"));

    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(&pds, &page));
    pds.world.clock().advance(std::time::Duration::from_secs(601));
    let view = post(&mut browser, PASSKEY, sent, &[]).await;
    assert_refused(&mut browser, &view, "That took too long").await;
}

#[tokio::test]
async fn a_passkey_alone_must_know_its_owner() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut owner).await;
    key.verifies = false;
    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_IN).await;
    assert_eq!(page.data("verification"), "required");
    let sent = key.sign(&Ceremony::of(&pds, &page));
    let view = post(&mut browser, PASSKEY, sent, &[]).await;
    assert_refused(&mut browser, &view, "Sign in with your password first").await;
    // It says whose it is.
    key.verifies = true;
    for user in [Vec::new(), vec![7; 32]] {
        let mut sent = key.sign(&Ceremony::of(&pds, &page));
        set(&mut sent, "user_handle", &user);
        let view = post(&mut browser, PASSKEY, sent, &[]).await;
        assert_refused(&mut browser, &view, "This passkey is not known here.").await;
    }
    // What was asked for the one is not good for the other.
    let (mut second, asked) = after_password(&pds, "alice.test").await;
    let sent = key.sign(&Ceremony::of(&pds, &asked));
    let view = post(&mut second, PASSKEY, sent, &[]).await;
    assert_refused(&mut second, &view, "That took too long").await;
}

#[tokio::test]
async fn a_passkey_that_was_made_without_checking_its_owner_needs_the_password_once() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut key = Authenticator::for_page(&owner.get(&path(&alice, "/passkeys")).await);
    key.verifies = false;
    make_passkey(&pds, &alice, &mut owner, &mut key).await;
    // Whoever finds it can give it a PIN of their own.
    key.verifies = true;
    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(&pds, &page));
    let view = post(&mut browser, PASSKEY, sent, &[]).await;
    assert_refused(&mut browser, &view, "Sign in with your password first").await;

    for (verifies, alone) in [(false, 422), (true, 303)] {
        key.verifies = verifies;
        let (mut browser, page) = after_password(&pds, "alice.test").await;
        let pending = page.field("pending");
        let more = [("pending", pending.as_str()), ("with", "passkey")];
        let sent = key.sign(&Ceremony::of(&pds, &page));
        assert_eq!(post(&mut browser, CODE, sent, &more).await.status, 303);

        key.verifies = true;
        let mut browser = Browser::new(&pds);
        let page = browser.get(SIGN_IN).await;
        let sent = key.sign(&Ceremony::of(&pds, &page));
        let view = post(&mut browser, PASSKEY, sent, &[]).await;
        assert_eq!(view.status, alone, "{view:?}");
    }
}

#[tokio::test]
async fn a_counter_that_does_not_go_up_is_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut owner).await;
    for (count, is_taken) in [(5, true), (5, false), (3, false), (0, false), (6, true)] {
        key.count = Some(count);
        let mut browser = Browser::new(&pds);
        let page = browser.get(SIGN_IN).await;
        let sent = key.sign(&Ceremony::of(&pds, &page));
        let view = post(&mut browser, PASSKEY, sent, &[]).await;
        if is_taken {
            assert_eq!(view.status, 303, "{count}: {view:?}");
        } else {
            assert_refused(&mut browser, &view, "its counter has not gone up").await;
        }
        if count == 5 {
            key.count = Some(4);
        }
    }
}

#[tokio::test]
async fn the_passkey_of_another_account_is_no_second_factor() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut alices = add_passkey(&pds, &alice, &mut owner).await;
    let mut owner = signed_in(&pds, "bob.test").await;
    let mut bobs = add_passkey(&pds, &bob, &mut owner).await;
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    let pending = page.field("pending");
    let more = [("pending", pending.as_str()), ("with", "passkey")];
    bobs.user.clone_from(&alices.user);
    let sent = bobs.sign(&Ceremony::of(&pds, &page));
    let view = post(&mut browser, CODE, sent, &more).await;
    assert_refused(&mut browser, &view, "This passkey is not known here.").await;
    // The signature of another key under the right name.
    let mut sent = bobs.sign(&Ceremony::of(&pds, &page));
    set(&mut sent, "id", &alices.id);
    let view = post(&mut browser, CODE, sent, &more).await;
    assert_refused(&mut browser, &view, "What the browser sent was not accepted.").await;
    let sent = alices.sign(&Ceremony::of(&pds, &page));
    assert_eq!(post(&mut browser, CODE, sent, &more).await.status, 303);
}

#[tokio::test]
async fn what_is_malformed_or_too_large_is_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut owner).await;
    let mut browser = Browser::new(&pds);
    for field in ["client_data", "authenticator_data", "signature"] {
        for value in [Vec::new(), vec![0xff; 10], vec![0xa1; 12_000]] {
            let page = browser.get(SIGN_IN).await;
            let mut sent = key.sign(&Ceremony::of(&pds, &page));
            set(&mut sent, field, &value);
            let view = post(&mut browser, PASSKEY, sent, &[]).await;
            assert_refused(&mut browser, &view, "What the browser sent").await;
        }
    }
    let add = path(&alice, "/passkeys");
    let bombs = [
        Vec::new(),
        b"\xbf\xff".to_vec(),
        [b"\xa3\x63fmt\x64none\x67attStmt".to_vec(), vec![0x81; 20_000]].concat(),
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        vec![0xa3; 45_000],
    ];
    for bomb in bombs {
        let page = owner.get(&add).await;
        let mut new = Authenticator::for_page(&page);
        let mut sent = new.make(&Ceremony::of(&pds, &page));
        set(&mut sent, "attestation", &bomb);
        let view = post(&mut owner, &add, sent, &[]).await;
        assert!(view.status == 422 && view.has("What the browser sent"), "{view:?}");
    }
    let page = owner.get(&add).await;
    let mut sent = Authenticator::for_page(&page).make(&Ceremony::of(&pds, &page));
    set(&mut sent, "attestation", &vec![0xa3; 70_000]);
    assert_eq!(post(&mut owner, &add, sent, &[]).await.status, 413);
}

#[tokio::test]
async fn nobody_registers_what_was_not_asked_for() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let mut owner = signed_in(&pds, "alice.test").await;
    let mut bobs_browser = signed_in(&pds, "bob.test").await;
    let bobs = add_passkey(&pds, &bob, &mut bobs_browser).await;
    let add = path(&alice, "/passkeys");
    let twists: [fn(&mut Ceremony); 4] = [
        |it| it.origin = "https://evil.example".to_owned(),
        |it| it.rp_id = "evil.example".to_owned(),
        |it| it.kind = "webauthn.get".to_owned(),
        |it| it.challenge = BASE64URL_NOPAD.encode(&[1; 56]),
    ];
    for twist in twists {
        let page = owner.get(&add).await;
        let mut ceremony = Ceremony::of(&pds, &page);
        twist(&mut ceremony);
        let sent = Authenticator::for_page(&page).make(&ceremony);
        assert_eq!(post(&mut owner, &add, sent, &[]).await.status, 422);
    }
    // The credential id of somebody else's passkey; another than was signed; a challenge for another purpose.
    let page = owner.get(&add).await;
    let mut taken = Authenticator::for_page(&page);
    taken.id.clone_from(&bobs.id);
    let sent = taken.make(&Ceremony::of(&pds, &page));
    let view = post(&mut owner, &add, sent, &[]).await;
    assert!(view.status == 422 && view.has("has a passkey of your account already"), "{view:?}");
    let page = owner.get(&add).await;
    let mut sent = Authenticator::for_page(&page).make(&Ceremony::of(&pds, &page));
    set(&mut sent, "id", &[1; 32]);
    assert_eq!(post(&mut owner, &add, sent, &[]).await.status, 422);
    let mut ceremony = Ceremony::of(&pds, &page);
    ceremony.challenge = owner.get(SIGN_IN).await.data("challenge");
    ceremony.sent_challenge.clone_from(&ceremony.challenge);
    let sent = Authenticator::for_page(&page).make(&ceremony);
    assert_eq!(post(&mut owner, &add, sent, &[]).await.status, 422);
    assert!(owner.get(&path(&alice, "")).await.has("You have no passkey yet."));
}
