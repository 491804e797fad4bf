//! What the store costs by itself: CPU per commit, read, exported and imported record, and replayed
//! event.
//!
//! `cargo run --release -p cairn-store --example commit_bench -- [accounts] [in flight] [commits] [page size] [records before] [checkpoint pages]`
//!
//! CPU is that of the whole process, the caller included. Run it on the disk that you want to know
//! about.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cairn_identity::{Curve, SigningKey};
use cairn_model::{Did, Map, Nsid, RepoPath, Tid, Value};
use cairn_store::{
    AccountId, NewAccount, NewRecord, RecordRange, RecordWrite, Store, StoreConfig, WriteAction,
    WriteRequest,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Clock ticks in a second, on Linux.
const TICKS: f64 = 100.0;

fn main() -> Outcome<()> {
    let args: Vec<usize> =
        std::env::args().skip(1).map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    let arg = |at: usize, default: usize| args.get(at).copied().unwrap_or(default);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(
        arg(0, 100),
        arg(1, 32),
        arg(2, 20_000),
        arg(3, 8192),
        arg(4, 200),
        arg(5, 2000),
    ))
}

async fn run(
    accounts: usize,
    flight: usize,
    commits: usize,
    page: usize,
    before: usize,
    checkpoint: usize,
) -> Outcome<()> {
    let dir = tempfile::tempdir_in(".")?;
    let mut config = StoreConfig::new(dir.path());
    config.tuning.page_size = u32::try_from(page)?;
    config.tuning.checkpoint_pages = i32::try_from(checkpoint)?;
    let store = Store::open(config)?;
    println!("{accounts} accounts with {before} records, {flight} in flight, pages of {page}");
    let repos = Arc::new(fill(&store, accounts, before).await?);

    let mut live = store.events().subscribe(None);
    let meter = Meter::start();
    let mut waits = write(&store, &repos, flight, commits).await?;
    meter.print("commit", commits);
    waits.sort_unstable();
    let at = |part: usize| waits.get(waits.len() * part / 100).copied().unwrap_or_default();
    println!("  waited p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
    let mut seen = 0;
    while seen < commits {
        seen += live.next_batch().await?.len();
    }
    read(&store, &repos, flight).await?;
    replay(&store).await?;
    export(&store, &repos).await?;
    let report = store.verify(None).await?;
    println!(
        "{} records, {} nodes, {} problems",
        report.records,
        report.nodes,
        report.problems.len()
    );
    store.close().await;
    for entry in std::fs::read_dir(dir.path())? {
        let entry = entry?;
        println!("  {:?} {} KiB", entry.file_name(), entry.metadata()?.len() / 1024);
    }
    Ok(())
}

struct Repo {
    did: Did,
    id: AccountId,
    key: SigningKey,
}

async fn fill(store: &Store, accounts: usize, records: usize) -> Outcome<Vec<Repo>> {
    let mut repos = Vec::new();
    for i in 0..accounts {
        let did = Did::parse(&format!("did:plc:{}aaaaaaaaaaaaaaaaaa", letters(i)))?;
        let key = SigningKey::generate(Curve::K256);
        let new = NewAccount {
            did: did.clone(),
            handle: None,
            email: None,
            password_hash: None,
            passkey: None,
            signing_key: key.clone(),
            activate: true,
            delete_after: None,
            invite_code: None,
        };
        let (account, _) = store.create_account(new).await?;
        repos.push(Repo { did, id: account.id, key });
    }
    for repo in &repos {
        for batch in (0..records).collect::<Vec<_>>().chunks(200) {
            let writes = batch.iter().map(|i| post(*i)).collect::<Outcome<_>>()?;
            store.write(request(&repo.did, writes)).await?;
        }
    }
    Ok(repos)
}

/// A number in letters.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    for _ in 0..6 {
        text.push(char::from(b'b' + u8::try_from(number % 20).unwrap_or(0)));
        number /= 20;
    }
    text
}

fn post(number: usize) -> Outcome<RecordWrite> {
    let rkey = Tid::from_parts(1_700_000_000_000_000 + number as u64 * 1_000_003, 7);
    let text = format!(
        "Post number {number}, with about as much text as people write when they have little to say."
    );
    let record = Value::from(Map::from_iter([
        ("$type", Value::from("app.bsky.feed.post")),
        ("text", Value::from(text)),
        ("createdAt", Value::from("2026-11-23T12:00:00.000Z")),
        ("langs", Value::Array(vec![Value::from("en")])),
    ]));
    let path = RepoPath::parse(&format!("app.bsky.feed.post/{rkey}"))?;
    Ok(RecordWrite { path, action: WriteAction::Create(NewRecord::new(&record, Vec::new())) })
}

