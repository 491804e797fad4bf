//! What clients of OAuth do.

use std::sync::Arc;

use super::{Bench, load};
use crate::accounts;
use crate::client::Client;
use crate::oauth::App;
use crate::report::Figures;

/// An app for each account.
async fn apps(bench: &Bench) -> anyhow::Result<Arc<Vec<Arc<App>>>> {
    let mut client = bench.client().await?;
    let mut made = Vec::with_capacity(bench.accounts.len());
    for account in bench.accounts.iter() {
        made.push(App::sign_in(&mut client, account.clone()).await?);
    }
    Ok(Arc::new(made))
}

fn of(apps: &[Arc<App>], number: usize) -> anyhow::Result<Arc<App>> {
    let at = number % apps.len().max(1);
    Ok(Arc::clone(apps.get(at).ok_or_else(|| anyhow::anyhow!("there are no accounts"))?))
}

const CREATE: &str = "com.atproto.repo.createRecord";
/// More than one server takes in a second.
const MOST_PER_SECOND: u64 = 10_000;

/// As the row without OAuth, each request with a proof.
pub(super) async fn create(bench: &Bench) -> anyhow::Result<Figures> {
    let apps = apps(bench).await?;
    let all = bench.scale.duration.as_secs().saturating_mul(MOST_PER_SECOND);
    let each = usize::try_from(all)?.div_ceil(apps.len().max(1));
    for app in apps.iter() {
        app.make_proofs(CREATE, each);
    }
    load(bench, 32, move |mut client: Client, number| {
        let apps = Arc::clone(&apps);
        async move {
            let app = of(&apps, number)?;
            let input = accounts::create_post(&app.account);
            app.call(&mut client, CREATE, &input).await?;
            Ok(client)
        }
    })
    .await
}

pub(super) async fn refresh(bench: &Bench) -> anyhow::Result<Figures> {
    let apps = apps(bench).await?;
    load(bench, 32, move |mut client: Client, number| {
        let apps = Arc::clone(&apps);
        async move {
            of(&apps, number)?.refresh(&mut client).await?;
            Ok(client)
        }
    })
    .await
}
