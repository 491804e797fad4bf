//! Export, partial export, proofs and import.

use std::time::Duration;

use bytes::Bytes;
use cairn_model::Cid;
use cairn_repo::car::{CarItem, CarReader};
use cairn_repo::walk::{BlockSource, Step, Walker};
use cairn_repo::{BlockMap, Commit, verify};
use cairn_store::{ImportError, StoreError};

use crate::support::{Repo, World, create, note, path};

/// Enough records, in several collections, for a tree of some layers.
pub async fn fill(repo: &Repo<'_>, count: usize) {
    for batch in (0..count).collect::<Vec<_>>().chunks(100) {
        let writes = batch.iter().map(|i| {
            let collection = ["com.example.note", "com.example.aaa", "com.example.zzz"][i % 3];
            create(&format!("{collection}/k{i:06}"), note(&format!("record {i}")))
        });
        repo.write(writes.collect()).await.unwrap();
    }
}

pub fn blocks_in_order(car: &[u8]) -> (Cid, Vec<(Cid, Bytes)>) {
    let mut reader = CarReader::new();
    reader.push(car);
    let mut root = None;
    let mut blocks = Vec::new();
    while let Some(item) = reader.next().unwrap() {
        match item {
            CarItem::Header { roots } => root = roots.first().copied(),
            CarItem::Block { cid, bytes } => blocks.push((cid, bytes)),
        }
    }
    reader.finish().unwrap();
    (root.unwrap(), blocks)
}

pub struct Blocks(pub BlockMap);

impl BlockSource for Blocks {
    type Error = std::convert::Infallible;

    fn block(&mut self, cid: &Cid) -> Result<Option<Bytes>, Self::Error> {
        Ok(self.0.get(cid).cloned())
    }
}

#[tokio::test]
async fn an_export_is_the_whole_repository_in_pre_order() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 1000).await;
    let car = alice.export().await;
    let (root, blocks) = blocks_in_order(&car);
    let head = alice.head().await;
    assert_eq!((root, blocks[0].0), (head.commit, head.commit));
    let mut order = vec![head.commit];
    let mut source = Blocks(BlockMap::from_car(&car).unwrap().1);
    let mut walker = Walker::new(head.data);
    while let Some(step) = walker.next(&mut source).unwrap() {
        order.push(match step {
            Step::Node(node) => node.cid,
            Step::Record { cid, .. } => cid,
        });
    }
    assert_eq!(blocks.iter().map(|(cid, _)| *cid).collect::<Vec<_>>(), order);
    world.finish().await;
}

/// Nor does a reader that takes nothing for a while stop the writer, however small the log may be.
#[tokio::test]
async fn an_export_is_of_one_moment() {
    let world = World::with(|config| {
        config.tuning.checkpoint_pages = 10;
        config.tuning.log_limit_pages = 40;
    });
    let alice = world.account("alice").await;
    fill(&alice, 600).await;
    for i in 0..40 {
        alice.create(&format!("com.example.big/{i}"), &"x".repeat(40_000)).await.unwrap();
    }
    let before = alice.head().await;
    let mut export = world.store.export(alice.id, None).await.unwrap().unwrap();
    let writes = async {
        fill_more(&alice).await;
        for i in 0..40 {
            alice.delete(&format!("com.example.big/{i}")).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), writes).await.unwrap();
    let mut car = Vec::new();
    while let Some(chunk) = export.next_chunk().await.unwrap() {
        car.extend_from_slice(&chunk);
    }
    let (root, blocks) = BlockMap::from_car(&car).unwrap();
    assert_eq!(root, before.commit);
    let mut source = Blocks(blocks);
    let mut walker = Walker::new(before.data);
    let mut records = 0;
    while let Some(step) = walker.next(&mut source).unwrap() {
        records += usize::from(matches!(step, Step::Record { .. }));
    }
    assert_eq!(records, 640);
    world.finish().await;
}

