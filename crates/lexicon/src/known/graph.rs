//! Who follows, blocks, lists and vouches for whom: `app.bsky.graph`.

use super::*;

pub(super) fn define(table: &mut Table) {
    table.record("app.bsky.graph.block", [req("subject", did()), req("createdAt", datetime())]);
    table.record(
        "app.bsky.graph.follow",
        [req("subject", did()), req("createdAt", datetime()), opt("via", strong_ref())],
    );
    table.record(
        "app.bsky.graph.list",
        [
            req("purpose", to("app.bsky.graph.defs#listPurpose")),
            req("name", sized(1, 64)),
            opt("description", prose(3_000, 300)),
            opt("descriptionFacets", list(to(FACET))),
            opt("avatar", avatar()),
            opt("labels", self_labels()),
            req("createdAt", datetime()),
        ],
    );
    table.define("app.bsky.graph.defs#listPurpose", string());
    table.record(
        "app.bsky.graph.listblock",
        [req("subject", at_uri()), req("createdAt", datetime())],
    );
    table.record(
        "app.bsky.graph.listitem",
        [req("subject", did()), req("list", at_uri()), req("createdAt", datetime())],
    );
    table.record(
        "app.bsky.graph.referencelistoptout",
        [req("subject", at_uri()), req("createdAt", datetime())],
    );
    table.record(
        "app.bsky.graph.starterpack",
        [
            req("name", titled(1, 500, 50)),
            opt("description", prose(3_000, 300)),
            opt("descriptionFacets", list(to(FACET))),
            req("list", at_uri()),
            opt("feeds", list_of_at_most(3, to("app.bsky.graph.starterpack#feedItem"))),
            req("createdAt", datetime()),
        ],
    );
    table.object("app.bsky.graph.starterpack#feedItem", [req("uri", at_uri())]);
    table.record(
        "app.bsky.graph.verification",
        [
            req("subject", did()),
            req("handle", format(Format::Handle)),
            req("displayName", string()),
            req("createdAt", datetime()),
        ],
    );
}
