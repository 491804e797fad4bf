//! Service-auth tokens: what is accepted, and under which name everything else is refused.

use std::time::Duration;

use cairn_identity::jws::{self, Header};
use cairn_identity::service_auth::{self, Claims, Verified, Verifier};
use cairn_identity::{Curve, DidDocument, SigningKey, TestResolver};
use cairn_model::{Did, Nsid};
use jiff::Timestamp;
use serde_json::json;

const PDS: &str = "did:web:pds.test";

struct World {
    resolver: TestResolver,
    verifier: Verifier,
    key: SigningKey,
    label_key: SigningKey,
    iss: Did,
    lxm: Nsid,
    now: Timestamp,
}

impl World {
    fn new(curve: Curve) -> Self {
        let world = Self {
            resolver: TestResolver::new(),
            verifier: Verifier::for_pds(&Did::parse(PDS).unwrap()),
            key: SigningKey::generate(curve),
            label_key: SigningKey::generate(curve),
            iss: Did::parse("did:web:alice.test").unwrap(),
            lxm: Nsid::parse("com.atproto.repo.uploadBlob").unwrap(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        world.publish(&world.key);
        world
    }

    fn publish(&self, key: &SigningKey) {
        let method = |fragment: &str, key: &SigningKey| {
            json!({"id": format!("{}#{fragment}", self.iss), "type": "Multikey",
                "controller": self.iss, "publicKeyMultibase": key.public().multikey()})
        };
        let document = json!({"id": self.iss, "verificationMethod":
            [method("atproto", key), method("atproto_label", &self.label_key)]});
        self.resolver.set_document(DidDocument::from_json(document).unwrap());
    }

    fn claims(&self) -> Claims {
        Claims::new(&self.iss, PDS, Some(&self.lxm), self.now, Duration::from_secs(60))
    }

    async fn verify(&self, token: &str) -> Result<Verified, &'static str> {
        let verified = self.verifier.verify(token, &self.lxm, &self.resolver, self.now).await;
        verified.map_err(|error| error.name())
    }

    async fn verify_claims(&self, claims: &Claims) -> Result<Verified, &'static str> {
        self.verify(&service_auth::create(&self.key, claims)).await
    }

    async fn verify_header(&self, header: Header) -> Result<Verified, &'static str> {
        self.verify(&jws::sign(&self.key, header, &self.claims())).await
    }
}

#[tokio::test]
async fn tokens_for_either_audience_are_accepted_once() {
    for curve in [Curve::K256, Curve::P256] {
        let world = World::new(curve);
        for aud in [PDS, "did:web:pds.test#atproto_pds"] {
            let claims = Claims { aud: aud.to_owned(), ..world.claims() };
            let token = service_auth::create(&world.key, &claims);
            let verified = world.verify(&token).await.unwrap();
            let expected = (world.iss.clone(), "#atproto", aud.to_owned());
            let used = verified.token;
            assert_eq!((verified.iss, verified.key_id, verified.aud), expected);
            assert_eq!(world.verify(&token).await, Err("JwtReplayed"));
            // Unless the call that it came with has failed.
            world.verifier.forgive(used);
            world.verify(&token).await.unwrap();
        }
        assert_eq!(world.resolver.refreshes(), 0);
    }
}

#[tokio::test]
async fn other_audiences_and_methods_are_refused() {
    let world = World::new(Curve::K256);
    for aud in ["did:web:other.test", "did:web:pds.test#bsky_appview", ""] {
        let claims = Claims { aud: aud.to_owned(), ..world.claims() };
        assert_eq!(world.verify_claims(&claims).await, Err("BadJwtAudience"), "{aud}");
    }
    for lxm in [None, Some("com.atproto.repo.createRecord"), Some("com.atproto.repo.uploadblob")] {
        let claims = Claims { lxm: lxm.map(str::to_owned), ..world.claims() };
        assert_eq!(world.verify_claims(&claims).await, Err("BadJwtLexiconMethod"), "{lxm:?}");
    }
}

#[tokio::test]
async fn times_have_bounds() {
    let world = World::new(Curve::K256);
    let now = world.now.as_second();
    let with = |exp: i64, iat: Option<i64>| Claims { exp, iat, ..world.claims() };
    assert_eq!(world.verify_claims(&with(now, None)).await, Err("JwtExpired"));
    assert_eq!(world.verify_claims(&with(i64::MIN, None)).await, Err("JwtExpired"));
    assert_eq!(world.verify_claims(&with(now + 3661, None)).await, Err("BadJwt"));
    assert_eq!(world.verify_claims(&with(i64::MAX, None)).await, Err("BadJwt"));
    assert_eq!(world.verify_claims(&with(now + 200, Some(now + 61))).await, Err("BadJwt"));
    assert!(world.verify_claims(&with(now + 1, None)).await.is_ok());
    assert!(world.verify_claims(&with(now + 3600, Some(now + 60))).await.is_ok());
}

