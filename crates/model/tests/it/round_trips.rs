//! Whatever the crate prints it reads back, and nothing that is read makes it panic.

use cairn_model::{
    AtUri, Cid, Codec, Datetime, Did, Handle, Language, Map, Nsid, RecordKey, RepoPath, Tid, Value,
    cbor,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-30i64..300).prop_map(Value::Int),
        ".{0,40}".prop_map(Value::String),
        "[\\x00-\\x7f]{0,40}".prop_map(Value::String),
        vec(any::<u8>(), 0..50).prop_map(Value::Bytes),
        any_cid().prop_map(Value::Link),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::Array),
            // Keys with a dollar sign mean something in JSON.
            btree_map("[^$].{0,6}", inner, 0..8)
                .prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

fn any_cid() -> impl Strategy<Value = Cid> {
    let codec = prop_oneof![Just(Codec::Raw), Just(Codec::DagCbor)];
    (codec, any::<[u8; 32]>()).prop_map(|(codec, digest)| Cid::new(codec, digest))
}

proptest! {
    #[test]
    fn values_survive_every_form(value in any_value()) {
        cairn_model::fuzz::round_trip(&value);
    }

    #[test]
    fn any_bytes_are_harmless(data in vec(any::<u8>(), 0..200)) {
        cairn_model::fuzz::cbor(&data);
        cairn_model::fuzz::json(&data);
    }

    #[test]
    fn damaged_encodings_are_harmless(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut data = cbor::encode(&value);
        let at = at.index(data.len());
        data[at] = byte;
        cairn_model::fuzz::cbor(&data);
        data.truncate(at);
        cairn_model::fuzz::cbor(&data);
    }

    #[test]
    fn json_like_text_is_harmless(text in r#"([\[\]{}:,0-9.eE"\\ -]|"(\$link|\$bytes|\$type|a)"|null|true){0,40}"#) {
        cairn_model::fuzz::json(text.as_bytes());
    }

    #[test]
    fn keys_are_kept_in_the_order_of_dag_cbor(fields in vec((".{1,4}", any::<i64>()), 0..20)) {
        let map = Map::from_iter(fields.clone());
        let keys: Vec<&str> = map.iter().map(|(key, _)| key).collect();
        let mut sorted = keys.clone();
        sorted.sort_by(|a, b| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
        sorted.dedup();
        prop_assert_eq!(&keys, &sorted);
        for (key, _) in &fields {
            let last = fields.iter().rev().find(|(other, _)| other == key).map(|(_, value)| *value);
            prop_assert_eq!(map.get(key).and_then(Value::as_int), last);
        }
    }

    #[test]
    fn cids_survive_text_and_bytes(cid in any_cid()) {
        prop_assert_eq!(Cid::parse(&cid.to_string()), Ok(cid));
        prop_assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid));
        let json = serde_json::to_string(&cid).expect("json");
        prop_assert_eq!(serde_json::from_str::<Cid>(&json).expect("cid"), cid);
    }

    #[test]
    fn other_texts_are_no_cids(cid in any_cid(), at in 0usize..59, byte in 0x20u8..0x7f) {
        let mut text = cid.to_ascii();
        text[at] = byte;
        let text = String::from_utf8(text.to_vec()).expect("ascii");
        if let Ok(other) = Cid::parse(&text) {
            prop_assert_eq!(other.to_string(), text);
        }
    }

    #[test]
    fn tids_order_as_their_texts(a in 0..=i64::MAX as u64, b in 0..=i64::MAX as u64) {
        let (a, b) = (Tid::from_u64(a).expect("top bit"), Tid::from_u64(b).expect("top bit"));
        prop_assert_eq!(Tid::parse(&a.to_string()), Ok(a));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        prop_assert_eq!(Tid::from_parts(a.micros(), a.clock_id()), a);
    }

    #[test]
    fn paths_are_their_parts(rkey in "[A-Za-z0-9._:~-]{1,60}") {
        prop_assume!(rkey != "." && rkey != "..");
        let (collection, rkey) = (Nsid::parse("com.example.thing").expect("nsid"), RecordKey::parse(&rkey).expect("rkey"));
        let path = RepoPath::new(&collection, &rkey);
        prop_assert_eq!(RepoPath::parse(path.as_str()), Ok(path.clone()));
        prop_assert_eq!(path.parts(), (collection.as_str(), rkey.as_str()));
        let did = Did::parse("did:plc:7iza6de2dwap2sbkpav7c6c6").expect("did");
        let uri = AtUri::record(&did, &path);
        prop_assert_eq!(AtUri::parse(uri.as_str()), Ok(uri.clone()));
        prop_assert_eq!((uri.authority(), uri.collection(), uri.rkey()), (did.as_str(), Some(path.collection()), Some(path.rkey())));
    }

    #[test]
    fn any_text_is_harmless_to_the_identifiers(text in "(at://|did:|[a-z]{1,3}[.:/#-]|[0-9T:Z+-]{1,8}|.){0,12}") {
        let _ = (Did::parse(&text), Handle::parse(&text), Nsid::parse(&text), AtUri::parse(&text));
        let _ = (RecordKey::parse(&text), RepoPath::parse(&text), Tid::parse(&text), Cid::parse(&text));
        let _ = (Language::parse(&text), cairn_model::is_cid_syntax(&text), cairn_model::is_uri_syntax(&text));
        if let Ok(datetime) = Datetime::parse(&text) {
            let _ = datetime.timestamp();
        }
    }
}
