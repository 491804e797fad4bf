//! Random writes, compared with a map.

use std::collections::BTreeMap;

use cairn_store::RecordWrite;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{World, create, delete, note, put, update};

#[derive(Clone, Debug)]
enum Step {
    Write(u16, u8),
    Delete(u16),
}

fn key(number: u16) -> String {
    let collection =
        ["com.example.a", "com.example.b", "org.example.zebra"][usize::from(number % 3)];
    format!("{collection}/k{number}")
}

/// A write that fits the map, and the map after it.
fn write_of(step: &Step, model: &mut BTreeMap<String, String>) -> RecordWrite {
    match step {
        Step::Write(number, content) => {
            let (key, text) = (key(*number), format!("text {content}"));
            let existed = model.insert(key.clone(), text.clone()).is_some();
            match (existed, content % 2) {
                (_, 0) => put(&key, note(&text)),
                (true, _) => update(&key, note(&text)),
                (false, _) => create(&key, note(&text)),
            }
        }
        Step::Delete(number) => {
            let key = key(*number);
            let existed = model.remove(&key).is_some();
            delete(&key, existed)
        }
    }
}

#[test]
fn random_batches_leave_what_a_map_would_hold() {
    let step = prop_oneof![
        3 => (0..60u16, 0..6u8).prop_map(|(key, content)| Step::Write(key, content)),
        2 => (0..60u16).prop_map(Step::Delete),
    ];
    let batches = prop::collection::vec(prop::collection::vec(step, 1..12), 1..25);
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runner
        .run(&batches, |batches| {
            runtime.block_on(run(batches));
            Ok(())
        })
        .unwrap();
}

async fn run(batches: Vec<Vec<Step>>) {
    let world = World::with(|config| config.tuning.warm_nodes = 2);
    let alice = world.account("alice").await;
    let mut model = BTreeMap::new();
    for batch in batches {
        let writes = batch.iter().map(|step| write_of(step, &mut model)).collect();
        alice.write(writes).await.unwrap();
    }
    for number in 0..60 {
        let key = key(number);
        assert_eq!(alice.text(&key).await, model.get(&key).cloned(), "{key}");
    }
    assert_eq!(world.store.record_count(alice.id).await.unwrap(), model.len() as u64);
    world.finish().await;
}
