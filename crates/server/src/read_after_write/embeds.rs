//! What posts carry, as the AppView would show it.

use serde_json::{Map, Value, json};

use crate::error::XrpcError;

use super::local::POST;
use super::viewer::{Preset, Viewer};

const GENERATOR: &str = "app.bsky.feed.generator";
const LIST: &str = "app.bsky.graph.list";

/// The view of an embed; `None` for kinds that only the AppView can show, as videos, which it has to convert first.
pub(super) async fn view(viewer: &Viewer<'_>, embed: &Value) -> Result<Option<Value>, XrpcError> {
    match kind(embed) {
        "app.bsky.embed.record" => record(viewer, embed).await.map(Some),
        "app.bsky.embed.recordWithMedia" => {
            let quoted = embed.get("record").unwrap_or(&Value::Null);
            let media = embed.get("media").and_then(|media| media_view(viewer, media));
            let Some(media) = media else { return Ok(None) };
            Ok(Some(json!({
                "$type": "app.bsky.embed.recordWithMedia#view",
                "record": record(viewer, quoted).await?,
                "media": media,
            })))
        }
        _ => Ok(media_view(viewer, embed)),
    }
}

fn kind(embed: &Value) -> &str {
    embed.get("$type").and_then(Value::as_str).unwrap_or_default()
}

fn media_view(viewer: &Viewer<'_>, media: &Value) -> Option<Value> {
    match kind(media) {
        "app.bsky.embed.images" => {
            let images = pictures(viewer, media.get("images")?, "thumb", None)?;
            Some(json!({ "$type": "app.bsky.embed.images#view", "images": images }))
        }
        "app.bsky.embed.gallery" => {
            let kind = Some("app.bsky.embed.gallery#viewImage");
            let items = pictures(viewer, media.get("items")?, "thumbnail", kind)?;
            Some(json!({ "$type": "app.bsky.embed.gallery#view", "items": items }))
        }
        "app.bsky.embed.external" => {
            let external = media.get("external")?;
            let mut view = Map::new();
            for name in ["uri", "title", "description"] {
                view.insert(name.to_owned(), external.get(name)?.clone());
            }
            if let Some(thumb) = viewer.picture(external.get("thumb"), Preset::Thumbnail) {
                view.insert("thumb".to_owned(), thumb);
            }
            Some(json!({ "$type": "app.bsky.embed.external#view", "external": view }))
        }
        _ => None,
    }
}

fn pictures(
    viewer: &Viewer<'_>,
    images: &Value,
    thumbnail: &str,
    kind: Option<&str>,
) -> Option<Vec<Value>> {
    let picture = |image: &Value| {
        let blob = image.get("image");
        let mut view = Map::new();
        if let Some(kind) = kind {
            view.insert("$type".to_owned(), kind.into());
        }
        view.insert(thumbnail.to_owned(), viewer.picture(blob, Preset::Thumbnail)?);
        view.insert("fullsize".to_owned(), viewer.picture(blob, Preset::FullSize)?);
        view.insert("alt".to_owned(), image.get("alt").cloned().unwrap_or("".into()));
        if let Some(ratio) = image.get("aspectRatio") {
            view.insert("aspectRatio".to_owned(), ratio.clone());
        }
        Some(Value::Object(view))
    };
    images.as_array()?.iter().map(picture).collect()
}

/// `app.bsky.embed.record#view`
async fn record(viewer: &Viewer<'_>, embed: &Value) -> Result<Value, XrpcError> {
    let uri = embed.pointer("/record/uri").and_then(Value::as_str).unwrap_or_default();
    let view = quoted(viewer, uri).await?;
    let view = view.unwrap_or_else(
        || json!({ "$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": true }),
    );
    Ok(json!({ "$type": "app.bsky.embed.record#view", "record": view }))
}

/// The view of a quoted record: of those that the AppView does not know the caller's own, of the rest the AppView's.
async fn quoted(viewer: &Viewer<'_>, uri: &str) -> Result<Option<Value>, XrpcError> {
    if let Some(post) = viewer.local.posts.iter().find(|post| post.uri == uri) {
        return Ok(Some(json!({
            "$type": "app.bsky.embed.record#viewRecord",
            "uri": post.uri,
            "cid": post.cid,
            "author": viewer.author().await?,
            "value": post.record,
            "indexedAt": post.indexed_at(),
        })));
    }
    let collection = uri.strip_prefix("at://").and_then(|rest| rest.split('/').nth(1));
    match collection {
        Some(POST) => {
            let found = viewer.upstream.query("app.bsky.feed.getPosts", &[("uris", uri)]).await?;
            Ok(found.as_ref().and_then(|found| found.pointer("/posts/0")).map(view_record))
        }
        Some(GENERATOR) => {
            let found =
                viewer.upstream.query("app.bsky.feed.getFeedGenerator", &[("feed", uri)]).await?;
            Ok(typed(found, "view", "app.bsky.feed.defs#generatorView"))
        }
        Some(LIST) => {
            let params = [("list", uri), ("limit", "1")];
            let found = viewer.upstream.query("app.bsky.graph.getList", &params).await?;
            Ok(typed(found, "list", "app.bsky.graph.defs#listView"))
        }
        _ => Ok(None),
    }
}

/// A post view as a quoted record.
fn view_record(post: &Value) -> Value {
    let mut view = Map::new();
    view.insert("$type".to_owned(), "app.bsky.embed.record#viewRecord".into());
    for name in [
        "uri",
        "cid",
        "author",
        "labels",
        "replyCount",
        "repostCount",
        "likeCount",
        "quoteCount",
        "indexedAt",
    ] {
        if let Some(value) = post.get(name) {
            view.insert(name.to_owned(), value.clone());
        }
    }
    view.insert("value".to_owned(), post.get("record").cloned().unwrap_or(Value::Null));
    if let Some(embed) = post.get("embed") {
        view.insert("embeds".to_owned(), json!([embed]));
    }
    Value::Object(view)
}

fn typed(found: Option<Value>, name: &str, kind: &str) -> Option<Value> {
    let mut found = found?;
    let view = found.get_mut(name)?.as_object_mut()?;
    view.insert("$type".to_owned(), kind.into());
    Some(Value::Object(std::mem::take(view)))
}
