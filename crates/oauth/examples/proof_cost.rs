//! What a DPoP proof costs to check, and its signature alone: `cargo run --release -p cairn-oauth --example proof_cost`.

use std::time::Instant;

use cairn_identity::jws::{self, Compact, Header, HmacKey};
use cairn_identity::{Curve, SigningKey};
use cairn_oauth::dpop::{BoundToken, Nonces, Proofs};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

const PROOFS: usize = 2_000;
const ROUNDS: usize = 7;
const URL: &str = "https://pds.example.com/xrpc/com.atproto.repo.createRecord";
const TOKEN: &str = "tok-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn main() {
    let now = Timestamp::UNIX_EPOCH;
    let key = SigningKey::generate(Curve::P256);
    let proofs = Proofs::new(Nonces::new(HmacKey::generate()));
    let header = Header {
        typ: Some("dpop+jwt".to_owned()),
        extra: [("jwk".to_owned(), key.public().to_jwk())].into_iter().collect(),
        ..Header::default()
    };
    let make = |jti: usize| {
        let claims = json!({
            "jti": jti.to_string(), "htm": "POST", "htu": URL, "iat": 0,
            "nonce": proofs.nonce(now), "ath": BASE64URL_NOPAD.encode(&Sha256::digest(TOKEN)),
        });
        jws::sign(&key, header.clone(), &claims)
    };
    let jkt = key.public().jwk_thumbprint();
    let token = BoundToken { access_token: TOKEN, jkt: &jkt };
    let (mut whole, mut signature) = (f64::MAX, f64::MAX);
    for round in 0..ROUNDS {
        let made: Vec<String> = (0..PROOFS).map(|n| make(round * PROOFS + n)).collect();
        whole = whole.min(micros(&made, |proof| {
            proofs.verify(proof, "POST", URL, Some(token), now).expect("the proof is right");
        }));
        let parsed: Vec<Compact<'_>> =
            made.iter().map(|proof| Compact::parse(proof).expect("it is a token")).collect();
        let public = key.public();
        signature = signature.min(micros(&parsed, |proof| {
            proof.verify(&public).expect("the signature is right");
        }));
    }
    println!("a proof: {whole:.1} µs, of which its signature {signature:.1} µs");
}

/// The mean time of one check.
fn micros<T>(all: &[T], check: impl Fn(&T)) -> f64 {
    let started = Instant::now();
    all.iter().for_each(check);
    started.elapsed().as_secs_f64() * 1e6 / PROOFS as f64
}
