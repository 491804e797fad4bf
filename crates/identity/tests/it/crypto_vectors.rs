//! The interop vectors for signatures and `did:key`, read from `$CAIRN_VECTORS/crypto`.

use cairn_identity::{Curve, DidKey, KeyError, PublicKey, SignatureError, SigningKey};
use data_encoding::{BASE64_NOPAD, HEXLOWER};
use serde_json::Value;

fn fixtures(name: &str) -> Option<Vec<Value>> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: {name} skipped");
        return None;
    };
    let path = std::path::Path::new(&dir).join("crypto").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&text).unwrap())
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

#[test]
fn signature_fixtures_verify_as_they_say() {
    let Some(cases) = fixtures("signature-fixtures.json") else { return };
    assert_eq!(cases.len(), 6);
    for case in cases {
        let key = PublicKey::parse_did_key(text(&case, "publicKeyDid")).unwrap();
        let legacy =
            PublicKey::parse_legacy_multibase(key.curve(), text(&case, "publicKeyMultibase"));
        assert_eq!(legacy.unwrap(), key);
        assert_eq!(key.did_key().as_str(), text(&case, "publicKeyDid"));
        assert_eq!(key.curve().jwt_algorithm(), text(&case, "algorithm"));

        let message = BASE64_NOPAD.decode(text(&case, "messageBase64").as_bytes()).unwrap();
        let signature = BASE64_NOPAD.decode(text(&case, "signatureBase64").as_bytes()).unwrap();
        let valid = case["validSignature"].as_bool().unwrap();
        let comment = text(&case, "comment");
        assert_eq!(key.verify_strict(&message, &signature).is_ok(), valid, "{comment}");

        let is_high_s = case["tags"].as_array().unwrap().iter().any(|tag| tag == "high-s");
        assert_eq!(key.verify_jwt(&message, &signature).is_ok(), valid || is_high_s, "{comment}");
        if is_high_s {
            assert_eq!(key.verify_strict(&message, &signature), Err(SignatureError::HighS));
        }
    }
}

#[test]
fn private_keys_give_the_listed_did_keys() {
    let Some(k256) = fixtures("w3c_didkey_K256.json") else { return };
    let Some(p256) = fixtures("w3c_didkey_P256.json") else { return };
    for case in k256 {
        let bytes = HEXLOWER.decode(text(&case, "privateKeyBytesHex").as_bytes()).unwrap();
        check_key(Curve::K256, &bytes, text(&case, "publicDidKey"));
    }
    for case in p256 {
        let bytes = bs58::decode(text(&case, "privateKeyBytesBase58")).into_vec().unwrap();
        check_key(Curve::P256, &bytes, text(&case, "publicDidKey"));
    }
}

fn check_key(curve: Curve, private: &[u8], did_key: &str) {
    let key = SigningKey::from_bytes(curve, private.try_into().unwrap()).unwrap();
    assert_eq!(key.did_key().as_str(), did_key);
    assert_eq!(key.to_bytes().as_slice(), private);
    assert_eq!(DidKey::parse(did_key).unwrap().public_key().unwrap(), key.public());
}

#[test]
fn signatures_are_strict_on_both_curves() {
    for curve in [Curve::K256, Curve::P256] {
        let key = SigningKey::generate(curve);
        let public = key.public();
        // Half of the unnormalised P-256 signatures would have the high s.
        for n in 0..40_u32 {
            let message = n.to_be_bytes();
            let mut signature = key.sign(&message);
            assert_eq!(public.verify_strict(&message, &signature), Ok(()));
            assert_eq!(public.verify_jwt(&message, &signature), Ok(()));
            assert_eq!(public.verify_strict(b"other", &signature), Err(SignatureError::Mismatch));
            signature[10] ^= 1;
            assert!(public.verify_strict(&message, &signature).is_err());
        }
        assert_eq!(public.verify_strict(b"", &[0; 64]), Err(SignatureError::Malformed));
        assert_eq!(public.verify_strict(b"", &[1; 63]), Err(SignatureError::Malformed));
        assert!(public.verify_jwt(b"", &[0; 64]).is_err());
    }
}

#[test]
fn coordinates_and_compressed_points_give_the_key_back() {
    for curve in [Curve::K256, Curve::P256] {
        let key = SigningKey::generate(curve).public();
        let (x, y) = key.coordinates();
        assert_eq!(PublicKey::from_coordinates(curve, &x, &y), Ok(key));
        assert_eq!(PublicKey::from_compressed(curve, &key.to_compressed()), Ok(key));
        assert_eq!(PublicKey::from_coordinates(curve, &x, &x), Err(KeyError::Point));
    }
}

#[test]
fn foreign_key_types_are_did_keys_but_not_keys() {
    // Ed25519.
    let key = DidKey::parse("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp").unwrap();
    assert_eq!(key.public_key(), Err(KeyError::UnsupportedType));
    assert_eq!(DidKey::parse("did:key:m6Mki"), Err(KeyError::Multibase));
    assert_eq!(DidKey::parse("did:web:example.com"), Err(KeyError::DidKeySyntax));
    assert_eq!(DidKey::parse("did:key:z0OIl"), Err(KeyError::Multibase));
}

#[test]
fn uncompressed_points_are_no_multikeys() {
    let key = SigningKey::generate(Curve::K256).public();
    let (x, y) = key.coordinates();
    let mut bytes = vec![0xE7, 0x01, 0x04];
    bytes.extend(x);
    bytes.extend(y);
    let multikey = format!("z{}", bs58::encode(bytes).into_string());
    assert_eq!(PublicKey::parse_multikey(&multikey), Err(KeyError::Point));
}

#[test]
fn debug_shows_no_secret() {
    let key = SigningKey::from_bytes(Curve::K256, &[7; 32]).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains(key.did_key().as_str()));
    assert!(!shown.contains("0707"), "{shown}");
}
