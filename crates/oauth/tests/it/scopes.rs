//! Scopes: grammar, normal form, matching. <https://atproto.com/specs/permission>

use cairn_oauth::scope::{
    AccountAction, AccountAttr, IdentityAttr, MAX_SCOPE_BYTES, Power, RepoAction, Scope,
    ScopeError, Scopes, needed_account, needed_blob, needed_identity, needed_repo, needed_rpc,
};

use AccountAction::{Manage, Read};
use AccountAttr::{Email, Repo, Status};
use RepoAction::{Create, Delete, Update};

const AUD: &str = "did:web:api.example.com#svc";

fn normal(text: &str) -> Result<String, ScopeError> {
    Scope::parse(text).map(|scope| scope.to_string())
}

/// A set with `atproto` and these.
fn set(text: &str) -> Scopes {
    Scopes::parse(&format!("atproto {text}"))
}

#[test]
fn every_valid_form_has_its_normal_form() {
    let cases = [
        ("atproto", "atproto"),
        ("transition:generic", "transition:generic"),
        ("transition:email", "transition:email"),
        ("transition:chat.bsky", "transition:chat.bsky"),
        ("repo:*", "repo:*"),
        ("repo:app.example.profile", "repo:app.example.profile"),
        ("repo?collection=app.example.profile", "repo:app.example.profile"),
        ("repo:app.example.a?action=create&action=update&action=delete", "repo:app.example.a"),
        (
            "repo:app.example.a?action=delete&action=create",
            "repo:app.example.a?action=create&action=delete",
        ),
        ("repo:*?action=delete&action=delete", "repo:*?action=delete"),
        (
            "repo?collection=app.example.b&collection=app.example.a&collection=app.example.b",
            "repo?collection=app.example.a&collection=app.example.b",
        ),
        ("repo?collection=*&collection=app.example.a", "repo:*"),
        ("repo:app%2Eexample%2ea", "repo:app.example.a"),
        ("repo:app.example.a?", "repo:app.example.a"),
        ("repo:app.example.a?&action=create&", "repo:app.example.a?action=create"),
        ("rpc:app.example.m?aud=*", "rpc:app.example.m?aud=*"),
        ("rpc?lxm=*&aud=did:web:api.example.com%23svc", "rpc:*?aud=did:web:api.example.com%23svc"),
        (
            "rpc?aud=did:web:api.example.com#svc&lxm=app.example.b&lxm=app.example.a",
            "rpc?lxm=app.example.a&lxm=app.example.b&aud=did:web:api.example.com%23svc",
        ),
        (
            "rpc:app.example.m?aud=did:web:localhost%253A80%23svc",
            "rpc:app.example.m?aud=did:web:localhost%253A80%23svc",
        ),
        ("blob:*/*", "blob:*/*"),
        ("blob:Image/PNG", "blob:image/png"),
        ("blob?accept=video/*&accept=text/html", "blob?accept=text/html&accept=video/*"),
        ("blob?accept=*/*&accept=image/*", "blob:*/*"),
        ("blob?accept=image/png&accept=image/*&accept=image/!x", "blob:image/*"),
        ("blob:image/svg+xml", "blob:image/svg+xml"),
        (
            "blob?accept=image/svg+xml&accept=image/svg%2Bxml&accept=a/b",
            "blob?accept=a/b&accept=image/svg+xml",
        ),
        ("account:email", "account:email"),
        ("account:email?action=read", "account:email"),
        ("account?action=manage&attr=repo", "account:repo?action=manage"),
        ("account:status?action=read&action=manage", "account:status?action=manage"),
        ("identity:handle", "identity:handle"),
        ("identity:*", "identity:*"),
        ("identity:*?", "identity:*"),
        ("include:app.example.authFull", "include:app.example.authFull"),
        (
            "include:app.example.authFull?aud=did:web:api.example.com%23svc",
            "include:app.example.authFull?aud=did:web:api.example.com%23svc",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(normal(text).as_deref(), Ok(expected), "{text}");
        assert_eq!(normal(expected).as_deref(), Ok(expected), "{expected} is normal");
    }
}

#[test]
fn what_is_wrong_with_a_scope_is_named() {
    use ScopeError::*;
    let cases = [
        ("", UnknownResource),
        ("resource", UnknownResource),
        ("resource:positional?key=val", UnknownResource),
        ("service:did:web:com.example#type?key=val", UnknownResource),
        ("Atproto", UnknownResource),
        ("atproto?", UnknownResource),
        ("transition:other", UnknownResource),
        ("REPO:*", UnknownResource),
        ("resource:positional?key=québec", Character),
        ("emoji:☺️", Character),
        ("repo:\"", Character),
        ("repo:a\\b", Character),
        ("repo:app.example.a%", PercentEncoding),
        ("repo:app.example.a%2", PercentEncoding),
        ("repo:app.example.a%zz", PercentEncoding),
        ("repo:app.example.a%ff", PercentEncoding),
        ("repo", Missing("collection")),
        ("repo?action=create", Missing("collection")),
        ("repo:", Value("collection")),
        ("repo:?", Value("collection")),
        ("repo:app.example.*", Value("collection")),
        ("repo:app", Value("collection")),
        ("repo:*?collection=app.example.a", Twice("collection")),
        ("repo:*?action=read", Value("action")),
        ("repo:*?action=", Value("action")),
        ("repo:*?action", Value("action")),
        ("repo:*?actions=create", UnknownParameter),
        ("repo:*?Action=create", UnknownParameter),
        ("rpc:app.example.m", Missing("aud")),
        ("rpc?aud=*", Missing("lxm")),
        ("rpc:*?aud=*", AnyMethodAnywhere),
        ("rpc?lxm=*&lxm=app.example.m&aud=*", AnyMethodAnywhere),
        ("rpc:app.example.m?aud=*&aud=*", Twice("aud")),
        ("rpc:app.example.m?aud=did:web:api.example.com", Value("aud")),
        ("rpc:app.example.m?aud=did:web:api.example.com%23", Value("aud")),
        ("rpc:app.example.m?aud=did:web:api.example.com%23a%23b", Value("aud")),
        ("rpc:app.example.m?aud=did:key:zabc%23svc", Value("aud")),
        ("rpc:app.example.m?aud=https://api.example.com%23svc", Value("aud")),
        ("blob", Missing("accept")),
        ("blob:*", Value("accept")),
        ("blob:*/png", Value("accept")),
        ("blob:image", Value("accept")),
        ("blob:image/", Value("accept")),
        ("blob:image/p*", Value("accept")),
        ("blob:image/png/x", Value("accept")),
        ("blob:image/png?size=1", UnknownParameter),
        ("account", Missing("attr")),
        ("account:*", Value("attr")),
        ("account:password", Value("attr")),
        ("account?attr=email&attr=repo", Twice("attr")),
        ("account:email?attr=email", Twice("attr")),
        ("account:email?action=write", Value("action")),
        ("identity", Missing("attr")),
        ("identity:did", Value("attr")),
        ("identity:handle?action=manage", UnknownParameter),
        ("include", Missing("nsid")),
        ("include:*", Value("nsid")),
        ("include:app.example.a?aud=*", Value("aud")),
        ("include:app.example.a?nsid=app.example.b", Twice("nsid")),
        ("include:app.example.a?action=create", UnknownParameter),
    ];
    for (text, expected) in cases {
        assert_eq!(normal(text), Err(expected), "{text}");
    }
    let long = format!("repo:{}", "a".repeat(MAX_SCOPE_BYTES));
    assert_eq!(normal(&long), Err(TooLong));
}

#[test]
fn a_set_drops_what_it_does_not_know_and_prints_in_one_order() {
    let text = "blob:*/*  unknown:thing repo:*?action=bad rpc:a.b.c?aud=* atproto blob?accept=*/*";
    assert_eq!(Scopes::parse(text).to_string(), "atproto rpc:a.b.c?aud=* blob:*/*");
    assert!(Scopes::parse("").is_empty());
    let json = serde_json::to_string(&Scopes::parse("repo:* atproto")).unwrap();
    assert_eq!(json, r#""atproto repo:*""#);
    assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), Scopes::parse("atproto repo:*"));
}

