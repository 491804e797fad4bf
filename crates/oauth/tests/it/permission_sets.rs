//! Published permission sets. <https://atproto.com/specs/permission#permission-sets>

use cairn_model::Nsid;
use cairn_oauth::scope::{PermissionSet, PermissionSetError, Scope, Scopes, UnresolvedSet};
use serde_json::{Value, json};

const SET: &str = "app.example.feed.authFull";

fn lexicon(permissions: Value) -> Value {
    json!({
        "lexicon": 1,
        "id": SET,
        "defs": { "main": {
            "type": "permission-set",
            "title": "Feeds",
            "title:lang": { "de": "Feeds lesen", "pt-BR": "Fluxos" },
            "detail": "Reads and writes feeds",
            "permissions": permissions,
        } },
    })
}

fn set(permissions: Value) -> PermissionSet {
    PermissionSet::from_lexicon(&Nsid::parse(SET).unwrap(), &lexicon(permissions)).unwrap()
}

/// What a set of this one permission grants when it is included so.
fn granted(include: &str, mut permission: Value) -> String {
    permission["type"] = json!("permission");
    let set = set(json!([permission]));
    let Ok(Scope::Include(include)) = Scope::parse(include) else {
        panic!("{include} is an include scope");
    };
    set.scopes(&include).to_string()
}

#[test]
fn permissions_that_are_understood_become_scopes() {
    let plain = format!("include:{SET}");
    let with_aud = format!("include:{SET}?aud=did:web:api.example.com%23svc");
    let cases = [
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"] }),
            "repo:app.example.feed.post",
        ),
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"], "action": ["delete"] }),
            "repo:app.example.feed.post?action=delete",
        ),
        // Deeper below is within the set's authority.
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.sub.deep.post"] }),
            "repo:app.example.feed.sub.deep.post",
        ),
        (
            &plain,
            json!({ "resource": "rpc", "lxm": ["app.example.feed.get"], "aud": "*" }),
            "rpc:app.example.feed.get?aud=*",
        ),
        (
            &with_aud,
            json!({ "resource": "rpc", "lxm": ["app.example.feed.get"], "inheritAud": true }),
            "rpc:app.example.feed.get?aud=did:web:api.example.com%23svc",
        ),
        (
            &with_aud,
            json!({ "resource": "rpc", "lxm": ["app.example.feed.get"], "inheritAud": false, "aud": "*" }),
            "rpc:app.example.feed.get?aud=*",
        ),
    ];
    for (include, permission, expected) in cases {
        assert_eq!(granted(include, permission.clone()), expected, "{permission}");
    }
}

#[test]
fn permissions_that_break_a_rule_grant_nothing() {
    let plain = format!("include:{SET}");
    let with_aud = format!("include:{SET}?aud=did:web:api.example.com%23svc");
    let lxm = json!(["app.example.feed.get"]);
    let cases = [
        // Siblings, parents, look-alikes, wildcards.
        (&plain, json!({ "resource": "repo", "collection": ["app.example.actor.profile"] })),
        (&plain, json!({ "resource": "repo", "collection": ["app.example.profile"] })),
        (&plain, json!({ "resource": "repo", "collection": ["app.example.feedx.post"] })),
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post", "app.example.actor.profile"] }),
        ),
        (&plain, json!({ "resource": "repo", "collection": ["*"] })),
        (&plain, json!({ "resource": "rpc", "lxm": ["*"], "aud": "*" })),
        (&with_aud, json!({ "resource": "rpc", "lxm": ["*"], "inheritAud": true })),
        // Resources that must be asked for directly, and unknown ones.
        (&plain, json!({ "resource": "blob", "accept": ["*/*"] })),
        (&plain, json!({ "resource": "account", "attr": "email" })),
        (&plain, json!({ "resource": "identity", "attr": "*" })),
        (&plain, json!({ "resource": "include", "nsid": "app.example.feed.other" })),
        (&plain, json!({ "resource": "space" })),
        // Fields and values that are not understood, or missing.
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"], "rkey": ["self"] }),
        ),
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"], "action": ["read"] }),
        ),
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"], "action": [] }),
        ),
        (
            &plain,
            json!({ "resource": "repo", "collection": ["app.example.feed.post"], "action": "create" }),
        ),
        (&plain, json!({ "resource": "repo", "collection": [] })),
        (&plain, json!({ "resource": "repo", "collection": "app.example.feed.post" })),
        (&plain, json!({ "resource": "repo", "collection": [7] })),
        (&plain, json!({ "resource": "repo" })),
        // Audiences.
        (&plain, json!({ "resource": "rpc", "lxm": lxm })),
        (&plain, json!({ "resource": "rpc", "lxm": lxm, "inheritAud": true })),
        (&with_aud, json!({ "resource": "rpc", "lxm": lxm, "inheritAud": true, "aud": "*" })),
        (&with_aud, json!({ "resource": "rpc", "lxm": lxm, "inheritAud": "yes" })),
        (&with_aud, json!({ "resource": "rpc", "lxm": lxm, "inheritAud": false })),
        (&plain, json!({ "resource": "rpc", "lxm": lxm, "aud": "did:web:api.example.com#svc" })),
    ];
    for (include, permission) in cases {
        assert_eq!(granted(include, permission.clone()), "", "{permission}");
    }
}

#[test]
fn one_bad_permission_does_not_spoil_the_others() {
    let set = set(json!([
        { "type": "permission", "resource": "magic" },
        { "type": "permission", "resource": "repo", "collection": ["app.example.feed.post"] },
    ]));
    let asked = Scopes::parse(&format!("atproto include:{SET} blob:*/*"));
    let expanded = asked.expand(&|nsid| (nsid == SET).then_some(&set)).unwrap();
    assert_eq!(expanded.to_string(), "atproto repo:app.example.feed.post blob:*/*");
    assert_eq!(asked.includes().map(|include| include.nsid.as_str()).collect::<Vec<_>>(), [SET]);
}

#[test]
fn a_set_that_is_not_at_hand_is_an_error() {
    let asked = Scopes::parse(&format!("atproto include:{SET}"));
    assert_eq!(asked.expand(&|_| None), Err(UnresolvedSet(Nsid::parse(SET).unwrap())));
}

#[test]
fn documents_that_are_no_such_set_are_refused() {
    let nsid = Nsid::parse(SET).unwrap();
    let other = Nsid::parse("app.example.feed.other").unwrap();
    let valid = lexicon(json!([]));
    assert!(matches!(
        PermissionSet::from_lexicon(&other, &valid),
        Err(PermissionSetError::Name { .. })
    ));
    let query = json!({ "lexicon": 1, "id": SET, "defs": { "main": { "type": "query" } } });
    assert!(matches!(PermissionSet::from_lexicon(&nsid, &query), Err(PermissionSetError::Kind(_))));
    assert!(matches!(
        PermissionSet::from_lexicon(&nsid, &json!([])),
        Err(PermissionSetError::Lexicon(_))
    ));
}

#[test]
fn the_words_come_in_the_readers_language() {
    let set = set(json!([]));
    assert_eq!(set.title("de"), Some("Feeds lesen"));
    assert_eq!(set.title("de-AT"), Some("Feeds lesen"));
    assert_eq!(set.title("PT-br"), Some("Fluxos"));
    assert_eq!(set.title("fr"), Some("Feeds"));
    assert_eq!(set.detail("fr"), Some("Reads and writes feeds"));
}
