//! The interop audit logs of did:plc, read from `$CAIRN_VECTORS/plc`.

use std::path::{Path, PathBuf};

use cairn_identity::plc::{LogEntry, PlcError, State, validate_log};

fn logs(kind: &str) -> Vec<(String, String)> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: {kind} audit logs skipped");
        return Vec::new();
    };
    let dir = PathBuf::from(dir).join("plc").join(kind);
    let mut paths: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let all: Vec<_> = paths.iter().map(|path| (name(path), read(path))).collect();
    assert_eq!(all.len(), 10, "{}", dir.display());
    all
}

fn validate(log: &str) -> Result<State, PlcError> {
    let entries: Vec<LogEntry> = serde_json::from_str(log).unwrap();
    validate_log(&entries[0].did, &entries)
}

#[test]
fn valid_logs_are_accepted() {
    for (name, log) in logs("valid") {
        let state = validate(&log).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(matches!(state, State::Tombstoned), name == "log_tombstone", "{name}");
        if let State::Active(data) = state {
            data.to_document().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn valid_logs_come_back_unchanged() {
    for (name, log) in logs("valid") {
        let entries: Vec<LogEntry> = serde_json::from_str(&log).unwrap();
        let before: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(serde_json::to_value(entries).unwrap(), before, "{name}");
    }
}

#[test]
fn invalid_logs_are_refused_for_the_right_reason() {
    for (name, log) in logs("invalid") {
        let error = validate(&log).expect_err(&name);
        let as_expected = match name.as_str() {
            "log_invalid_nullification_too_slow" => {
                error == PlcError::LateRecovery { elapsed_ms: 72 * 3600 * 1000 + 1000 }
            }
            "log_invalid_update_nullified" | "log_invalid_update_tombstoned" => {
                error == PlcError::Misordered
            }
            _ => error == PlcError::InvalidSignature,
        };
        assert!(as_expected, "{name}: {error:?}");
    }
}

#[test]
fn a_log_with_wrong_marks_is_refused() {
    for (name, log) in logs("valid") {
        let entries: Vec<LogEntry> = serde_json::from_str(&log).unwrap();
        let did = entries[0].did.clone();
        for index in 0..entries.len() {
            let mut changed = entries.clone();
            changed[index].nullified ^= true;
            assert_eq!(
                validate_log(&did, &changed),
                Err(PlcError::EntryNullified { index }),
                "{name}"
            );
        }
        let mut changed = entries.clone();
        changed[0].cid = cairn_model::Cid::cbor_of(b"other");
        assert_eq!(validate_log(&did, &changed), Err(PlcError::EntryCid { index: 0 }));
        let other = cairn_model::Did::parse("did:plc:ewvi7nxzyoun6zhxrhs64oiz").unwrap();
        assert_eq!(validate_log(&other, &entries), Err(PlcError::EntryDid { index: 0 }));
    }
}
