//! Profiles.

use super::*;

#[tokio::test]
async fn an_appview_that_is_up_to_date_is_not_corrected() {
    let mut scene = Scene::set().await;
    let view =
        json!({ "did": scene.alice.did, "handle": "alice.test", "displayName": "as it was" });
    scene.set_profile().await;
    let untouched = async |scene: &Scene| {
        let reply = scene.alice.query(PROFILE, &[("actor", scene.alice.did.as_str())]).await;
        assert_eq!((reply.ok(), reply.header(LAG)), (view.clone(), None));
    };
    // Without a rev, nothing is known.
    scene.appview.on_json(PROFILE, None, view.clone());
    untouched(&scene).await;
    scene.appview.on_json(PROFILE, Some("not a rev"), view.clone());
    untouched(&scene).await;
    scene.rev = scene.alice.head().await.rev;
    scene.says(PROFILE, view.clone());
    untouched(&scene).await;
    assert_eq!(scene.appview.last().signer, Ok(scene.alice.did.clone()));
    // A rev from the account's life elsewhere.
    scene.appview.on_json(PROFILE, Some("2222222222222"), view.clone());
    untouched(&scene).await;
    assert_eq!(scene.pds.anyone.query(PROFILE, &[]).await, (401, "AuthMissing"));
}

#[tokio::test]
async fn a_profile_shows_what_was_changed() {
    let scene = Scene::set().await;
    let did = scene.alice.did.as_str();
    let before = json!({
        "did": did, "handle": "alice.test", "displayName": "Old", "description": "before", "website": "https://old.test",
        "avatar": "https://cdn.test/old", "followersCount": 7, "viewer": { "muted": false },
    });
    scene.says(PROFILE, before.clone());
    let profile = scene.set_profile().await;
    scene.wait(2);
    let reply = scene.alice.query(PROFILE, &[("actor", did)]).await;
    let url = |preset: &str, name: &str| {
        format!("https://cdn.test/{preset}/plain/{did}/{}@jpeg", link(&profile[name]))
    };
    let after = json!({
        "did": did, "handle": "alice.test", "displayName": "Alice the New", "description": "after",
        "avatar": url("avatar", "avatar"), "banner": url("banner", "banner"), "followersCount": 7, "viewer": { "muted": false },
    });
    assert_eq!(reply.ok(), after);
    let lag: u64 = reply.header(LAG).unwrap().parse().unwrap();
    assert!((2_000..3_000).contains(&lag), "{lag}");
    assert_eq!(reply.header("atproto-repo-rev"), Some(scene.rev.as_str()));
    assert_eq!(reply.header("cache-control"), Some("private"));

    let bob = json!({ "did": "did:web:bob.test", "handle": "bob.test", "displayName": "Bob" });
    scene.says(PROFILES, json!({ "profiles": [bob.clone(), before.clone()] }));
    let both = scene.alice.query(PROFILES, &[("actors", did), ("actors", "bob.test")]).await.ok();
    assert_eq!(both, json!({ "profiles": [bob.clone(), after] }));
    assert_eq!(scene.appview.last().query.unwrap().matches("actors=").count(), 2);
    scene.says(PROFILE, bob.clone());
    assert_eq!(scene.alice.query(PROFILE, &[("actor", "bob.test")]).await.ok(), bob);
    let head = scene.alice.send(scene.alice.request(Method::HEAD, PROFILE)).await;
    assert_eq!((head.status, head.header(LAG)), (200, None));
}

#[tokio::test]
async fn pictures_come_from_here_without_an_image_server() {
    let scene = Scene::with_cdn(None).await;
    let did = scene.alice.did.as_str();
    scene.says(PROFILE, json!({ "did": did, "handle": "alice.test" }));
    let profile = scene.set_profile().await;
    let view = scene.alice.query(PROFILE, &[("actor", did)]).await.ok();
    let cid = link(&profile["avatar"]);
    assert_eq!(
        view["avatar"],
        format!("{}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}", scene.pds.url())
    );
}
