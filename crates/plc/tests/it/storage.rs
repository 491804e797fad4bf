//! The directory's file: it outlives the directory, and belongs to one process at a time.

use crate::support;

use std::sync::Arc;

use cairn_identity::SystemClock;
use cairn_plc::{Directory, DirectoryError, Location};
use support::Account;

#[tokio::test]
async fn operations_outlive_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("plc.sqlite"));
    let account = Account::new("alice.test");
    {
        let directory = Directory::open(&location, Arc::new(SystemClock)).unwrap();
        directory.submit(&account.did, account.genesis.clone()).await.unwrap();
    }
    let directory = Directory::open(&location, Arc::new(SystemClock)).unwrap();
    assert_eq!(directory.last(&account.did).await.unwrap(), Some(account.genesis.clone()));
    let next = account.update(&account.genesis, "bob.test", &account.weak);
    directory.submit(&account.did, next).await.unwrap();
    let page = directory.export(0, 10).await.unwrap();
    assert_eq!(page.iter().map(|operation| operation.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_second_directory_on_the_same_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("plc.sqlite"));
    let first = Directory::open(&location, Arc::new(SystemClock)).unwrap();
    let second = Directory::open(&location, Arc::new(SystemClock)).map(drop);
    assert!(matches!(second, Err(DirectoryError::Locked)), "{second:?}");
    drop(first);
    Directory::open(&location, Arc::new(SystemClock)).unwrap();
}

#[tokio::test]
async fn of_two_updates_at_once_one_is_taken() {
    let directory = Directory::open(&Location::Memory, Arc::new(SystemClock)).unwrap();
    let account = Account::new("alice.test");
    directory.submit(&account.did, account.genesis.clone()).await.unwrap();
    let updates = (0..8).map(|n| {
        let next = account.update(&account.genesis, &format!("h{n}.test"), &account.weak);
        let (directory, did) = (directory.clone(), account.did.clone());
        tokio::spawn(async move { directory.submit(&did, next).await.is_ok() })
    });
    let results = futures_util::future::join_all(updates).await;
    let taken = results.into_iter().filter(|result| *result.as_ref().unwrap()).count();
    assert_eq!(taken, 1);
    assert_eq!(directory.audit_log(&account.did).await.unwrap().len(), 2);
}
