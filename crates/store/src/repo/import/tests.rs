//! An account that ends while its import is being stored.

use cairn_repo::Commit;
use cairn_repo::walk::BlockSource;
use rusqlite::Connection;

use super::spool::Spool;
use super::stage::Stage;
use super::*;
use crate::accounts::testing::World;

async fn export(store: &Store, account: AccountId) -> Vec<u8> {
    let mut export = store.export(account, None).await.unwrap().unwrap();
    let mut car = Vec::new();
    while let Some(chunk) = export.next_chunk().await.unwrap() {
        car.extend_from_slice(&chunk);
    }
    car
}

fn rows(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM tree) + (SELECT count(*) FROM collection)
                 + (SELECT count(*) FROM repo)";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_account_that_is_deleted_during_its_import() {
    let world = World::new();
    let alice = world.account("alice").await;
    let car = export(&world.store, alice.id).await;
    let store = world.store.clone();
    let result = tokio::task::block_in_place(|| {
        let mut spool = Spool::new(world.folder.path(), store.space().clone()).unwrap();
        spool.push(&car).unwrap();
        let mut blocks = spool.finish().unwrap();
        let cid = blocks.root;
        let bytes = blocks.block(&cid).unwrap().unwrap();
        let commit = Commit::decode(&bytes).unwrap();
        let head = Head { commit: cid, rev: commit.rev, data: commit.data, layer: 0 };
        let stage = Stage::new(&store, alice.id, alice.did.clone(), None).unwrap();
        let repo = stage.begin(head, bytes).unwrap();
        tokio::runtime::Handle::current().block_on(async {
            store.delete_account(alice.id).await.unwrap();
            store.sweep().await.unwrap();
        });
        stage.fill(repo, &commit, &mut blocks).map(|_| ())
    });
    assert!(matches!(result, Err(ImportError::NoAccount)), "{result:?}");
    store.sweep().await.unwrap();
    assert_eq!(store.read_one(|tx| rows(tx)).await.unwrap(), 0);
}