#[test]
fn repo_scopes_allow_their_actions_on_their_collections() {
    let cases = [
        ("repo:a.b.c", Create, "a.b.c", true),
        ("repo:a.b.c", Delete, "a.b.c", true),
        ("repo:a.b.c", Create, "a.b.d", false),
        ("repo:a.b.c", Create, "a.b.c.d", false),
        ("repo:a.b.c", Create, "*", false),
        ("repo:a.b.c?action=create", Update, "a.b.c", false),
        ("repo:*?action=delete", Delete, "x.y.z", true),
        ("repo:*?action=delete", Create, "x.y.z", false),
        ("repo:a.b.c?action=create repo:a.b.c?action=update", Update, "a.b.c", true),
        ("transition:generic", Delete, "x.y.z", true),
        ("transition:chat.bsky transition:email", Create, "x.y.z", false),
        ("include:a.b.set", Create, "a.b.c", false),
    ];
    for (scopes, action, collection, allowed) in cases {
        assert_eq!(set(scopes).allows_repo(action, collection), allowed, "{scopes} {collection}");
    }
}

#[test]
fn rpc_scopes_allow_their_methods_at_their_services() {
    let other = "did:web:api.example.com#other";
    let cases = [
        ("rpc:a.b.c?aud=*", "a.b.c", AUD, true),
        ("rpc:a.b.c?aud=*", "a.b.d", AUD, false),
        ("rpc:a.b.c?aud=*", "*", AUD, false),
        ("rpc:*?aud=did:web:api.example.com%23svc", "a.b.c", AUD, true),
        ("rpc:*?aud=did:web:api.example.com%23svc", "*", AUD, true),
        ("rpc:*?aud=did:web:api.example.com%23svc", "a.b.c", other, false),
        ("rpc:*?aud=did:web:api.example.com%23svc", "a.b.c", "did:web:api.example.com", false),
        ("rpc:*?aud=did:web:api.example.com%23svc", "a.b.c", "*", false),
        ("transition:generic", "a.b.c", AUD, true),
        ("transition:generic", "*", AUD, true),
        ("transition:generic", "chat.bsky.convo.getLog", AUD, false),
        ("transition:generic", "Chat.Bsky.convo.getLog", AUD, false),
        ("transition:generic", "chat.bskyfake.getLog", AUD, true),
        ("transition:chat.bsky", "chat.bsky.convo.getLog", AUD, false),
        ("transition:generic transition:chat.bsky", "chat.bsky.convo.getLog", AUD, true),
        ("transition:chat.bsky", "a.b.c", AUD, false),
        (
            "transition:generic rpc:chat.bsky.convo.getLog?aud=*",
            "chat.bsky.convo.getLog",
            AUD,
            true,
        ),
        ("repo:*", "a.b.c", AUD, false),
    ];
    for (scopes, lxm, aud, allowed) in cases {
        assert_eq!(set(scopes).allows_rpc(lxm, aud), allowed, "{scopes}: {lxm} at {aud}");
    }
}

