//! Blobs of 1 MB up and down.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Bench, load};
use crate::client::Client;
use crate::report::Figures;

const SIZE: usize = 1_000_000;

fn picture(number: u64) -> Bytes {
    // The signature of a PNG file, then bytes that differ from blob to blob.
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(SIZE, 0x5a);
    bytes.into()
}

async fn put(client: &mut Client, token: &str, number: u64) -> anyhow::Result<Value> {
    let answer = client
        .bytes(
            Method::POST,
            "/xrpc/com.atproto.repo.uploadBlob",
            Some(token),
            Some("image/png"),
            picture(number),
        )
        .await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.get("blob").cloned().unwrap_or(Value::Null))
}

fn rate(mut figures: Figures) -> Figures {
    figures.note = format!("{:.0} MB/s", figures.per_second.unwrap_or(0.0));
    figures
}

pub(super) async fn upload(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let figures = load(bench, 8, move |mut client: Client, _| {
        let token = account.token.clone();
        async move {
            put(&mut client, &token, rand::random()).await?;
            Ok(client)
        }
    });
    Ok(rate(figures.await?))
}

pub(super) async fn download(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let mut paths = Vec::new();
    for number in 0..16 {
        let blob = put(&mut client, &account.token, number).await?;
        let cid = blob.pointer("/ref/$link").and_then(Value::as_str).unwrap_or_default().to_owned();
        // Only a blob that a record refers to can be fetched.
        let record = json!({ "$type": "com.example.picture", "picture": blob });
        let input =
            json!({ "repo": account.did, "collection": "com.example.picture", "record": record });
        client.post("com.atproto.repo.createRecord", Some(&account.token), &input).await?;
        paths.push(format!("/xrpc/com.atproto.sync.getBlob?did={}&cid={cid}", account.did));
    }
    let paths = Arc::new(paths);
    let figures = load(bench, 8, move |mut client: Client, number| {
        let paths = Arc::clone(&paths);
        async move {
            if let Some(path) = paths.get(number % paths.len()) {
                client.get(path, None).await?;
            }
            Ok(client)
        }
    });
    Ok(rate(figures.await?))
}
