//! What posts carry: `app.bsky.embed` and `app.bsky.richtext`, and the definitions that all namespaces share.

use super::*;

const ASPECT_RATIO: &str = "app.bsky.embed.defs#aspectRatio";

pub(super) fn define(table: &mut Table) {
    table.object(STRONG_REF, [req("uri", at_uri()), req("cid", format(Format::Cid))]);
    table.object(
        SELF_LABELS,
        [req("values", list_of_at_most(10, to("com.atproto.label.defs#selfLabel")))],
    );
    table.object("com.atproto.label.defs#selfLabel", [req("val", text(128))]);
    define_facets(table);
    define_media(table);
    table.object(
        "app.bsky.embed.external",
        [req("external", to("app.bsky.embed.external#external"))],
    );
    table.object(
        "app.bsky.embed.external#external",
        [
            req("uri", uri()),
            req("title", string()),
            req("description", string()),
            opt("thumb", blob(["image/*"], 1_000_000)),
            opt("associatedRefs", list(strong_ref())),
        ],
    );
    table.object("app.bsky.embed.record", [req("record", strong_ref())]);
    let media = union([
        "app.bsky.embed.images",
        "app.bsky.embed.video",
        "app.bsky.embed.gallery",
        "app.bsky.embed.external",
    ]);
    table.object(
        "app.bsky.embed.recordWithMedia",
        [req("record", to("app.bsky.embed.record")), req("media", media)],
    );
}

fn define_facets(table: &mut Table) {
    let features = union([
        "app.bsky.richtext.facet#mention",
        "app.bsky.richtext.facet#link",
        "app.bsky.richtext.facet#tag",
    ]);
    table.object(
        FACET,
        [req("index", to("app.bsky.richtext.facet#byteSlice")), req("features", list(features))],
    );
    table.object(
        "app.bsky.richtext.facet#byteSlice",
        [req("byteStart", at_least(0)), req("byteEnd", at_least(0))],
    );
    table.object("app.bsky.richtext.facet#mention", [req("did", did())]);
    table.object("app.bsky.richtext.facet#link", [req("uri", uri())]);
    table.object("app.bsky.richtext.facet#tag", [req("tag", prose(640, 64))]);
}

fn define_media(table: &mut Table) {
    let picture = || blob(["image/*"], 2_000_000);
    table.object(ASPECT_RATIO, [req("width", at_least(1)), req("height", at_least(1))]);
    table.object(
        "app.bsky.embed.images",
        [req("images", list_of_at_most(4, to("app.bsky.embed.images#image")))],
    );
    table.object(
        "app.bsky.embed.images#image",
        [req("image", picture()), req("alt", string()), opt("aspectRatio", to(ASPECT_RATIO))],
    );
    table.object(
        "app.bsky.embed.gallery",
        [req("items", list_of_at_most(20, union(["app.bsky.embed.gallery#image"])))],
    );
    table.object(
        "app.bsky.embed.gallery#image",
        [req("image", picture()), req("alt", string()), req("aspectRatio", to(ASPECT_RATIO))],
    );
    table.object(
        "app.bsky.embed.video",
        [
            req("video", blob(["video/mp4"], 300_000_000)),
            opt("captions", list_of_at_most(20, to("app.bsky.embed.video#caption"))),
            opt("alt", string()),
            opt("aspectRatio", to(ASPECT_RATIO)),
            opt("presentation", string()),
        ],
    );
    table.object(
        "app.bsky.embed.video#caption",
        [req("lang", format(Format::Language)), req("file", blob(["text/vtt"], 20_000))],
    );
}