#[test]
fn blob_scopes_allow_their_types() {
    let cases = [
        ("blob:*/*", "video/mp4", true),
        ("blob:image/*", "image/png", true),
        ("blob:image/*", "IMAGE/PNG; q=1", true),
        ("blob:image/*", "imagex/png", false),
        ("blob:image/png", "image/png", true),
        ("blob:image/png", "image/pngx", false),
        ("blob:*/*", "image", false),
        ("blob:*/*", "*/*", false),
        ("blob:image/*", "image/*", false),
        ("transition:generic", "application/octet-stream", true),
        ("repo:*", "image/png", false),
    ];
    for (scopes, mime, allowed) in cases {
        assert_eq!(set(scopes).allows_blob(mime), allowed, "{scopes}: {mime}");
    }
}

#[test]
fn account_and_identity_scopes_allow_their_parts() {
    let account = [
        ("account:email", Email, Read, true),
        ("account:email", Email, Manage, false),
        ("account:email?action=manage", Email, Read, true),
        ("account:email?action=manage", Email, Manage, true),
        ("account:repo?action=manage", Repo, Manage, true),
        ("account:repo?action=manage", Email, Read, false),
        ("account:status?action=manage", Status, Manage, true),
        ("transition:email", Email, Read, true),
        ("transition:email", Email, Manage, false),
        ("transition:generic", Email, Read, false),
        ("transition:generic", Status, Manage, false),
        ("transition:generic", Repo, Manage, false),
    ];
    for (scopes, attr, action, allowed) in account {
        assert_eq!(set(scopes).allows_account(attr, action), allowed, "{scopes}");
    }
    let identity = [
        ("identity:handle", IdentityAttr::Handle, true),
        ("identity:handle", IdentityAttr::Any, false),
        ("identity:*", IdentityAttr::Handle, true),
        ("identity:*", IdentityAttr::Any, true),
        ("transition:generic", IdentityAttr::Handle, false),
    ];
    for (scopes, attr, allowed) in identity {
        assert_eq!(set(scopes).allows_identity(attr), allowed, "{scopes}");
    }
}

