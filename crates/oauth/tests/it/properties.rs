//! What holds for any input.

use cairn_identity::SigningKey;
use cairn_identity::jws::HmacKey;
use cairn_oauth::dpop::{Nonces, Proofs};
use cairn_oauth::fuzz;
use cairn_oauth::scope::{AccountAction, AccountAttr, IdentityAttr, RepoAction, Scope, Scopes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::support::{key, now, public_document, token, with};

const NAMES: [&str; 5] = ["a.b.c", "a.b.d", "chat.bsky.convo.getLog", "app.bsky.feed.post", "*"];
const SERVICES: [&str; 3] = ["did:web:x.example.com#svc", "did:plc:abc#svc", "*"];
const TYPES: [&str; 6] = ["image/png", "image/*", "IMAGE/GIF", "text/x+y", "video/*", "*/*"];

/// A value as somebody may write it: as it is, or percent-encoded.
fn written(value: &str, encode: bool) -> String {
    let encoded = |b: u8| format!("%{b:02x}");
    if encode { value.bytes().map(encoded).collect() } else { value.replace('%', "%25") }
}

fn repeated(resource: &str, name: &str, values: &[&str], rest: &[String], encode: bool) -> String {
    let mut params: Vec<String> = Vec::new();
    let mut text = resource.to_owned();
    match values {
        [value] => text = format!("{resource}:{}", written(value, encode)),
        values => {
            params.extend(values.iter().map(|value| format!("{name}={}", written(value, encode))))
        }
    }
    params.extend(rest.iter().cloned());
    if params.is_empty() { text } else { format!("{text}?{}", params.join("&")) }
}

fn scope_text() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "atproto",
        "transition:generic",
        "transition:email",
        "transition:chat.bsky",
        "identity:*",
        "identity:handle",
        "account:email",
        "account:email?action=manage",
        "account?attr=status",
        "account:repo?action=manage",
        "include:a.b.set",
        "include:a.b.set?aud=did:plc:abc%23svc",
    ]);
    let actions = subsequence(vec!["action=create", "action=update", "action=delete"], 0..=3);
    let names = || subsequence(NAMES.to_vec(), 1..=NAMES.len()).prop_shuffle();
    prop_oneof![
        fixed.prop_map(str::to_owned),
        (names(), actions.prop_shuffle(), any::<bool>()).prop_map(|(names, actions, encode)| {
            let actions: Vec<String> = actions.into_iter().map(str::to_owned).collect();
            repeated("repo", "collection", &names, &actions, encode)
        }),
        (names(), select(SERVICES.to_vec()), any::<bool>()).prop_map(|(names, aud, encode)| {
            repeated("rpc", "lxm", &names, &[format!("aud={}", written(aud, encode))], encode)
        }),
        (subsequence(TYPES.to_vec(), 1..=TYPES.len()).prop_shuffle(), any::<bool>())
            .prop_map(|(types, encode)| repeated("blob", "accept", &types, &[], encode)),
    ]
}

fn scopes() -> impl Strategy<Value = Scopes> {
    vec(scope_text(), 0..6).prop_map(|texts| Scopes::parse(&texts.join(" ")))
}

/// Everything that scopes of these tests can allow: the acts that a set allows, as a list of yes and no.
fn allowed(scopes: &Scopes) -> Vec<bool> {
    let mut acts = Vec::new();
    for name in NAMES {
        acts.extend(RepoAction::ALL.map(|action| scopes.allows_repo(action, name)));
        acts.extend(SERVICES.map(|service| scopes.allows_rpc(name, service)));
    }
    acts.extend(
        ["image/png", "image/gif", "text/x+y", "audio/ogg"].map(|mime| scopes.allows_blob(mime)),
    );
    for attr in [AccountAttr::Email, AccountAttr::Repo, AccountAttr::Status] {
        let actions = [AccountAction::Read, AccountAction::Manage];
        acts.extend(actions.map(|action| scopes.allows_account(attr, action)));
    }
    acts.extend([IdentityAttr::Handle, IdentityAttr::Any].map(|attr| scopes.allows_identity(attr)));
    acts
}

fn no_more(less: &Scopes, more: &Scopes) -> bool {
    allowed(less).into_iter().zip(allowed(more)).all(|(less, more)| more || !less)
}

