//! DPoP proofs and nonces, RFC 9449.

use cairn_identity::jws::HmacKey;
use cairn_identity::{Curve, SigningKey};
use cairn_oauth::dpop::{BoundToken, DpopError, Nonces, Proof, Proofs};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{ISSUER, at, code, key, now, token, with};

const TOKEN: &str = "tok-0123456789";
/// SHA-256 of the token.
fn ath() -> String {
    BASE64URL_NOPAD.encode(&cairn_oauth::token::hash(TOKEN))
}

fn proofs() -> Proofs {
    Proofs::new(Nonces::new(HmacKey::from_bytes(&[1; 32])))
}

fn header(key: &SigningKey) -> Value {
    json!({ "typ": "dpop+jwt", "jwk": key.public().to_jwk() })
}

fn claims(proofs: &Proofs) -> Value {
    json!({
        "jti": "j1", "htm": "POST", "htu": format!("{ISSUER}/oauth/token"),
        "iat": now().as_second(), "nonce": proofs.nonce(now()),
    })
}

fn check(proofs: &Proofs, proof: &str, at: Timestamp) -> Result<Proof, DpopError> {
    proofs.verify(proof, "POST", &format!("{ISSUER}/oauth/token"), None, at)
}

/// The outcome of a proof with these changes to header and claims, with new memory.
fn outcome(header_changes: Value, claim_changes: Value) -> Result<Proof, DpopError> {
    let (proofs, key) = (proofs(), key());
    let header = with(header(&key), header_changes);
    check(&proofs, &token(&key, header, &with(claims(&proofs), claim_changes)), now())
}

#[test]
fn a_proof_of_either_curve_names_its_key() {
    for curve in [Curve::P256, Curve::K256] {
        let (proofs, key) = (proofs(), SigningKey::generate(curve));
        let proof = token(&key, header(&key), &claims(&proofs));
        let jkt = key.public().jwk_thumbprint();
        assert_eq!(check(&proofs, &proof, now()).unwrap(), Proof { jkt });
    }
}

#[test]
fn each_rule_of_the_header_is_kept() {
    use DpopError::*;
    assert!(matches!(outcome(json!({ "typ": null }), json!({})), Err(Type)));
    assert!(matches!(outcome(json!({ "typ": "JWT" }), json!({})), Err(Type)));
    assert!(matches!(outcome(json!({ "jwk": null }), json!({})), Err(NoKey)));
    assert!(matches!(outcome(json!({ "jwk": "x" }), json!({})), Err(NoKey)));
    let own = key();
    let private = with(own.public().to_jwk(), json!({ "d": "AAAA" }));
    assert!(matches!(outcome(json!({ "jwk": private }), json!({})), Err(Key(_))));
    let symmetric = json!({ "kty": "oct", "k": "AAAA" });
    assert!(matches!(outcome(json!({ "jwk": symmetric }), json!({})), Err(Key(_))));
    // Another key than the one that signed, of the same and of another curve.
    assert!(matches!(outcome(json!({ "jwk": own.public().to_jwk() }), json!({})), Err(Jws(_))));
    let other_curve = SigningKey::generate(Curve::K256).public().to_jwk();
    assert!(matches!(outcome(json!({ "jwk": other_curve }), json!({})), Err(Jws(_))));
    assert!(matches!(outcome(json!({ "crit": ["x"] }), json!({})), Err(Jws(_))));
    assert!(outcome(json!({ "typ": "DPoP+JWT" }), json!({})).is_ok());
    assert_eq!(code(outcome(json!({ "typ": "JWT" }), json!({}))), "invalid_dpop_proof");
}

#[test]
fn each_rule_of_the_claims_is_kept() {
    use DpopError::*;
    let claim = |changes: Value| outcome(json!({}), changes);
    let second = now().as_second();
    for changes in [
        json!({ "jti": null }),
        json!({ "jti": 7 }),
        json!({ "htm": null }),
        json!({ "htu": null }),
        json!({ "iat": null }),
        json!({ "iat": "now" }),
        json!({ "iat": -1 }),
        json!({ "iat": 1e300 }),
        json!({ "nonce": 7 }),
        json!({ "ath": [] }),
    ] {
        assert!(matches!(claim(changes.clone()), Err(Jws(_))), "{changes}");
    }
    assert!(matches!(claim(json!({ "jti": "" })), Err(Jti)));
    assert!(matches!(claim(json!({ "jti": "x".repeat(513) })), Err(Jti)));
    assert!(matches!(claim(json!({ "htm": "GET" })), Err(Method)));
    assert!(matches!(claim(json!({ "htm": "post" })), Err(Method)));
    assert!(matches!(claim(json!({ "ath": ath() })), Err(UnexpectedAccessToken)));
    assert!(matches!(claim(json!({ "nonce": null })), Err(UseNonce)));
    assert!(matches!(claim(json!({ "nonce": "other" })), Err(UseNonce)));
    assert_eq!(code(claim(json!({ "nonce": null }))), "use_dpop_nonce");
    let times = [
        (json!({ "iat": second - 190 }), true),
        (json!({ "iat": second - 191 }), false),
        (json!({ "iat": second + 180 }), true),
        (json!({ "iat": second + 181 }), false),
        (json!({ "iat": second as f64 + 0.5 }), true),
        (json!({ "exp": second - 179 }), true),
        (json!({ "exp": second - 180 }), false),
        (json!({ "nbf": second + 180 }), true),
        (json!({ "nbf": second + 181 }), false),
    ];
    for (changes, accepted) in times {
        let outcome = claim(changes.clone());
        assert!(if accepted { outcome.is_ok() } else { matches!(outcome, Err(Time)) }, "{changes}");
    }
}

