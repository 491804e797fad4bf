//! Measures what one write costs in a tree of 100,000 records, without storage and signatures:
//! `cargo run --release -p cairn-repo --example write_cost`.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use cairn_model::{Cid, Tid};
use cairn_repo::{BuildError, NodeRow, NodeSource, Tree, TreeBuilder, TreeError};

const RECORDS: u64 = 100_000;
const WRITES: u64 = 20_000;
/// What a worker would let a cached tree grow to.
const KEEP_NODES: usize = 4_096;

#[derive(Default)]
struct Rows(HashMap<(String, u8), Bytes>);

impl NodeSource for Rows {
    type Error = Infallible;

    fn node(&self, lo: &str, layer: u8, _: &Cid) -> Result<Option<Bytes>, Infallible> {
        Ok(self.0.get(&(lo.to_owned(), layer)).cloned())
    }
}

impl Rows {
    fn put(&mut self, row: NodeRow) {
        self.0.insert((row.lo, row.layer), row.bytes);
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Tree(#[from] TreeError<Infallible>),
}

/// Keys as clients make them: a collection and the time.
fn key(n: u64) -> String {
    let collections = ["app.bsky.feed.like", "app.bsky.feed.post", "app.bsky.graph.follow"];
    let collection = collections.get((n % 3) as usize).unwrap_or(&"app.bsky.feed.repost");
    format!("{collection}/{}", Tid::from_parts(1_700_000_000_000_000 + n * 1_000_003, 7))
}

fn main() -> Result<(), Error> {
    let value = Cid::cbor_of(b"record");
    let keys: BTreeSet<String> = (0..RECORDS).map(key).collect();
    let mut rows = Rows::default();

    let start = Instant::now();
    let mut builder = TreeBuilder::new();
    for key in &keys {
        builder.push(key, value)?;
        builder.drain_rows().for_each(|row| rows.put(row));
    }
    let (root, layer) = builder.finish();
    builder.drain_rows().for_each(|row| rows.put(row));
    let per_second = RECORDS as f64 / start.elapsed().as_secs_f64();
    println!("build: {per_second:.0} records/s, {} nodes", rows.0.len());

    for (name, first, step) in [("append", RECORDS, 1), ("anywhere", 1_000_000, 7_919)] {
        let mut tree = Tree::from_root(root, layer);
        let mut own = Rows(rows.0.clone());
        let (mut n_rows, mut n_proof) = (0, 0);
        let mut spent = [0_u128; 2];
        for i in 0..WRITES {
            let key = if step == 1 { key(first + i) } else { scattered(i * step) };
            let start = Instant::now();
            tree.insert(&own, &key, value)?;
            let changes = tree.commit();
            spent[0] += start.elapsed().as_nanos();
            n_rows += changes.upserts.len();
            let start = Instant::now();
            let proof = tree.covering_proof_beyond(&own, [key.as_str()], &changes)?;
            n_proof += black_box(proof).len();
            spent[1] += start.elapsed().as_nanos();
            for at in changes.removed {
                own.0.remove(&at);
            }
            changes.upserts.into_iter().for_each(|row| own.put(row));
            let start = Instant::now();
            tree.prune(KEEP_NODES);
            spent[1] += start.elapsed().as_nanos();
        }
        let per_write = |n: usize| n as f64 / WRITES as f64;
        let micros = spent.map(|ns| ns as f64 / 1_000.0 / WRITES as f64);
        println!(
            "{name}: insert and commit {:.1} µs, proof and pruning {:.1} µs, {:.1} rows, {:.1} more nodes",
            micros[0],
            micros[1],
            per_write(n_rows),
            per_write(n_proof),
        );
    }
    Ok(())
}

/// A key that falls anywhere among the others.
fn scattered(n: u64) -> String {
    let micros = 1_700_000_000_000_000 + (n * 2_654_435_761) % (RECORDS * 1_000_003);
    format!("app.bsky.feed.post/{}", Tid::from_parts(micros, 9))
}