#[tokio::test]
async fn types_of_other_protocols_are_refused() {
    let world = World::new(Curve::K256);
    for typ in ["at+jwt", "refresh+jwt", "dpop+jwt", "AT+JWT"] {
        let refused = world.verify_header(Header::with_typ(typ)).await;
        assert_eq!(refused, Err("BadJwtType"), "{typ}");
    }
    assert!(world.verify_header(Header::default()).await.is_ok());
}

#[tokio::test]
async fn the_key_id_chooses_the_key() {
    let world = World::new(Curve::K256);
    let kid = |kid: &str| Header { kid: Some(kid.to_owned()), ..Header::with_typ("JWT") };
    assert!(world.verify_header(kid("#atproto")).await.is_ok());
    assert_eq!(world.verify_header(kid("#atproto_label")).await, Err("BadJwtSignature"));
    assert_eq!(world.verify_header(kid("#other")).await, Err("BadJwt"));
    assert_eq!(world.verify_header(kid("atproto")).await, Err("BadJwt"));

    let token = jws::sign(&world.label_key, kid("#atproto_label"), &world.claims());
    assert_eq!(world.verify(&token).await.unwrap().key_id, "#atproto_label");

    let labeler = Claims { iss: format!("{}#atproto_labeler", world.iss), ..world.claims() };
    let token = service_auth::create(&world.label_key, &labeler);
    let verified = world.verify(&token).await.unwrap();
    assert_eq!((verified.iss, verified.key_id), (world.iss.clone(), "#atproto_label"));

    let contradiction = jws::sign(&world.label_key, kid("#atproto"), &labeler);
    assert_eq!(world.verify(&contradiction).await, Err("BadJwt"));
    for iss in ["did:web:alice.test#other", "alice.test", "did:web:nobody.test"] {
        let claims = Claims { iss: iss.to_owned(), ..world.claims() };
        assert_eq!(world.verify_claims(&claims).await, Err("BadJwtIss"), "{iss}");
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_by_one_refresh() {
    let world = World::new(Curve::K256);
    world.verify_claims(&world.claims()).await.unwrap();
    let fresh = SigningKey::generate(Curve::P256);
    world.publish(&fresh);
    let token = service_auth::create(&fresh, &world.claims());
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(world.resolver.refreshes(), 1);

    let stranger = SigningKey::generate(Curve::K256);
    let token = service_auth::create(&stranger, &world.claims());
    assert_eq!(world.verify(&token).await, Err("BadJwtSignature"));
    assert_eq!(world.resolver.refreshes(), 2);
}

#[tokio::test]
async fn high_s_is_tolerated_but_is_no_second_token() {
    let world = World::new(Curve::K256);
    for jti in [None, Some("x".to_owned())] {
        let claims = Claims { jti, ..world.claims() };
        let token = service_auth::create(&world.key, &claims);
        let twin = with_high_s(&token);
        assert_ne!(token, twin);
        assert!(world.verify(&twin).await.is_ok());
        assert_eq!(world.verify(&token).await, Err("JwtReplayed"));
    }
}

/// Replaces `s` by `n - s`, which verifies as well.
fn with_high_s(token: &str) -> String {
    use data_encoding::BASE64URL_NOPAD;
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let mut borrow = 0_i32;
    for index in (0..32).rev() {
        let digit = i32::from(ORDER[index]) - i32::from(signature[32 + index]) - borrow;
        borrow = i32::from(digit < 0);
        signature[32 + index] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[tokio::test]
async fn garbage_is_a_bad_jwt() {
    let world = World::new(Curve::K256);
    let token = service_auth::create(&world.key, &world.claims());
    let padded = format!("{token}=");
    let long = "a".repeat(20_000);
    for garbage in ["", ".", "..", "a.b.c", "a.b.c.d", padded.as_str(), long.as_str()] {
        assert_eq!(world.verify(garbage).await, Err("BadJwt"), "{garbage:.20}");
    }
    let missing = jws::sign(&world.key, Header::with_typ("JWT"), &json!({"iss": world.iss}));
    assert_eq!(world.verify(&missing).await, Err("BadJwt"));
    let critical = Header {
        extra: json!({"crit": ["b64"]}).as_object().unwrap().clone(),
        ..Header::with_typ("JWT")
    };
    assert_eq!(world.verify_header(critical).await, Err("BadJwt"));
    let symmetric = jws::HmacKey::from_bytes(world.key.public().to_compressed().as_slice());
    let forged = jws::sign_hs256(&symmetric, Header::with_typ("JWT"), &world.claims());
    assert_eq!(world.verify(&forged).await, Err("BadJwtSignature"));
}
