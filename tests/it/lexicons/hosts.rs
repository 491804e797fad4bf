//! Hosts that are not what they say.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_identity::{Curve, SigningKey};
use cairn_model::{Limits, RepoPath, cbor, json as model_json};
use cairn_tests::{StandIn, TestPds, World, record_proof, refusal};
use serde_json::{Value, json};

use super::{COLLECTION, MINUTE, resolve, thing};

const THING: &str = "com.example.lex.thing";
const GET_RECORD: &str = "com.atproto.sync.getRecord";

struct Scene {
    world: World,
    pds: TestPds,
    host: StandIn,
    key: SigningKey,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let (pds, host) = (world.pds().await, StandIn::start(&world).await);
        let key = SigningKey::generate(Curve::K256);
        host.has_repository(&key.public());
        world.set_lexicon_authority("lex.example.com", host.did());
        Self { world, pds, host, key }
    }

    fn proof_by(&self, key: &SigningKey) -> Vec<u8> {
        self.proof_of(key, THING, &thing(THING))
    }

    fn proof_of(&self, key: &SigningKey, rkey: &str, record: &Value) -> Vec<u8> {
        let text = serde_json::to_vec(record).unwrap();
        let record = cbor::encode(&model_json::from_slice(&text, &Limits::RECORD).unwrap());
        let path = RepoPath::parse(&format!("{COLLECTION}/{rkey}")).unwrap();
        record_proof(self.host.did(), key, &path, &record)
    }

    fn answer(&self, body: Vec<u8>) {
        self.host.on(GET_RECORD, move |_| body.clone().into_response());
    }

    /// Why the lexicon is not found, once what was remembered is forgotten.
    async fn refused(&self) -> String {
        self.world.clock().advance(MINUTE * 2);
        let reply = resolve(&self.pds.anyone, THING).await;
        assert_eq!(reply, (400, "LexiconNotFound"), "{}", reply.text());
        reply.message()
    }
}

#[tokio::test]
async fn a_proof_is_taken_by_the_key_of_the_did_only() {
    let scene = Scene::new().await;
    let other = SigningKey::generate(Curve::K256);
    scene.answer(scene.proof_by(&other));
    assert!(scene.refused().await.contains("signature does not verify"));
    // The key has changed since the document was looked up.
    scene.host.has_repository(&other.public());
    scene.world.clock().advance(MINUTE * 2);
    let found = resolve(&scene.pds.anyone, THING).await.ok();
    assert_eq!(found["schema"], thing(THING));
    let asked = scene.host.last();
    assert_eq!((asked.method.as_str(), asked.header("authorization")), ("GET", None));
    let query = asked.query.unwrap();
    assert!(query.contains(&format!("collection={COLLECTION}&rkey={THING}")), "{query}");
}

#[tokio::test]
async fn proofs_of_something_else_are_refused() {
    let scene = Scene::new().await;
    let other = "com.example.lex.other";
    scene.answer(scene.proof_of(&scene.key, other, &thing(other)));
    assert!(scene.refused().await.starts_with("there is no record at://"));
    let path = RepoPath::parse(&format!("{COLLECTION}/{THING}")).unwrap();
    let somebody = "did:web:somebody.example.com".parse().unwrap();
    scene.answer(record_proof(&somebody, &scene.key, &path, b"\xa0"));
    assert!(scene.refused().await.contains("commit belongs to another account"));
    scene.answer(scene.proof_of(&scene.key, THING, &thing(other)));
    assert_eq!(scene.refused().await, "the record's id is not its key");
    let mut record = thing(THING);
    record["$type"] = json!("com.example.record");
    scene.answer(scene.proof_of(&scene.key, THING, &record));
    assert!(scene.refused().await.starts_with("the record's $type is not"));
}

#[tokio::test]
async fn damaged_proofs_are_refused() {
    let scene = Scene::new().await;
    let good = scene.proof_by(&scene.key);
    scene.answer(b"<html>".to_vec());
    assert!(scene.refused().await.contains("gave no proof"));
    scene.answer(good[..good.len() - 1].to_vec());
    assert!(scene.refused().await.contains("gave no proof"));
    // A byte of the record: its block has another hash.
    let mut damaged = good.clone();
    let at = damaged.windows(5).position(|window| window == b"thing").unwrap();
    damaged[at] ^= 1;
    scene.answer(damaged);
    assert!(scene.refused().await.contains("gave no proof"));
    scene.answer(good);
    scene.world.clock().advance(MINUTE * 2);
    resolve(&scene.pds.anyone, THING).await.ok();
}

#[tokio::test]
async fn what_does_not_end_is_not_read_to_its_end() {
    let scene = Scene::new().await;
    scene.host.on(GET_RECORD, |_| {
        let piece = bytes::Bytes::from(vec![0; 64 * 1024]);
        let endless =
            futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
        Response::new(Body::from_stream(endless))
    });
    assert!(scene.refused().await.contains("response exceeds 524288 bytes"));
}

#[tokio::test]
async fn refusals_and_documents_without_key_are_told() {
    let scene = Scene::new().await;
    scene.host.on(GET_RECORD, |_| refusal(400, "RecordNotFound", "no such record"));
    assert!(scene.refused().await.ends_with("answered 400"));
    let keyless = StandIn::start(&scene.world).await;
    scene.world.set_lexicon_authority("lex.example.com", keyless.did());
    assert!(scene.refused().await.ends_with("names no signing key"));
    assert_eq!(keyless.seen().len(), 0);
}