#[test]
fn without_atproto_nothing_is_allowed() {
    let all = "transition:generic transition:chat.bsky transition:email repo:* \
        rpc:*?aud=did:web:api.example.com%23svc blob:*/* account:email?action=manage identity:*";
    let (scopes, with_atproto) = (Scopes::parse(all), set(all));
    let allowed = |scopes: &Scopes| {
        [
            scopes.allows_repo(Create, "a.b.c"),
            scopes.allows_rpc("a.b.c", AUD),
            scopes.allows_blob("image/png"),
            scopes.allows_account(Email, Read),
            scopes.allows_identity(IdentityAttr::Any),
        ]
    };
    assert_eq!(allowed(&scopes), [false; 5]);
    assert_eq!(allowed(&with_atproto), [true; 5]);
}

#[test]
fn the_scope_that_is_lacking_allows_what_was_refused() {
    let repo = needed_repo(Update, "app.example.a");
    assert_eq!(repo, "repo:app.example.a?action=update");
    assert!(set(&repo).allows_repo(Update, "app.example.a"));
    let rpc = needed_rpc("app.example.m", AUD);
    assert_eq!(rpc, "rpc:app.example.m?aud=did:web:api.example.com%23svc");
    assert!(set(&rpc).allows_rpc("app.example.m", AUD));
    let blob = needed_blob("Image/PNG; q=1");
    assert_eq!(blob, "blob:image/png");
    assert!(set(&blob).allows_blob("image/png"));
    assert_eq!(needed_account(Email, Read), "account:email");
    assert_eq!(needed_account(Status, Manage), "account:status?action=manage");
    assert_eq!(needed_identity(IdentityAttr::Any), "identity:*");
}