/// Any JSON, or text that could stand in a document.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        select(vec!["atproto", "none", "private_key_jwt", "https://app.example.com/x", "native"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #[test]
    fn scopes_of_the_grammar_print_as_themselves(text in scope_text()) {
        if let Ok(scope) = Scope::parse(&text) {
            let printed = scope.to_string();
            prop_assert_eq!(Scope::parse(&printed), Ok(scope));
            prop_assert_eq!(Scope::parse(&printed).unwrap().to_string(), printed);
        }
        fuzz::scope(text.as_bytes());
    }

    #[test]
    fn more_scopes_allow_no_less(a in scopes(), b in scopes()) {
        prop_assert!(no_more(&a, &a.union(&b)));
        prop_assert!(no_more(&a.without(&b), &a));
    }

    #[test]
    fn a_set_within_another_allows_no_more(a in scopes(), b in scopes()) {
        if a.is_subset_of(&b) {
            prop_assert!(no_more(&a, &b), "{} within {}", a, b);
        }
        prop_assert!(a.is_subset_of(&a.union(&b)));
    }

    #[test]
    fn grants_name_every_scope_that_does_something(scopes in scopes()) {
        let granted: Scopes =
            scopes.grants().iter().flat_map(|grant| grant.scopes.iter().cloned()).collect();
        prop_assert_eq!(allowed(&granted), allowed(&scopes));
    }

    #[test]
    fn no_text_breaks_scopes(text in "[a-z:?&=%*./# ]{0,60}|\\PC{0,40}") {
        fuzz::scope(text.as_bytes());
    }

    #[test]
    fn no_bytes_are_a_proof(bytes in vec(any::<u8>(), 0..300)) {
        fuzz::dpop(&bytes);
    }

    #[test]
    fn no_unsigned_claims_are_a_proof(
        member in select(vec!["jti", "htm", "htu", "iat", "nonce", "ath", "exp"]),
        value in json_value(),
    ) {
        let proofs = Proofs::new(Nonces::new(HmacKey::from_bytes(&[7; 32])));
        let claims = json!({
            "jti": "j", "htm": "POST", "htu": "https://pds.example.com/x", "iat": 0,
            "nonce": proofs.nonce(jiff::Timestamp::UNIX_EPOCH),
        });
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": fixed_key().public().to_jwk() });
        fuzz::dpop(format!("{header}\n{}", with(claims, json!({ member: value }))).as_bytes());
    }

    #[test]
    fn a_changed_proof_is_refused(at in 0..300_usize, bit in 0..8_u32) {
        let (proofs, key) = (Proofs::new(Nonces::new(HmacKey::from_bytes(&[7; 32]))), fixed_key());
        let url = "https://pds.example.com/x";
        let claims = json!({
            "jti": "j", "htm": "POST", "htu": url, "iat": now().as_second(), "nonce": proofs.nonce(now()),
        });
        let header = json!({ "typ": "dpop+jwt", "jwk": key.public().to_jwk() });
        let proof = token(&key, header, &claims);
        let mut changed = proof.clone().into_bytes();
        let at = at % changed.len();
        changed[at] ^= 1 << bit;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        prop_assert!(proofs.verify(&changed, "POST", url, None, now()).is_err());
        prop_assert!(proofs.verify(&proof, "POST", url, None, now()).is_ok());
    }

    #[test]
    fn no_document_breaks_client_metadata(
        member in select(vec![
            "client_id", "scope", "redirect_uris", "grant_types", "response_types", "jwks", "jwks_uri",
            "client_uri", "application_type", "token_endpoint_auth_method", "dpop_bound_access_tokens",
        ]),
        value in json_value(),
    ) {
        let document = with(public_document(), json!({ "client_id": "https://app.example.com/client.json" }));
        fuzz::client_metadata(document.to_string().as_bytes());
        fuzz::client_metadata(with(document, json!({ member: value })).to_string().as_bytes());
    }

    #[test]
    fn no_text_breaks_client_ids(
        text in "(https?://|[a-z.]{1,9}:/?/?)[a-z0-9.:@/?#%&=\\[\\]-]{0,40}|http://localhost\\??(scope|redirect_uri)=[a-z:/.%0-9]{0,30}|\\PC{0,40}",
    ) {
        fuzz::client_metadata(text.as_bytes());
    }

    #[test]
    fn no_body_breaks_requests(
        member in select(vec!["client_id", "redirect_uri", "scope", "state", "response_mode", "prompt", "login_hint", "max_age", "ui_locales"]),
        value in json_value(),
    ) {
        let body = json!({
            "client_id": "http://localhost?scope=atproto%20repo:*", "response_type": "code",
            "redirect_uri": "http://127.0.0.1:8080/", "scope": "atproto repo:*", "state": "s",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
        });
        fuzz::request(body.to_string().as_bytes());
        fuzz::request(with(body, json!({ member: value })).to_string().as_bytes());
    }
}

fn fixed_key() -> SigningKey {
    static KEY: std::sync::LazyLock<SigningKey> = std::sync::LazyLock::new(key);
    KEY.clone()
}
