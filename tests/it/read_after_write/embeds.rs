//! What posts carry.

use super::*;

#[tokio::test]
async fn posts_show_what_they_carry() {
    let scene = Scene::set().await;
    let did = scene.alice.did.to_string();
    let image = scene.alice.blob("image/png", b"an image".as_slice()).await;
    let video = scene.alice.blob("video/mp4", b"a video".as_slice()).await;
    let cid = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a";
    let quote = |uri: &str| json!({ "$type": "app.bsky.embed.record", "record": { "uri": uri, "cid": cid } });
    let images = json!({ "$type": "app.bsky.embed.images", "images": [{ "image": image, "alt": "text", "aspectRatio": { "width": 2, "height": 1 } }] });
    let quoted = scene.item("quoted", 500)["post"].clone();
    scene.appview.on_json("app.bsky.feed.getPosts", None, json!({ "posts": [quoted.clone()] }));
    scene.appview.on_json(
        "app.bsky.feed.getFeedGenerator",
        None,
        json!({ "view": { "displayName": "Cats" } }),
    );
    scene
        .appview
        .on("app.bsky.graph.getList", |_| refusal(400, "InvalidRequest", "List not found"));
    let thumb = format!("https://cdn.test/feed_thumbnail/plain/{did}/{}@jpeg", link(&image));
    let fullsize = format!("https://cdn.test/feed_fullsize/plain/{did}/{}@jpeg", link(&image));
    let images_view = json!({ "$type": "app.bsky.embed.images#view", "images": [{ "thumb": thumb, "fullsize": fullsize, "alt": "text", "aspectRatio": { "width": 2, "height": 1 } }] });
    let quoted_view = json!({ "$type": "app.bsky.embed.record#view", "record": {
        "$type": "app.bsky.embed.record#viewRecord", "uri": quoted["uri"], "cid": quoted["cid"], "author": quoted["author"],
        "value": quoted["record"], "indexedAt": quoted["indexedAt"],
    }});
    let post_uri = "at://did:web:bob.test/app.bsky.feed.post/quoted";
    let own = scene.alice.create("app.bsky.feed.post", post("own")).await.ok();
    let own_uri = own["uri"].as_str().unwrap();
    for (embed, expected) in [
        (images.clone(), images_view.clone()),
        (
            json!({ "$type": "app.bsky.embed.gallery", "items": [{ "$type": "app.bsky.embed.gallery#image", "image": image, "alt": "", "aspectRatio": { "width": 2, "height": 1 } }] }),
            json!({ "$type": "app.bsky.embed.gallery#view", "items": [{ "$type": "app.bsky.embed.gallery#viewImage", "thumbnail": thumb, "fullsize": fullsize, "alt": "", "aspectRatio": { "width": 2, "height": 1 } }] }),
        ),
        (
            json!({ "$type": "app.bsky.embed.external", "external": { "uri": "https://x.test", "title": "t", "description": "d", "thumb": image } }),
            json!({ "$type": "app.bsky.embed.external#view", "external": { "uri": "https://x.test", "title": "t", "description": "d", "thumb": thumb } }),
        ),
        (quote(post_uri), quoted_view.clone()),
        (
            json!({ "$type": "app.bsky.embed.recordWithMedia", "record": quote(post_uri), "media": images }),
            json!({ "$type": "app.bsky.embed.recordWithMedia#view", "record": quoted_view, "media": images_view }),
        ),
        (
            quote("at://did:web:bob.test/app.bsky.feed.generator/cats"),
            json!({ "$type": "app.bsky.embed.record#view", "record": { "$type": "app.bsky.feed.defs#generatorView", "displayName": "Cats" } }),
        ),
        (
            quote("at://did:web:bob.test/app.bsky.graph.list/gone"),
            json!({ "$type": "app.bsky.embed.record#view", "record": { "$type": "app.bsky.embed.record#viewNotFound", "uri": "at://did:web:bob.test/app.bsky.graph.list/gone", "notFound": true } }),
        ),
        (json!({ "$type": "app.bsky.embed.video", "video": video }), Value::Null),
    ] {
        let mut carrying = post("carrying");
        carrying["embed"] = embed;
        let rkey =
            cairn_tests::rkey(&scene.alice.create("app.bsky.feed.post", carrying).await.ok());
        scene.says(TIMELINE, json!({ "feed": [] }));
        let view = scene.alice.query(TIMELINE, &[]).await.ok();
        assert_eq!(view["feed"][0]["post"]["embed"], expected);
        scene.alice.delete("app.bsky.feed.post", &rkey).await.ok();
    }
    let mut carrying = post("carrying");
    carrying["embed"] = quote(own_uri);
    scene.alice.create("app.bsky.feed.post", carrying).await.ok();
    let view = scene.alice.query(TIMELINE, &[]).await.ok();
    let record = &view["feed"][0]["post"]["embed"]["record"];
    assert_eq!((&record["uri"], &record["value"]["text"]), (&own["uri"], &json!("own")));
    let lookup =
        scene.appview.seen().into_iter().find(|seen| seen.nsid == "app.bsky.feed.getPosts");
    assert_eq!(lookup.unwrap().signer, Ok(scene.alice.did.clone()));
}
