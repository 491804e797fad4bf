//! The interop audit logs, replayed into a directory at the instants that they name.

use std::path::PathBuf;
use std::sync::Arc;

use cairn_identity::TestClock;
use cairn_identity::plc::{LogEntry, Operation, State, validate_log};
use cairn_plc::{Directory, Location, SubmitError};
use jiff::Timestamp;

fn logs(kind: &str) -> Vec<(String, Vec<LogEntry>)> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: {kind} audit logs skipped");
        return Vec::new();
    };
    let dir = PathBuf::from(dir).join("plc").join(kind);
    let mut logs: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let entries = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), entries)
        })
        .collect();
    logs.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(logs.len(), 10, "{}", dir.display());
    logs
}

async fn replay(entries: &[LogEntry]) -> (Directory, Result<(), SubmitError>) {
    let clock = Arc::new(TestClock::new(Timestamp::UNIX_EPOCH));
    let directory = Directory::open(&Location::Memory, Arc::clone(&clock) as _).unwrap();
    for entry in entries {
        clock.set(entry.created_at);
        if let Err(error) = directory.submit(&entry.did, entry.operation.clone()).await {
            return (directory, Err(error));
        }
    }
    (directory, Ok(()))
}

#[tokio::test]
async fn valid_logs_are_taken_in_and_come_out_unchanged() {
    for (name, entries) in logs("valid") {
        let did = &entries[0].did;
        let (directory, result) = replay(&entries).await;
        if name == "log_legacy_dholms" {
            // Operations of the old form are read, but no longer taken in.
            assert!(matches!(result, Err(SubmitError::Constraint(_))), "{result:?}");
            assert!(directory.audit_log(did).await.unwrap().is_empty());
            continue;
        }
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(directory.audit_log(did).await.unwrap(), entries, "{name}");

        let active: Vec<_> = entries.iter().filter(|entry| !entry.nullified).cloned().collect();
        assert_eq!(directory.log(did).await.unwrap(), active, "{name}");
        let last = directory.last(did).await.unwrap().unwrap();
        assert_eq!(last, active.last().unwrap().operation, "{name}");
        let is_tombstoned = validate_log(did, &entries).unwrap() == State::Tombstoned;
        assert_eq!(matches!(last, Operation::Tombstone(_)), is_tombstoned, "{name}");
    }
}

#[tokio::test]
async fn invalid_logs_are_taken_in_up_to_the_invalid_operation() {
    for (name, entries) in logs("invalid") {
        let (directory, result) = replay(&entries).await;
        assert!(matches!(result, Err(SubmitError::Invalid(_))), "{name}: {result:?}");
        let taken = directory.audit_log(&entries[0].did).await.unwrap();
        // The invalid operation is the last one of each log.
        assert_eq!(taken.len(), entries.len() - 1, "{name}");
    }
}
