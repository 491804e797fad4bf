//! The vectors of the specification, and what must not get through.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

const RP_ID: &str = "example.org";
const ORIGIN: &str = "https://example.org";
const CHALLENGE: [u8; 32] = [7; 32];

fn expected(challenge: &[u8]) -> Expected<'_> {
    Expected { rp_id: RP_ID, origin: ORIGIN, challenge, needs_verification: false }
}

/// An authenticator, with everything that it may get wrong in the open.
struct Soft {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    rp_id: &'static str,
    flags: u8,
    /// Replaces what it would write behind the counter.
    tail: Option<Vec<u8>>,
}

impl Soft {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self { key, id: vec![3; 16], rp_id: RP_ID, flags: 0x45, tail: None }
    }

    fn cose(&self) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        [&hex("a5010203262001215820")[..], x, &hex("225820"), y].concat()
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[flags], &9_u32.to_be_bytes()].concat()
    }

    fn auth_data(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let tail = [&[0; 16][..], &length, &self.id, &self.cose()].concat();
        [self.head(self.flags), self.tail.clone().unwrap_or(tail)].concat()
    }

    fn attestation(&self) -> Vec<u8> {
        object(&hex("63666d74646e6f6e65"), &hex("6761747453746d74a0"), &self.auth_data())
    }

    fn sign(&self, flags: u8, client_data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let data = self.head(flags);
        let message = [&data, digest(&SHA256, client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        (data, signature.as_ref().to_vec())
    }
}

fn object(format: &[u8], statement: &[u8], data: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(data.len()) {
        Ok(short @ ..24) => vec![0x40 | short],
        Ok(length) => vec![0x58, length],
        Err(_) => {
            let length = u16::try_from(data.len()).unwrap().to_be_bytes();
            [&[0x59][..], &length].concat()
        }
    };
    [&[0xa3][..], format, statement, &hex("686175746844617461"), &length, data].concat()
}

fn client_data(kind: &str, challenge: &[u8], origin: &str, more: &str) -> Vec<u8> {
    let challenge = BASE64URL_NOPAD.encode(challenge);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#)
        .into_bytes()
}

fn created() -> Vec<u8> {
    client_data("webauthn.create", &CHALLENGE, ORIGIN, "")
}

fn got() -> Vec<u8> {
    client_data("webauthn.get", &CHALLENGE, ORIGIN, r#","crossOrigin":false"#)
}

fn use_it(soft: &Soft, flags: u8, client_data: &[u8]) -> Result<Verified, PasskeyError> {
    let (authenticator_data, signature) = soft.sign(flags, client_data);
    let assertion =
        Assertion { client_data, authenticator_data: &authenticator_data, signature: &signature };
    verify(&expected(&CHALLENGE), &soft.cose(), &assertion)
}

/// <https://www.w3.org/TR/webauthn-3/#sctn-test-vectors-none-es256>
#[test]
fn the_vectors_of_the_specification_are_accepted() {
    let challenge = hex("00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130");
    let object = hex(
        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735a\
         e7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70\
         189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20d\
         b90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b\
         9220",
    );
    let data = hex(
        "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878\
         475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a226874\
         7470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c226578747261446174\
         61223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e\
         616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354\
         427258426941774a544c453551227d",
    );
    let made = register(&expected(&challenge), &data, &object).unwrap();
    let id = hex("f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4");
    assert_eq!(made.credential_id, id);
    assert_eq!((made.backup_eligible, made.backed_up, made.verified), (true, true, false));
    let strict = Expected { needs_verification: true, ..expected(&challenge) };
    assert_eq!(register(&strict, &data, &object), Err(PasskeyError::NotVerified));

    let challenge = hex("39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408");
    let authenticator_data =
        hex("bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000");
    let data = hex(
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455\
         506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a226874747073\
         3a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    );
    let signature = hex(
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b935381\
         74f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
    );
    let assertion = Assertion {
        client_data: &data,
        authenticator_data: &authenticator_data,
        signature: &signature,
    };
    let used = verify(&expected(&challenge), &made.public_key, &assertion).unwrap();
    assert_eq!((used.sign_count, used.backed_up), (0, true));
}

#[test]
fn a_passkey_is_made_and_used() {
    let soft = Soft::new();
    let made = register(&expected(&CHALLENGE), &created(), &soft.attestation()).unwrap();
    assert_eq!((&made.credential_id, &made.public_key), (&soft.id, &soft.cose()));
    assert_eq!((made.sign_count, made.verified), (9, true));
    let used = use_it(&soft, 0x05, &got()).unwrap();
    assert_eq!((used.sign_count, used.verified, used.backed_up), (9, true, false));
    // Another statement than "none" changes nothing; extensions are passed over.
    let packed = object(
        &hex("63666d74667061636b6564"),
        &hex("6761747453746d74a263616c672663736967420102"),
        &soft.auth_data(),
    );
    assert_eq!(register(&expected(&CHALLENGE), &created(), &packed).as_ref(), Ok(&made));
    let mut extended = Soft { flags: 0xc5, ..Soft::new() };
    let length = u16::try_from(extended.id.len()).unwrap().to_be_bytes();
    let extension = hex("a16b6372656450726f7465637402");
    let tail = [&[0; 16][..], &length, &extended.id, &extended.cose(), &extension].concat();
    extended.tail = Some(tail);
    register(&expected(&CHALLENGE), &created(), &extended.attestation()).unwrap();
}

#[test]
fn the_client_data_must_be_what_was_asked_for() {
    use PasskeyError::{Challenge, ClientData, Origin, Type};
    let soft = Soft::new();
    for (data, error) in [
        (client_data("webauthn.get", &CHALLENGE, ORIGIN, ""), Type),
        (client_data("payment.get", &CHALLENGE, ORIGIN, ""), Type),
        (client_data("webauthn.create", &[8; 32], ORIGIN, ""), Challenge),
        (client_data("webauthn.create", &CHALLENGE[1..], ORIGIN, ""), Challenge),
        (client_data("webauthn.create", &CHALLENGE, "https://evil.example", ""), Origin),
        (client_data("webauthn.create", &CHALLENGE, "https://alice.example.org", ""), Origin),
        (client_data("webauthn.create", &CHALLENGE, "http://example.org", ""), Origin),
        (client_data("webauthn.create", &CHALLENGE, "https://example.org/", ""), Origin),
        (client_data("webauthn.create", &CHALLENGE, ORIGIN, r#","crossOrigin":true"#), Origin),
        (
            client_data(
                "webauthn.create",
                &CHALLENGE,
                ORIGIN,
                r#","topOrigin":"https://example.org""#,
            ),
            Origin,
        ),
        (
            client_data("webauthn.create", &CHALLENGE, ORIGIN, r#","type":"webauthn.create""#),
            ClientData,
        ),
        (client_data("webauthn.create", &CHALLENGE, ORIGIN, r#","crossOrigin":1"#), ClientData),
        (
            client_data(
                "webauthn.create",
                &CHALLENGE,
                ORIGIN,
                &format!(r#","x":"{}""#, "x".repeat(9_000)),
            ),
            ClientData,
        ),
        ([created(), b"x".to_vec()].concat(), ClientData),
        (b"{}".to_vec(), ClientData),
        (b"\xff".to_vec(), ClientData),
        (Vec::new(), ClientData),
    ] {
        let said = String::from_utf8_lossy(&data).into_owned();
        let outcome = register(&expected(&CHALLENGE), &data, &soft.attestation());
        assert_eq!(outcome, Err(error), "{said}");
    }
    assert_eq!(use_it(&soft, 0x05, &created()), Err(Type));
}

#[test]
fn the_authenticator_must_be_of_this_server_and_somebody_present() {
    let register = |soft: &Soft| register(&expected(&CHALLENGE), &created(), &soft.attestation());
    let other = Soft { rp_id: "evil.example", ..Soft::new() };
    assert_eq!(register(&other), Err(PasskeyError::RelyingParty));
    assert_eq!(use_it(&other, 0x05, &got()), Err(PasskeyError::RelyingParty));
    let absent = Soft { flags: 0x44, ..Soft::new() };
    assert_eq!(register(&absent), Err(PasskeyError::NotPresent));
    // In a backup, and not to be copied.
    let torn = Soft { flags: 0x55, ..Soft::new() };
    assert_eq!(register(&torn), Err(PasskeyError::AuthenticatorData));
    let strict = Expected { needs_verification: true, ..expected(&CHALLENGE) };
    let soft = Soft::new();
    for (flags, outcome) in [(0x01, Some(PasskeyError::NotVerified)), (0x05, None)] {
        let data = got();
        let (authenticator_data, signature) = soft.sign(flags, &data);
        let assertion = Assertion {
            client_data: &data,
            authenticator_data: &authenticator_data,
            signature: &signature,
        };
        assert_eq!(verify(&strict, &soft.cose(), &assertion).err(), outcome);
    }
}

#[test]
fn a_signature_is_of_one_key_over_one_message() {
    let (soft, data) = (Soft::new(), got());
    let (authenticator_data, signature) = soft.sign(0x05, &data);
    let check = |key: &[u8], authenticator_data: &[u8], signature: &[u8]| {
        let assertion = Assertion { client_data: &data, authenticator_data, signature };
        verify(&expected(&CHALLENGE), key, &assertion).err()
    };
    assert_eq!(check(&soft.cose(), &authenticator_data, &signature), None);
    let wrong = Some(PasskeyError::Signature);
    assert_eq!(check(&Soft::new().cose(), &authenticator_data, &signature), wrong);
    let mut counted = authenticator_data.clone();
    counted[36] += 1;
    assert_eq!(check(&soft.cose(), &counted, &signature), wrong);
    let mut verified = authenticator_data.clone();
    verified[32] ^= 4;
    assert_eq!(check(&soft.cose(), &verified, &signature), wrong);
    for signature in [&signature[1..], &[], &[0; 64][..], &vec![1; 100_000][..]] {
        assert_eq!(check(&soft.cose(), &authenticator_data, signature), wrong);
    }
    let malformed = Some(PasskeyError::AuthenticatorData);
    for data in [
        &authenticator_data[..36],
        &[authenticator_data.as_slice(), b"x"].concat(),
        &[],
        &vec![0; 100_000],
    ] {
        assert_eq!(check(&soft.cose(), data, &signature), malformed);
    }
}

#[test]
fn keys_of_other_kinds_sign_too() {
    let data = client_data("webauthn.get", &CHALLENGE, ORIGIN, r#","crossOrigin":false"#);
    let hash = digest(&SHA256, RP_ID.as_bytes());
    let authenticator_data = [hash.as_ref(), &[5], &9_u32.to_be_bytes()].concat();
    let message = [&authenticator_data, digest(&SHA256, &data).as_ref()].concat();
    let edwards = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let cose = [&hex("a4010103272006215820")[..], edwards.public_key().as_ref()].concat();
    let modulus = hex(
        "9e993a7ebf96e173d2287a7dbec7bd33ad4095cd8604eeb9a50c2e63c0ccb3dacb8039e5a91f3af5e86331cbdbdcfa0446d7\
         6b787e919c44b9cde181b9c25ce904f69e28d1c4f5e0d32004744839a5ee4f894ef7917542e145a82f9082ead0540252a0ff\
         4a2357e3af77d0ea0f17281bafa68a36b8eaa78418b703ef9b639f99c546c8aa307f06dde79a5269123b2a4bf36cc5330675\
         330c4ddfeb4481df9c9a3d0d98e81c75368781726573c37de6321d7f6b8d9219ed6b076d78e7bf70da1029f9273cafd26804\
         b648ab9aea19f0510cb11742af7c982fc163ebf76e3d31ab6c1e25964c4be851ac61b2e34b1ea1229c673fd5f5d5ffd13cf5\
         7912999ab1c3",
    );
    let rsa = hex(
        "92eb4625047facb9aaa83028cd5be7cfadefe0fc06b5075cd0d6354df00a02496e3639d23c621daffdd539dd67d9524b07e0\
         189c491a07e1af38b105905de009777acd823e47257de5e3d69497fcd1f745411208149b5bbcaae710a60902173cd42eee24\
         487c993964af4d11566ef0192e88a7005953ca54124e8703926d34f578da927fdcc05e93b9856ac8752ef75db6f380358fc7\
         8ef763a5d01d503dbfdf9e0c4dad7ddfd5fc69732f590bd66f0007f6d84629be6f3be22832dc8ed569719e9a54331c940806\
         e24d7f9673a4ff824e4c8f060793a3bf186fad571d60087a507c612499870a7de61cbed380fecf728c1ff4abebb6b49896a7\
         da0b1c03b348",
    );
    let rsa_cose = [&hex("a401030339010020590100")[..], &modulus, &hex("2143010001")].concat();
    for (key, signature) in [(&cose, edwards.sign(&message).as_ref().to_vec()), (&rsa_cose, rsa)] {
        let check = |signature: &[u8]| {
            let assertion = Assertion {
                client_data: &data,
                authenticator_data: &authenticator_data,
                signature,
            };
            verify(&expected(&CHALLENGE), key, &assertion).map(|used| used.sign_count)
        };
        assert_eq!(check(&signature), Ok(9));
        let mut changed = signature.clone();
        changed[10] ^= 1;
        assert_eq!(check(&changed), Err(PasskeyError::Signature));
    }
}

#[test]
fn keys_that_cannot_be_are_refused() {
    let soft = Soft::new();
    let good = soft.cose();
    let mut off_the_curve = good.clone();
    off_the_curve[good.len() - 1] ^= 1;
    let rsa = |bytes: usize, first: u8, exponent: &str| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = first;
        let length = u16::try_from(bytes).unwrap().to_be_bytes();
        [&hex("a40103033901002059")[..], &length, &modulus, &hex(exponent)].concat()
    };
    assert!(key::Key::parse(&rsa(256, 0xff, "2143010001")).is_ok());
    for bytes in [
        off_the_curve,
        rsa(128, 0xff, "2143010001"),
        rsa(1_024, 0xff, "2143010001"),
        rsa(256, 0x7f, "2143010001"),
        rsa(256, 0xff, "214103"),
        hex("a0"),
        hex("00"),
        // ES256 with a key of another curve; EdDSA with a short key; a key of HMAC.
        [&hex("a5010203262003215820")[..], &good[10..]].concat(),
        hex("a401010327200621420102"),
        hex("a3010403052044abcdabcd"),
        // A parameter twice; one that is not known; something behind the end.
        [&hex("a6010203262001200121")[..], &good[9..]].concat(),
        [&hex("a60102032604812001215820")[..], &good[10..]].concat(),
        [&good[..], &[0]].concat(),
        Vec::new(),
    ] {
        assert_eq!(key::Key::parse(&bytes).err(), Some(PasskeyError::Key), "{bytes:x?}");
    }
}

#[test]
fn attestation_objects_are_bounded_and_strict() {
    let soft = Soft::new();
    let (format, statement) = (hex("63666d74646e6f6e65"), hex("6761747453746d74a0"));
    let data = soft.auth_data();
    let nested = [hex("6761747453746d74"), [0xa1, 0x00].repeat(10_000), vec![0xa0]].concat();
    let attestation = PasskeyError::Attestation;
    let short = |length: usize| object(&format, &statement, &data[..length]);
    let with_id = |id: Vec<u8>| Soft { id, ..Soft::new() }.attestation();
    for (object, error) in [
        (object(&format, &format, &data), attestation),
        (object(&format, &nested, &data), attestation),
        (object(&format, &statement, &vec![0; 5_000]), attestation),
        (object(&hex("63666d7400"), &statement, &data), attestation),
        ([&object(&format, &statement, &data)[..], &[0]].concat(), attestation),
        (hex("a0"), attestation),
        (hex("bf63666d74646e6f6e65ff"), attestation),
        (vec![0xa3; 100_000], attestation),
        (Vec::new(), attestation),
        (short(data.len() - 1), PasskeyError::AuthenticatorData),
        (short(37), PasskeyError::AuthenticatorData),
        (short(10), PasskeyError::AuthenticatorData),
        (with_id(Vec::new()), PasskeyError::AuthenticatorData),
        (with_id(vec![1; 1_024]), PasskeyError::AuthenticatorData),
        (Soft { flags: 0x05, ..Soft::new() }.attestation(), PasskeyError::AuthenticatorData),
    ] {
        let outcome = register(&expected(&CHALLENGE), &created(), &object);
        assert_eq!(outcome, Err(error), "{:x?}", &object[..object.len().min(40)]);
    }
    assert!(register(&expected(&CHALLENGE), &created(), &with_id(vec![1; 1_023])).is_ok());
}

proptest! {
    /// Whatever comes: no panic, and nothing but what was signed gets through.
    #[test]
    fn changed_objects_never_register_another_key(at in 0_usize..220, xor in 1_u8..) {
        let soft = Soft::new();
        let mut object = soft.attestation();
        let at = at % object.len();
        object[at] ^= xor;
        if let Ok(made) = register(&expected(&CHALLENGE), &created(), &object) {
            prop_assert!(made.public_key.len() == soft.cose().len());
        }
    }

    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(register(&expected(&CHALLENGE), &created(), &bytes).is_err());
        let assertion = Assertion { client_data: &got(), authenticator_data: &bytes, signature: &bytes };
        prop_assert!(verify(&expected(&CHALLENGE), &bytes, &assertion).is_err());
        prop_assert!(key::Key::parse(&bytes).is_err());
    }
}
