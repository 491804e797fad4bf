//! Requests that the server passes on to an AppView, and answers that it completes with what the AppView lacks.

use std::sync::Arc;

use anyhow::Context;
use http::Method;
use serde_json::Value;

use super::{Bench, load};
use crate::accounts;
use crate::client::Client;
use crate::report::Figures;

/// Passed on as they are.
pub(super) async fn plain(bench: &Bench) -> anyhow::Result<Figures> {
    ask(bench, "/xrpc/app.bsky.feed.getListFeed?list=at://somebody.test/app.bsky.graph.list/a")
        .await
}

/// Timelines into which one post of the reader's is put.
pub(super) async fn read_after_write(bench: &Bench) -> anyhow::Result<Figures> {
    let app_view = bench.app_view.as_ref().context("needs --app-view")?;
    let mut client = bench.client().await?;
    // The AppView knows all repositories up to here, and nothing of the posts that follow.
    let mark = bench.fresh_account().await?;
    let rev = write_post(&mut client, &mark).await?;
    app_view.knows_up_to(&rev);
    for account in bench.accounts.iter() {
        write_post(&mut client, account).await?;
    }
    let path = "/xrpc/app.bsky.feed.getTimeline?limit=50";
    let account = bench.accounts.first().context("there are no accounts")?;
    let answer =
        client.send(Method::GET, path, Some(&account.token), None, bytes::Bytes::new()).await?;
    anyhow::ensure!(
        answer.headers().contains_key("atproto-upstream-lag"),
        "the timeline came back unpatched"
    );
    drop(answer);
    let figures = ask(bench, path).await;
    app_view.knows_up_to("2222222222222");
    figures
}

async fn write_post(client: &mut Client, account: &accounts::Account) -> anyhow::Result<String> {
    let input = accounts::create_post(account);
    let answer = client.post("com.atproto.repo.createRecord", Some(&account.token), &input).await?;
    let rev = answer.pointer("/commit/rev").and_then(Value::as_str);
    Ok(rev.context("a write without rev")?.to_owned())
}

async fn ask(bench: &Bench, path: &'static str) -> anyhow::Result<Figures> {
    anyhow::ensure!(bench.app_view.is_some(), "needs --app-view");
    let accounts = Arc::clone(&bench.accounts);
    load(bench, 32, move |mut client: Client, number| {
        let accounts = Arc::clone(&accounts);
        async move {
            let account = accounts.get(number % accounts.len()).context("there are no accounts")?;
            client.get(path, Some(&account.token)).await?;
            Ok(client)
        }
    })
    .await
}
