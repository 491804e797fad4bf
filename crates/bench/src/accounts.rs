//! Accounts and records that the rows work with.

use anyhow::Context;
use serde_json::{Value, json};

use crate::client::Client;

/// An account and its session.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) did: String,
    pub(crate) token: String,
}

/// The password of all of them.
pub(crate) const PASSWORD: &str = "correct horse";

/// Creates a new account with a handle under `.test`.
pub(crate) async fn create(client: &mut Client, prefix: &str) -> anyhow::Result<Account> {
    let name = format!("{prefix}{:09}", rand::random::<u32>() % 1_000_000_000);
    let answer = client
        .post(
            "com.atproto.server.createAccount",
            None,
            &json!({ "handle": format!("{name}.test"), "email": format!("{name}@example.com"), "password": PASSWORD }),
        )
        .await?;
    let text = |key: &str| -> anyhow::Result<String> {
        Ok(answer
            .get(key)
            .and_then(Value::as_str)
            .with_context(|| format!("no {key} in the answer"))?
            .to_owned())
    };
    Ok(Account { did: text("did")?, token: text("accessJwt")? })
}

/// A post of the usual size: some 300 bytes, with a facet.
pub(crate) fn post() -> Value {
    let number: u64 = rand::random();
    json!({
        "$type": "app.bsky.feed.post",
        "text": format!("The cairn at the pass, number {number}, shows the way when snow hides the path. See example.com for the map."),
        "langs": ["en"],
        "createdAt": "2026-11-22T10:00:00.000Z",
        "facets": [{
            "index": { "byteStart": 4, "byteEnd": 9 },
            "features": [{ "$type": "app.bsky.richtext.facet#link", "uri": "https://example.com/cairn" }]
        }]
    })
}

/// The input of createRecord for a new post.
pub(crate) fn create_post(account: &Account) -> Value {
    json!({ "repo": account.did, "collection": "app.bsky.feed.post", "record": post() })
}

/// The input of applyWrites with `count` new posts.
pub(crate) fn create_posts(account: &Account, count: usize) -> Value {
    let writes: Vec<_> = (0..count)
        .map(|_| json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": "app.bsky.feed.post", "value": post() }))
        .collect();
    json!({ "repo": account.did, "writes": writes })
}

/// Creates `count` posts in batches of 200.
pub(crate) async fn fill(
    client: &mut Client,
    account: &Account,
    mut count: usize,
) -> anyhow::Result<()> {
    while count > 0 {
        let batch = count.min(200);
        client
            .post(
                "com.atproto.repo.applyWrites",
                Some(&account.token),
                &create_posts(account, batch),
            )
            .await?;
        count -= batch;
    }
    Ok(())
}