#[tokio::test]
async fn an_export_that_is_not_taken_ends_with_an_error() {
    let world = World::with(|config| config.tuning.export_stall = Duration::from_millis(50));
    let alice = world.account("alice").await;
    for i in 0..40 {
        alice.create(&format!("com.example.big/{i}"), &"x".repeat(40_000)).await.unwrap();
    }
    let mut export = world.store.export(alice.id, None).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let end = loop {
        match export.next_chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(matches!(end, Err(StoreError::Abandoned)), "{end:?}");
    world.finish().await;
}

#[tokio::test]
async fn exports_that_are_not_taken_make_room_for_others() {
    let world =
        World::with(|config| config.tuning.export_stall_crowded = Duration::from_millis(50));
    let alice = world.account("alice").await;
    let text = "x".repeat(64 << 10);
    for i in 0..16 {
        alice.create(&format!("com.example.note/{i}"), &text).await.unwrap();
    }
    let mut stuck = Vec::new();
    for _ in 0..256 {
        stuck.push(world.store.export(alice.id, None).await.unwrap().unwrap());
    }
    assert!(alice.export().await.len() > 16 * text.len());
    drop(stuck);
    world.finish().await;
}

async fn fill_more(repo: &Repo<'_>) {
    for i in 0..20 {
        repo.create(&format!("com.example.more/{i}"), "more").await.unwrap();
    }
}

#[tokio::test]
async fn what_changed_since_a_rev_completes_an_older_export() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 300).await;
    let old = alice.export().await;
    let since = alice.head().await.rev;
    fill_more(&alice).await;
    let newer = alice.export_since(Some(since)).await;
    assert!(newer.len() < old.len());
    let (_, mut blocks) = BlockMap::from_car(&old).unwrap();
    let (root, fresh) = BlockMap::from_car(&newer).unwrap();
    for (cid, bytes) in fresh.iter() {
        blocks.insert(*cid, bytes.clone());
    }
    assert_eq!(root, alice.head().await.commit);
    let mut source = Blocks(blocks);
    let mut walker = Walker::new(alice.head().await.data);
    let mut records = 0;
    while let Some(step) = walker.next(&mut source).unwrap() {
        records += usize::from(matches!(step, Step::Record { .. }));
    }
    assert_eq!(records, 320);
    world.finish().await;
}

#[tokio::test]
async fn proofs_show_presence_and_absence() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 200).await;
    let key = alice.key.public();
    let check = |message: &[u8], sig: &[u8]| key.verify_strict(message, sig).is_ok();
    for (at, present) in [("com.example.note/k000003", true), ("com.example.note/none", false)] {
        let at = path(at);
        let car = world.store.record_proof(alice.id, &at).await.unwrap().unwrap();
        let proof = verify::record_proof(&car, &alice.did, &at, check).unwrap();
        assert_eq!(proof.is_some(), present);
    }
    world.finish().await;
}

#[tokio::test]
async fn single_blocks_are_found_by_their_cid() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 50).await;
    let head = alice.head().await;
    let record = note("record 7").cid;
    let cids = vec![head.commit, head.data, record, Cid::cbor_of(b"elsewhere")];
    let blocks = world.store.blocks(alice.id, cids).await.unwrap();
    let found: Vec<Cid> = blocks.iter().map(|(cid, _)| *cid).collect();
    assert_eq!(found, [head.commit, head.data, record]);
    assert!(blocks.iter().all(|(cid, bytes)| Cid::cbor_of(bytes) == *cid));
    world.finish().await;
}

pub async fn import(to: &Repo<'_>, from: &Repo<'_>, car: &[u8]) -> Result<u64, ImportError> {
    let mut import = to.world.store.import(to.id).await?;
    for chunk in car.chunks(7000) {
        import.push(Bytes::copy_from_slice(chunk)).await?;
    }
    let key = from.key.public();
    let stats = import.finish(move |message, sig| key.verify_strict(message, sig).is_ok()).await?;
    Ok(stats.records)
}

