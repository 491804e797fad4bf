//! DID documents: what the protocol reads from them, and did:web.

use cairn_identity::{
    Curve, DidDocument, DidDocumentError, PublicKey, SigningKey, did_web, did_web::DidWebError,
};
use cairn_model::Did;
use serde_json::{Value, json};

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

fn document(members: Value) -> DidDocument {
    let mut all = json!({"id": DID});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    DidDocument::from_json(all).unwrap()
}

fn did(text: &str) -> Did {
    Did::parse(text).unwrap()
}

#[test]
fn the_first_valid_handle_counts() {
    let aliases = ["https://a.test", "at://not valid", "at://Alice.Test", "at://bob.test"];
    let document = document(json!({"alsoKnownAs": aliases}));
    assert_eq!(document.handle().unwrap().as_str(), "alice.test");
}

#[test]
fn keys_are_found_by_relative_and_absolute_ids() {
    let key = SigningKey::generate(Curve::K256).public();
    for id in ["#atproto".to_owned(), format!("{DID}#atproto")] {
        let method = json!({"id": id, "type": "Multikey", "controller": DID,
            "publicKeyMultibase": key.multikey()});
        let document = document(json!({"verificationMethod": [method]}));
        assert_eq!(document.signing_key(), Some(key));
        assert_eq!(document.key("atproto"), Some(key));
        assert_eq!(document.key("atproto_label"), None);
    }
}

#[test]
fn foreign_keys_are_not_taken() {
    let key = SigningKey::generate(Curve::K256).public().multikey();
    let cases = [
        json!({"id": "did:web:other.test#atproto", "controller": DID}),
        json!({"id": "#atproto", "controller": "did:web:other.test"}),
        json!({"id": "#atproto", "controller": DID, "type": "JsonWebKey2020"}),
        json!({"id": "#atproto2", "controller": DID}),
        json!({"id": "atproto", "controller": DID}),
    ];
    for case in cases {
        let mut method = json!({"type": "Multikey", "publicKeyMultibase": key});
        method.as_object_mut().unwrap().extend(case.as_object().unwrap().clone());
        let document = document(json!({"verificationMethod": [method]}));
        assert_eq!(document.signing_key(), None, "{case}");
    }
}

#[test]
fn keys_of_the_older_types_are_read() {
    // Both forms of one key, from the DID specification.
    let old = json!({"id": "#atproto", "type": "EcdsaSecp256k1VerificationKey2019",
        "controller": DID,
        "publicKeyMultibase": "z25z9DTpsiYYJKGsWmSPJK2NFN8PcJtZig12K59UgW7q5t"});
    let document = document(json!({"verificationMethod": [old]}));
    let expected = "did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc";
    assert_eq!(document.signing_key(), Some(PublicKey::parse_did_key(expected).unwrap()));
}

#[test]
fn the_pds_is_an_origin() {
    let pds = |endpoint: &str, kind: &str| {
        let service = json!({"id": "#atproto_pds", "type": kind, "serviceEndpoint": endpoint});
        document(json!({"service": [service]})).pds_endpoint()
    };
    let kind = "AtprotoPersonalDataServer";
    let bare = Some("https://pds.test".to_owned());
    assert_eq!(pds("https://pds.test", kind), bare);
    assert_eq!(pds("https://pds.test/", kind), bare);
    assert_eq!(pds("http://localhost:2583", kind), Some("http://localhost:2583".to_owned()));
    for refused in ["https://pds.test/path", "ftp://pds.test", "https://u:p@pds.test", "pds"] {
        assert_eq!(pds(refused, kind), None, "{refused}");
    }
    assert_eq!(pds("https://pds.test", "Other"), None);
}

#[test]
fn services_are_found_by_fragment_and_type() {
    let document = document(json!({"service": [
        {"id": format!("{DID}#bsky_appview"), "type": ["A", "BskyAppView"],
         "serviceEndpoint": "https://api.test/base/"},
        {"id": "#object", "type": "A", "serviceEndpoint": {"uri": "https://x.test"}},
    ]}));
    let found = document.service_endpoint("bsky_appview", Some("BskyAppView"));
    assert_eq!(found.as_deref(), Some("https://api.test/base"));
    assert_eq!(document.service_endpoint("#bsky_appview", None), found);
    assert_eq!(document.service_endpoint("#bsky_appview", Some("Other")), None);
    assert_eq!(document.service_endpoint("#object", None), None);
}

#[test]
fn documents_are_kept_whole_and_checked() {
    let json =
        json!({"@context": ["https://www.w3.org/ns/did/v1"], "id": DID, "extra": {"a": [1]}});
    let document = DidDocument::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), json);
    let other = DidDocument::parse_for(&did("did:web:other.test"), json.to_string().as_bytes());
    assert!(matches!(other, Err(DidDocumentError::OtherDid { found }) if found.as_str() == DID));
    for malformed in [
        json!({"id": "nonsense"}),
        json!({"verificationMethod": []}),
        json!({"id": DID, "verificationMethod": ["#atproto"]}),
        json!({"id": DID, "alsoKnownAs": "at://a.test"}),
        json!([]),
    ] {
        assert!(DidDocument::from_json(malformed.clone()).is_err(), "{malformed}");
    }
}

#[test]
fn did_web_is_a_host_name_and_nothing_more() {
    let url = |text: &str, dev| did_web::document_url(&did(text), dev).map(String::from);
    let expected = "https://example.com/.well-known/did.json".to_owned();
    assert_eq!(url("did:web:example.com", false), Ok(expected));
    let local = "http://localhost:2583/.well-known/did.json".to_owned();
    assert_eq!(url("did:web:localhost%3A2583", true), Ok(local));
    assert_eq!(url("did:web:localhost%3A2583", false), Err(DidWebError::Host));
    assert_eq!(url("did:web:localhost%3Aport", true), Err(DidWebError::PathOrPort));
    assert_eq!(url("did:web:example.com:path", true), Err(DidWebError::PathOrPort));
    assert_eq!(url("did:web:example.com%3A443", true), Err(DidWebError::PathOrPort));
    assert_eq!(url("did:web:127.0.0.1", true), Err(DidWebError::Host));
    assert_eq!(url("did:web:intranet", false), Err(DidWebError::Host));
    assert_eq!(url("did:plc:abc", false), Err(DidWebError::Method));
    assert_eq!(did_web::did_of_host("localhost:2583"), Some(did("did:web:localhost%3A2583")));
}