fn request(did: &Did, writes: Vec<RecordWrite>) -> WriteRequest {
    WriteRequest { account: did.clone(), writes, swap_commit: None, dedupe: true }
}

async fn write(
    store: &Store,
    repos: &Arc<Vec<Repo>>,
    flight: usize,
    commits: usize,
) -> Outcome<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..flight {
        let (store, repos, next) = (store.clone(), Arc::clone(repos), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let mut waits = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= commits {
                    return Ok::<_, Box<dyn Error + Send + Sync>>(waits);
                }
                let Some(repo) = repos.get(i % repos.len()) else { return Ok(waits) };
                let begun = Instant::now();
                store.write(request(&repo.did, vec![post(1_000_000 + i)?])).await?;
                waits.push(begun.elapsed());
            }
        }));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    Ok(waits)
}

async fn read(store: &Store, repos: &Arc<Vec<Repo>>, flight: usize) -> Outcome<()> {
    let reads = 100_000;
    let meter = Meter::start();
    let mut tasks = Vec::new();
    for task in 0..flight {
        let (store, repos) = (store.clone(), Arc::clone(repos));
        tasks.push(tokio::spawn(async move {
            let path = post(7)?.path;
            for i in 0..reads / flight {
                if let Some(repo) = repos.get((i + task) % repos.len()) {
                    store.record(repo.id, &path).await?;
                }
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    meter.print("record read", reads);
    let pages = 5_000;
    let collection = Nsid::parse("app.bsky.feed.post")?;
    let meter = Meter::start();
    for i in 0..pages {
        if let Some(repo) = repos.get(i % repos.len()) {
            let range = RecordRange { cursor: None, limit: 50, ascending: false };
            store.list_records(repo.id, &collection, range).await?;
        }
    }
    meter.print("page of 50 records", pages);
    Ok(())
}

async fn replay(store: &Store) -> Outcome<()> {
    let mut subscription = store.events().subscribe(Some(0));
    let meter = Meter::start();
    let (mut events, mut bytes) = (0, 0);
    while subscription.lag() > 0 {
        for event in subscription.next_batch().await? {
            events += 1;
            bytes += event.frame.len();
        }
    }
    meter.print("replayed event", events);
    println!("  {} bytes on average", bytes / events.max(1));
    Ok(())
}

async fn export(store: &Store, repos: &[Repo]) -> Outcome<()> {
    let Some(repo) = repos.first() else { return Ok(()) };
    let more = 100_000;
    for batch in (0..more).collect::<Vec<_>>().chunks(200) {
        let writes = batch.iter().map(|i| post(5_000_000 + *i)).collect::<Outcome<_>>()?;
        store.write(request(&repo.did, writes)).await?;
    }
    let records = usize::try_from(store.record_count(repo.id).await?)?;
    let mut car = Vec::new();
    for round in 0..3 {
        car.clear();
        let meter = Meter::start();
        let mut export = store.export(repo.id, None).await?.ok_or("no repository")?;
        let mut bytes = 0;
        while let Some(chunk) = export.next_chunk().await? {
            bytes += chunk.len();
            if round == 2 {
                car.extend_from_slice(&chunk);
            }
        }
        meter.print("exported record", records);
        println!("  {} MB", bytes / 1_000_000);
    }
    let meter = Meter::start();
    let mut import = store.import(repo.id).await?;
    for chunk in car.chunks(64 * 1024) {
        import.push(bytes::Bytes::copy_from_slice(chunk)).await?;
    }
    let key = repo.key.public();
    import.finish(move |message, sig| key.verify_strict(message, sig).is_ok()).await?;
    meter.print("imported record", records);
    Ok(())
}

struct Meter {
    begun: Instant,
    ticks: f64,
}

impl Meter {
    fn start() -> Meter {
        Meter { begun: Instant::now(), ticks: ticks() }
    }

    fn print(&self, what: &str, count: usize) {
        let count = count as f64;
        let cpu = (ticks() - self.ticks) / TICKS;
        let wall = self.begun.elapsed().as_secs_f64();
        println!("{what}: {:.2} CPU-us, {:.0}/s", cpu / count * 1e6, count / wall);
    }
}

/// User and system time of the process, in ticks.
fn ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field =
        |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    field(11) + field(12)
}