/// The same account on two hosts.
#[tokio::test]
async fn a_repository_moves_to_another_host() {
    let old_host = World::new();
    let there = old_host.account("alice").await;
    fill(&there, 2500).await;
    let car = there.export().await;

    let world = World::new();
    let here = world.quiet_account("alice").await;
    assert_eq!(import(&here, &there, &car).await.unwrap(), 2500);
    assert!(world.events().await.is_empty());
    let (old, new) = (there.head().await, here.head().await);
    assert_eq!(new.data, old.data);
    assert!(new.rev > old.rev);
    // Again, as after a connection that broke.
    assert_eq!(import(&here, &there, &car).await.unwrap(), 2500);
    world.store.activate(&here.did).await.unwrap();
    here.create("com.example.note/first-here", "hello").await.unwrap();
    assert_eq!(here.text("com.example.note/k000003").await.as_deref(), Some("record 3"));
    let again = here.export().await;
    let (_, blocks) = BlockMap::from_car(&again).unwrap();
    let commit = Commit::decode(blocks.get(&here.head().await.commit).unwrap()).unwrap();
    here.key.public().verify_strict(&commit.signing_bytes(), &commit.sig).unwrap();
    assert_eq!(world.store.collections(here.id).await.unwrap().len(), 3);
    world.store.sweep().await.unwrap();
    old_host.finish().await;
    world.finish().await;
}

#[tokio::test]
async fn an_import_into_a_live_account_is_announced_and_writes_go_on() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 300).await;
    let car = alice.export().await;
    alice.create("com.example.note/later", "later").await.unwrap();
    let before = alice.head().await;
    import(&alice, &alice, &car).await.unwrap();
    assert!(alice.head().await.rev > before.rev);
    assert_eq!(alice.text("com.example.note/later").await, None);
    alice.create("com.example.note/after", "after").await.unwrap();
    world.finish().await;
}

#[tokio::test]
async fn imports_that_are_not_sound_are_refused_and_change_nothing() {
    let world = World::new();
    let alice = world.account("alice").await;
    let bob = world.account("bob").await;
    fill(&alice, 300).await;
    let car = alice.export().await;
    let before = bob.head().await;

    let of_another = import(&bob, &alice, &car).await;
    assert!(matches!(of_another, Err(ImportError::Did { .. })), "{of_another:?}");
    let wrong_key = import(&alice, &bob, &car).await;
    assert!(matches!(wrong_key, Err(ImportError::Signature)), "{wrong_key:?}");
    let cut = import(&alice, &alice, &car[..car.len() - 10]).await;
    assert!(matches!(cut, Err(ImportError::Car(_))), "{cut:?}");
    let mut damaged = car.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(import(&alice, &alice, &damaged).await.is_err());

    // A block that is missing.
    let (root, blocks) = blocks_in_order(&car);
    let mut holes = Vec::new();
    cairn_repo::car::write_header(&[root], &mut holes);
    for (at, (cid, bytes)) in blocks.iter().enumerate() {
        if at != blocks.len() / 2 {
            cairn_repo::car::write_block(cid, bytes, &mut holes);
        }
    }
    assert!(import(&alice, &alice, &holes).await.is_err());

    // Any order, doubles and strangers are fine.
    let mut odd = Vec::new();
    cairn_repo::car::write_header(&[root], &mut odd);
    let stranger = Bytes::from_static(b"\xa0");
    cairn_repo::car::write_block(&Cid::cbor_of(&stranger), &stranger, &mut odd);
    for (cid, bytes) in blocks.iter().rev().chain(&blocks[..5]) {
        cairn_repo::car::write_block(cid, bytes, &mut odd);
    }
    assert_eq!(import(&alice, &alice, &odd).await.unwrap(), 300);
    let found = world.store.blocks(alice.id, vec![Cid::cbor_of(&stranger)]).await.unwrap();
    assert_eq!(found, []);
    assert_eq!(bob.head().await, before);
    world.store.sweep().await.unwrap();
    world.finish().await;
}