#[test]
fn one_set_is_within_another_if_it_allows_no_more() {
    let cases = [
        ("repo:a.b.c?action=create", "repo:a.b.c", true),
        (
            "repo:a.b.c",
            "repo:a.b.c?action=create repo:*?action=update repo:a.b.c?action=delete",
            true,
        ),
        ("repo:*", "repo:a.b.c", false),
        ("repo:a.b.c", "transition:generic", true),
        ("transition:generic", "repo:* blob:*/*", false),
        ("rpc:a.b.c?aud=did:web:api.example.com%23svc", "rpc:a.b.c?aud=*", true),
        ("rpc:a.b.c?aud=*", "rpc:a.b.c?aud=did:web:api.example.com%23svc", false),
        ("rpc:*?aud=did:web:api.example.com%23svc", "transition:generic", false),
        ("rpc:chat.bsky.x.y?aud=*", "transition:generic", false),
        ("blob:image/png", "blob:image/*", true),
        ("blob:image/*", "blob:image/png", false),
        ("account:email", "transition:email", true),
        ("transition:email", "account:email?action=manage", true),
        ("account:email?action=manage", "account:email", false),
        ("identity:handle", "identity:*", true),
        ("include:a.b.set", "include:a.b.set", true),
        ("include:a.b.set", "repo:*", false),
        ("include:a.b.set?aud=did:web:api.example.com%23svc", "include:a.b.set", false),
    ];
    for (narrow, wide, within) in cases {
        assert_eq!(set(narrow).is_subset_of(&set(wide)), within, "{narrow} within {wide}");
    }
    assert!(!set("").is_subset_of(&Scopes::parse("repo:*")));
}

#[test]
fn a_person_can_take_scopes_away() {
    let asked = set("repo:* account:email identity:handle");
    let refused = Scopes::parse("account:email identity:handle blob:*/*");
    assert_eq!(asked.without(&refused), set("repo:*"));
}

#[test]
fn a_consent_page_sees_groups() {
    let scopes = set(
        "identity:* account:email transition:email repo:a.b.c repo:a.b.d?action=create repo:a.b.e \
         rpc:x.y.z?aud=* rpc:x.y.w?aud=* blob:image/png blob:image/* include:a.b.set transition:chat.bsky",
    );
    let lines: Vec<(String, String)> = scopes
        .grants()
        .into_iter()
        .map(|grant| (kind(&grant.power), grant.scopes.to_string()))
        .collect();
    let line = |kind: &str, scopes: &str| (kind.to_owned(), scopes.to_owned());
    assert_eq!(
        lines,
        [
            line("sign in", "atproto"),
            line("email read", "transition:email account:email"),
            line("set a.b.set", "include:a.b.set"),
            line("records [\"a.b.d\"] create", "repo:a.b.d?action=create"),
            line("records [\"a.b.c\", \"a.b.e\"] create update delete", "repo:a.b.c repo:a.b.e"),
            line("files blob:image/*", "blob:image/* blob:image/png"),
            line("calls [\"x.y.w\", \"x.y.z\"] at *", "rpc:x.y.w?aud=* rpc:x.y.z?aud=*"),
            line("identity", "identity:*"),
        ]
    );
    let transitional = set("transition:generic transition:chat.bsky").grants();
    let kinds: Vec<String> = transitional.iter().map(|grant| kind(&grant.power)).collect();
    assert_eq!(kinds, ["sign in", "app password", "chat"]);
}

fn kind(power: &Power) -> String {
    match power {
        Power::SignIn => "sign in".to_owned(),
        Power::Email(action) => format!("email {}", action.as_str()),
        Power::Set(include) => format!("set {}", include.nsid),
        Power::Records { collections, actions } => {
            let actions: Vec<&str> = actions.iter().map(RepoAction::as_str).collect();
            format!("records {:?} {}", collections.as_strs(), actions.join(" "))
        }
        Power::Files(files) => format!("files {files}"),
        Power::Calls { aud, lxm } => format!("calls {:?} at {}", lxm.as_strs(), aud.as_str()),
        Power::AppPassword => "app password".to_owned(),
        Power::Chat => "chat".to_owned(),
        Power::Status(action) => format!("status {}", action.as_str()),
        Power::Repository(action) => format!("repository {}", action.as_str()),
        Power::Handle => "handle".to_owned(),
        Power::Identity => "identity".to_owned(),
    }
}
