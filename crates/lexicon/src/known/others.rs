//! Labelers, published lexicons and long-form writing: `app.bsky.labeler`, `com.atproto.lexicon`, `site.standard`.

use super::*;

pub(super) fn define(table: &mut Table) {
    define_labeler(table);
    let version = Schema::Integer(IntegerSchema::default());
    // Only this much is asked of a schema as a record; whoever resolves it reads the whole document.
    table.keyed_record(
        "com.atproto.lexicon.schema",
        RecordKeyType::Nsid,
        [req("lexicon", version)],
    );
    define_site(table);
}

fn define_labeler(table: &mut Table) {
    table.singleton(
        "app.bsky.labeler.service",
        [
            req("policies", to("app.bsky.labeler.defs#labelerPolicies")),
            opt("labels", self_labels()),
            req("createdAt", datetime()),
            opt("reasonTypes", list(to("com.atproto.moderation.defs#reasonType"))),
            opt("subjectTypes", list(to("com.atproto.moderation.defs#subjectType"))),
            opt("subjectCollections", list(format(Format::Nsid))),
        ],
    );
    table.object(
        "app.bsky.labeler.defs#labelerPolicies",
        [
            req("labelValues", list(to("com.atproto.label.defs#labelValue"))),
            opt("labelValueDefinitions", list(to("com.atproto.label.defs#labelValueDefinition"))),
        ],
    );
    table.define("com.atproto.moderation.defs#reasonType", string());
    table.define("com.atproto.moderation.defs#subjectType", string());
    table.define("com.atproto.label.defs#labelValue", string());
    table.object(
        "com.atproto.label.defs#labelValueDefinition",
        [
            req("identifier", prose(100, 100)),
            req("severity", string()),
            req("blurs", string()),
            opt("defaultSetting", string()),
            opt("adultOnly", boolean()),
            req("locales", list(to("com.atproto.label.defs#labelValueDefinitionStrings"))),
        ],
    );
    table.object(
        "com.atproto.label.defs#labelValueDefinitionStrings",
        [
            req("lang", format(Format::Language)),
            req("name", prose(640, 64)),
            req("description", prose(100_000, 10_000)),
        ],
    );
}

fn define_site(table: &mut Table) {
    let image = || blob(["image/*"], 1_000_000);
    table.record(
        "site.standard.document",
        [
            opt("bskyPostRef", strong_ref()),
            opt("content", union([])),
            opt("contributors", list(to("site.standard.document#contributor"))),
            opt("coverImage", image()),
            opt("description", prose(30_000, 3_000)),
            opt("labels", self_labels()),
            opt("links", union([])),
            opt("path", string()),
            req("publishedAt", datetime()),
            req("site", uri()),
            opt("tags", list(prose(1_280, 128))),
            opt("textContent", string()),
            req("title", prose(5_000, 500)),
            opt("updatedAt", datetime()),
        ],
    );
    table.object(
        "site.standard.document#contributor",
        [req("did", did()), opt("displayName", prose(1_000, 100)), opt("role", prose(1_000, 100))],
    );
    table.record(
        "site.standard.graph.recommend",
        [req("createdAt", datetime()), req("document", at_uri())],
    );
    table.record(
        "site.standard.graph.subscription",
        [opt("createdAt", datetime()), req("publication", at_uri())],
    );
    table.record(
        "site.standard.publication",
        [
            opt("basicTheme", to("site.standard.theme.basic")),
            opt("description", prose(30_000, 3_000)),
            opt("icon", image()),
            opt("labels", self_labels()),
            req("name", prose(5_000, 500)),
            opt("preferences", to("site.standard.publication#preferences")),
            req("url", uri()),
        ],
    );
    table.object("site.standard.publication#preferences", [opt("showInDiscover", boolean())]);
    let color = || union(["site.standard.theme.color#rgb"]);
    let parts = ["accent", "accentForeground", "background", "foreground"];
    table.record("site.standard.theme.basic", parts.map(|name| req(name, color())));
    let byte = || {
        Schema::Integer(IntegerSchema { min: Some(0), max: Some(255), ..IntegerSchema::default() })
    };
    table.object("site.standard.theme.color#rgb", ["r", "g", "b"].map(|name| req(name, byte())));
}
