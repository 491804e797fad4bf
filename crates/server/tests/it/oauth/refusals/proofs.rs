//! DPoP proofs, at each endpoint and at a method: RFC 9449 §4.3, §7 and §8.

use cairn_identity::{Curve, SigningKey};
use http::Method;
use serde_json::{Value, json};

use super::super::tokens;
use super::{Ask, BASE64URL_NOPAD, Digest, ISSUER, Row, SCOPE, Sha256, Stage, random, row};

#[rustfmt::skip]
const PROOFS: &[Row] = &[
    row("no nonce", "use_dpop_nonce", |it| { it.proof().claims.as_object_mut().unwrap().remove("nonce"); }),
    row("another server's nonce", "use_dpop_nonce", |it| it.proof().claims["nonce"] = json!("abc")),
    row("two proofs", "invalid_dpop_proof", |it| {
        let proof = it.proof().text();
        it.proofs = Some(vec![proof.clone(), proof]);
    }),
    row("no token", "invalid_dpop_proof", |it| it.proofs = Some(vec!["proof".into()])),
    row("a proof of 9 KiB", "invalid_dpop_proof", |it| it.proof().claims["x"] = json!("x".repeat(9000))),
    row("without a signature", "invalid_dpop_proof", |it| {
        it.proof().header["alg"] = json!("none");
        let text = it.proof().text();
        it.proofs = Some(vec![format!("{}.", text.rsplit_once('.').unwrap().0)]);
    }),
    row("alg none", "invalid_dpop_proof", |it| it.proof().header["alg"] = json!("none")),
    row("symmetric alg", "invalid_dpop_proof", |it| it.proof().header["alg"] = json!("HS256")),
    row("alg of another curve", "invalid_dpop_proof", |it| it.proof().header["alg"] = json!("ES256K")),
    row("no typ", "invalid_dpop_proof", |it| it.proof().header["typ"] = Value::Null),
    row("typ JWT", "invalid_dpop_proof", |it| it.proof().header["typ"] = json!("JWT")),
    row("critical extensions", "invalid_dpop_proof", |it| it.proof().header["crit"] = json!(["x"])),
    row("no key", "invalid_dpop_proof", |it| it.proof().header["jwk"] = Value::Null),
    row("a private key", "invalid_dpop_proof", |it| it.proof().header["jwk"]["d"] = json!("AAAA")),
    row("a symmetric key", "invalid_dpop_proof", |it| it.proof().header["jwk"] = json!({ "kty": "oct", "k": "AAAA" })),
    row("a key for encryption", "invalid_dpop_proof", |it| it.proof().header["jwk"]["use"] = json!("enc")),
    row("a key beside its curve", "invalid_dpop_proof", |it| {
        let x = it.proof().header["jwk"]["x"].clone();
        it.proof().header["jwk"]["y"] = x;
    }),
    row("no jti", "invalid_dpop_proof", |it| it.proof().claims["jti"] = Value::Null),
    row("empty jti", "invalid_dpop_proof", |it| it.proof().claims["jti"] = json!("")),
    row("jti of 600 characters", "invalid_dpop_proof", |it| it.proof().claims["jti"] = json!("x".repeat(600))),
    row("no htm", "invalid_dpop_proof", |it| it.proof().claims["htm"] = Value::Null),
    row("another method", "invalid_dpop_proof", |it| it.proof().claims["htm"] = json!("PUT")),
    row("a method in small letters", "invalid_dpop_proof", |it| {
        let htm = it.proof().claims["htm"].as_str().unwrap().to_lowercase();
        it.proof().claims["htm"] = json!(htm);
    }),
    row("no htu", "invalid_dpop_proof", |it| it.proof().claims["htu"] = Value::Null),
    row("another endpoint", "invalid_dpop_proof", |it| it.proof().claims["htu"] = json!(format!("{ISSUER}/oauth/other"))),
    row("another server", "invalid_dpop_proof", |it| {
        it.proof().claims["htu"] = json!(format!("https://other.test{}", it.path));
    }),
    row("plain http", "invalid_dpop_proof", |it| it.proof().claims["htu"] = json!(format!("http://pds.test{}", it.path))),
    row("no iat", "invalid_dpop_proof", |it| it.proof().claims["iat"] = Value::Null),
    row("made too long ago", "invalid_dpop_proof", |it| it.proof().shift("iat", -191)),
    row("made in the future", "invalid_dpop_proof", |it| it.proof().shift("iat", 181)),
    row("expired", "invalid_dpop_proof", |it| it.proof().shift("exp", -180)),
    row("not good yet", "invalid_dpop_proof", |it| it.proof().shift("nbf", 181)),
    row("ath of another token", "invalid_dpop_proof", |it| it.proof().claims["ath"] = json!(random())),
];