#[test]
fn the_target_is_compared_without_query_and_by_the_url_standard() {
    let cases = [
        ("https://pds.example.com/oauth/token", true),
        ("https://pds.example.com/oauth/token?x=y#z", true),
        ("HTTPS://PDS.example.com:443/oauth/./token", true),
        ("https://pds.example.com/oauth/token/", false),
        ("https://pds.example.com/oauth/Token", false),
        ("https://pds.example.com:8443/oauth/token", false),
        ("http://pds.example.com/oauth/token", false),
        ("https://other.example.com/oauth/token", false),
        ("https://user@pds.example.com/oauth/token", false),
        ("/oauth/token", false),
        ("", false),
    ];
    for (htu, same) in cases {
        let outcome = outcome(json!({}), json!({ "htu": htu }));
        assert!(
            if same { outcome.is_ok() } else { matches!(outcome, Err(DpopError::Target)) },
            "{htu}"
        );
    }
}

#[test]
fn a_proof_is_used_once() {
    let (proofs, key) = (proofs(), key());
    let proof = token(&key, header(&key), &claims(&proofs));
    check(&proofs, &proof, now()).unwrap();
    assert!(matches!(check(&proofs, &proof, now()), Err(DpopError::Replayed)));
    // For as long as its nonce would let it in.
    assert!(matches!(check(&proofs, &proof, at(179)), Err(DpopError::Replayed)));
    assert!(matches!(check(&proofs, &proof, at(180)), Err(DpopError::UseNonce)));
    // Signed anew it is still the same use; another key's `jti` is another one.
    let again = token(
        &key,
        header(&key),
        &with(claims(&proofs), json!({ "htu": format!("{ISSUER}/oauth/token?a") })),
    );
    assert!(matches!(check(&proofs, &again, now()), Err(DpopError::Replayed)));
    let other = self::key();
    check(&proofs, &token(&other, header(&other), &claims(&proofs)), now()).unwrap();
}

#[test]
fn a_refused_proof_does_not_use_up_its_jti() {
    let (proofs, key) = (proofs(), key());
    let wrong = token(&key, header(&key), &with(claims(&proofs), json!({ "htm": "GET" })));
    assert!(matches!(check(&proofs, &wrong, now()), Err(DpopError::Method)));
    let forged = token(&self::key(), header(&key), &claims(&proofs));
    assert!(matches!(check(&proofs, &forged, now()), Err(DpopError::Jws(_))));
    check(&proofs, &token(&key, header(&key), &claims(&proofs)), now()).unwrap();
}

#[test]
fn at_a_resource_the_proof_speaks_of_the_token_and_is_of_its_key() {
    let (proofs, key) = (proofs(), key());
    let jkt = key.public().jwk_thumbprint();
    let bound = BoundToken { access_token: TOKEN, jkt: &jkt };
    let verify = |claims: Value, key: &SigningKey| {
        let proof = token(key, header(key), &claims);
        proofs.verify(&proof, "POST", &format!("{ISSUER}/oauth/token"), Some(bound), now())
    };
    let good = with(claims(&proofs), json!({ "ath": ath() }));
    assert!(matches!(verify(claims(&proofs), &key), Err(DpopError::AccessToken)));
    let other = with(claims(&proofs), json!({ "ath": BASE64URL_NOPAD.encode(&[0; 32]) }));
    assert!(matches!(verify(other, &key), Err(DpopError::AccessToken)));
    let stolen = verify(good.clone(), &self::key());
    assert!(matches!(stolen, Err(DpopError::OtherKey)));
    assert_eq!(code(stolen), "invalid_token");
    assert_eq!(verify(good.clone(), &key).unwrap().jkt, jkt);
    assert!(matches!(verify(good, &key), Err(DpopError::Replayed)));
}

#[test]
fn what_is_no_token_is_refused() {
    let proofs = proofs();
    for bad in ["", ".", "..", "a.b.c", "eyJ9.e30.AA", &"x".repeat(9000)] {
        assert!(matches!(check(&proofs, bad, now()), Err(DpopError::Jws(_))), "{bad}");
    }
}

#[test]
fn nonces_live_two_to_three_minutes() {
    let nonces = Nonces::new(HmacKey::from_bytes(&[1; 32]));
    for issued_at in [0, 59] {
        let nonce = nonces.issue(at(issued_at));
        for (seconds, good) in
            [(-1, false), (0, true), (59, true), (119, true), (179, true), (180, false)]
        {
            assert_eq!(
                nonces.check(&nonce, at(seconds)),
                good,
                "issued at {issued_at}, used at {seconds}"
            );
        }
    }
    assert_ne!(nonces.issue(at(0)), nonces.issue(at(60)));
    let restarted = Nonces::new(HmacKey::from_bytes(&[2; 32]));
    assert!(!restarted.check(&nonces.issue(now()), now()));
    assert!(!nonces.check("", now()));
}
