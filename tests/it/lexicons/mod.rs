//! Lexicons that are published on the network.

mod hosts;
mod records;
mod resolving;

use std::time::Duration;

use cairn_tests::{Caller, Reply, TestAccount, TestPds, World};
use serde_json::{Value, json};

const COLLECTION: &str = "com.atproto.lexicon.schema";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A lexicon's record with these definitions.
fn lexicon(nsid: &str, defs: Value) -> Value {
    json!({ "$type": COLLECTION, "lexicon": 1, "id": nsid, "defs": defs })
}

/// Of a record type with any key and these properties.
fn record_type(nsid: &str, properties: Value) -> Value {
    let object = json!({ "type": "object", "required": ["name"], "properties": properties });
    lexicon(nsid, json!({ "main": { "type": "record", "key": "any", "record": object } }))
}

/// A thing has a name of at most five bytes.
fn thing(nsid: &str) -> Value {
    record_type(nsid, json!({ "name": { "type": "string", "maxLength": 5 } }))
}

async fn publish(author: &TestAccount, lexicon: Value) {
    let nsid = lexicon["id"].as_str().unwrap().to_owned();
    author.put(COLLECTION, &nsid, lexicon).await.ok();
}

async fn resolve(anyone: &Caller, nsid: &str) -> Reply {
    anyone.query("com.atproto.lexicon.resolveLexicon", &[("nsid", nsid)]).await
}

/// Creates a record with a demand for validation, or without one.
async fn write(
    account: &TestAccount,
    collection: &str,
    validate: Option<bool>,
    name: &str,
) -> Reply {
    let mut input =
        json!({ "repo": account.did, "collection": collection, "record": { "name": name } });
    if let Some(validate) = validate {
        input["validate"] = json!(validate);
    }
    account.call("com.atproto.repo.createRecord", input).await
}

/// A server with an account, and another one on which the lexicons of `lex.example.com` are published.
struct Scene {
    world: World,
    pds: TestPds,
    alice: TestAccount,
    publisher: TestPds,
    author: TestAccount,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let (pds, publisher) = (world.pds().await, world.pds().await);
        let (alice, author) = (pds.account("alice").await, publisher.account("author").await);
        world.set_lexicon_authority("lex.example.com", &author.did);
        Self { world, pds, alice, publisher, author }
    }

    async fn resolve(&self, nsid: &str) -> Reply {
        resolve(&self.pds.anyone, nsid).await
    }
}