/// Signed by another key than the one in the header, or by none that there is.
#[rustfmt::skip]
const SIGNATURES: &[Row] = &[
    row("another key has signed", "invalid_dpop_proof", |it| it.proof().key = SigningKey::generate(Curve::P256)),
    row("a changed claim", "invalid_dpop_proof", |it| {
        let signed = it.proof().text();
        it.proof().claims["jti"] = json!("other");
        let changed = it.proof().text();
        let (input, signature) = (changed.rsplit_once('.').unwrap().0, signed.rsplit_once('.').unwrap().1);
        it.proofs = Some(vec![format!("{input}.{signature}")]);
    }),
];

#[tokio::test]
async fn each_fault_of_a_proof_is_named_at_each_endpoint() {
    let stage = Stage::public().await;
    let verifier = random();
    let code = stage.client.code(&stage.server, &stage.alice, SCOPE, &verifier).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let pushed = random();
    for rows in [PROOFS, SIGNATURES] {
        stage.refuses(rows, || stage.push(&pushed)).await;
        stage.refuses(rows, || stage.ask("/oauth/token", &exchange)).await;
        stage.refuses(rows, || stage.ask("/oauth/revoke", &[("token", "x")])).await;
        stage.refuses(rows, || stage.ask("/oauth/introspect", &[("token", "x")])).await;
    }
    let bare = [row("no proof", "invalid_dpop_proof", |it| it.proof = None)];
    stage.refuses(&bare, || stage.ask("/oauth/token", &exchange)).await;
    stage.takes(&stage.push(&pushed), 201).await;
    stage.takes(&stage.ask("/oauth/token", &exchange), 200).await;
}

#[tokio::test]
async fn a_nonce_that_is_too_old_is_asked_for_anew() {
    let stage = Stage::public().await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "ref-x")];
    let old = stage.ask("/oauth/revoke", &[("token", "x")]).proof.unwrap().claims["nonce"].clone();
    stage.server.clock.advance(std::time::Duration::from_secs(181));
    let mut ask = stage.ask("/oauth/revoke", &[("token", "x")]);
    ask.proof().claims["nonce"] = old;
    let reply = stage.send(&ask).await;
    assert_eq!(reply.error(), (400, "use_dpop_nonce".into()));
    stage.client.note_nonce(&reply);
    stage.takes(&stage.ask("/oauth/revoke", &[("token", "x")]), 200).await;
    let reply = stage.send(&stage.ask("/oauth/token", &refresh)).await;
    assert_eq!(reply.error(), (400, "invalid_grant".into()));
}

const METHOD: &str = "/xrpc/com.atproto.server.getSession";

/// A call of a method with an access token.
fn call(stage: &Stage, token: &str) -> Ask {
    let mut ask = stage.ask(METHOD, &[]);
    ask.method = Method::GET;
    ask.headers = vec![("authorization", format!("DPoP {token}"))];
    ask.proof().claims["htm"] = json!("GET");
    ask.proof().claims["ath"] = json!(BASE64URL_NOPAD.encode(&Sha256::digest(token)));
    ask
}

#[rustfmt::skip]
const CALLS: &[Row] = &[
    row("no proof", "invalid_dpop_proof", |it| it.proof = None),
    row("no ath", "invalid_dpop_proof", |it| it.proof().claims["ath"] = Value::Null),
    row("a token that is none", "invalid_token", |it| it.headers[0].1 = "DPoP tok-x".into()),
    row("a token that nobody has", "invalid_token", |it| it.headers[0].1 = format!("DPoP tok-{}", "A".repeat(43))),
    row("a bound token without its binding", "invalid_token", |it| it.headers[0].1 = it.headers[0].1.replace("DPoP", "Bearer")),
    row("another key", "invalid_token", |it| {
        let other = SigningKey::generate(Curve::P256);
        it.proof().header["jwk"] = other.public().to_jwk();
        it.proof().key = other;
    }),
];

#[tokio::test]
async fn each_fault_of_a_proof_is_named_at_a_method() {
    let stage = Stage::public().await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    // What is wrong with a credential is 401 there.
    let at_method = |rows: &[Row]| -> Vec<Row> {
        rows.iter().map(|it| row(it.name, it.expected.1, it.spoil).status(401)).collect()
    };
    for rows in [PROOFS, SIGNATURES, CALLS] {
        stage.refuses(&at_method(rows), || call(&stage, &held.access)).await;
    }
    let right = call(&stage, &held.access);
    assert_eq!(stage.takes(&right, 200).await["did"], json!(stage.alice.did.as_str()));
    let again = stage.send(&right).await;
    assert_eq!(again.error(), (401, "invalid_dpop_proof".into()), "a proof serves once");
    // With the refresh token nothing can be done there.
    let reply = stage.send(&call(&stage, &held.refresh)).await;
    assert_eq!(reply.error(), (401, "invalid_token".into()));
    let next = tokens(&stage.client.refresh(&stage.server, &held.refresh).await);
    let reply = stage.send(&call(&stage, &held.access)).await;
    assert_eq!(reply.error(), (401, "invalid_token".into()), "it was replaced");
    stage.takes(&call(&stage, &next.access), 200).await;
}
