//! did:plc operations that this crate builds: genesis, update, recovery, tombstone, limits.

use std::time::Duration;

use cairn_identity::plc::{
    ConstraintError, LogEntry, Operation, PlcData, PlcError, State, UnsignedOperation,
    check_incoming, check_next, check_rate, sign_tombstone, validate_log,
};
use cairn_identity::{Curve, SigningKey};
use cairn_model::{Did, Handle};
use jiff::Timestamp;

struct Account {
    did: Did,
    signing: SigningKey,
    strong: SigningKey,
    weak: SigningKey,
    log: Vec<LogEntry>,
}

impl Account {
    fn new() -> Self {
        let signing = SigningKey::generate(Curve::K256);
        let strong = SigningKey::generate(Curve::P256);
        let weak = SigningKey::generate(Curve::K256);
        let genesis = UnsignedOperation::genesis(
            &[strong.did_key(), weak.did_key()],
            &signing.did_key(),
            &Handle::parse("alice.test").unwrap(),
            "https://pds.test",
        )
        .sign(&weak);
        let did = genesis.did_of_genesis().unwrap();
        let mut account = Self { did, signing, strong, weak, log: Vec::new() };
        account.submit(genesis, 0).unwrap();
        account
    }

    fn submit(&mut self, operation: Operation, second: i64) -> Result<(), PlcError> {
        let at = Timestamp::from_second(second).unwrap();
        let active: Vec<_> = self.log.iter().filter(|e| !e.nullified).cloned().collect();
        let nullified = check_next(&self.did, &active, &operation, at)?;
        for entry in &mut self.log {
            entry.nullified |= nullified.contains(&entry.cid);
        }
        let cid = operation.cid();
        let did = self.did.clone();
        self.log.push(LogEntry { did, operation, cid, nullified: false, created_at: at });
        validate_log(&self.did, &self.log).map(drop)
    }

    fn data(&self, index: usize) -> PlcData {
        PlcData::of(&self.did, &self.log[index].operation).unwrap()
    }

    fn update(&self, after: usize, handle: &str, key: &SigningKey) -> Operation {
        let next = self.data(after).next_operation(self.log[after].cid);
        next.with_handle(&Handle::parse(handle).unwrap()).sign(key)
    }
}

#[test]
fn a_genesis_makes_its_document() {
    let account = Account::new();
    let State::Active(data) = validate_log(&account.did, &account.log).unwrap() else {
        panic!("tombstoned")
    };
    let document = data.to_document().unwrap();
    assert_eq!(document.id, account.did);
    assert_eq!(document.handle().unwrap().as_str(), "alice.test");
    assert_eq!(document.signing_key().unwrap(), account.signing.public());
    assert_eq!(document.pds_endpoint().unwrap(), "https://pds.test");
    assert_eq!(account.did.as_str().len(), 32);
    check_incoming(&account.log[0].operation).unwrap();
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let mut account = Account::new();
    let operation = account.update(0, "bob.test", &account.weak);
    account.submit(operation, 10).unwrap();
    let mut expected = account.data(0);
    expected.also_known_as = vec!["at://bob.test".to_owned()];
    assert_eq!(account.data(1), expected);
}

#[test]
fn with_handle_keeps_other_aliases() {
    let account = Account::new();
    let mut next = account.data(0).next_operation(account.log[0].cid);
    next.also_known_as = vec!["https://alice.example".to_owned()];
    let next = next.with_handle(&Handle::parse("a.test").unwrap());
    assert_eq!(next.also_known_as, ["at://a.test", "https://alice.example"]);
    let next = next.with_handle(&Handle::parse("b.test").unwrap());
    assert_eq!(next.also_known_as, ["at://b.test", "https://alice.example"]);
}

#[test]
fn a_stronger_key_takes_back_and_a_weaker_one_does_not() {
    let mut account = Account::new();
    let stolen = account.update(0, "thief.test", &account.weak);
    account.submit(stolen, 10).unwrap();

    let weak_fork = account.update(0, "again.test", &account.weak);
    assert_eq!(account.submit(weak_fork, 20), Err(PlcError::InvalidSignature));

    let recovery = account.update(0, "owner.test", &account.strong);
    account.submit(recovery, 10 + 72 * 3600).unwrap();
    assert!(account.log[1].nullified);
    assert_eq!(account.data(2).also_known_as, ["at://owner.test"]);
}

#[test]
fn a_recovery_after_the_window_is_late() {
    let mut account = Account::new();
    let stolen = account.update(0, "thief.test", &account.weak);
    account.submit(stolen, 10).unwrap();
    let recovery = account.update(0, "owner.test", &account.strong);
    let late = account.submit(recovery, 11 + 72 * 3600);
    assert_eq!(late, Err(PlcError::LateRecovery { elapsed_ms: 259_201_000 }));
}

#[test]
fn nothing_follows_a_tombstone_except_a_recovery() {
    let mut account = Account::new();
    let end = sign_tombstone(account.log[0].cid, &account.weak);
    account.submit(end, 10).unwrap();
    assert_eq!(validate_log(&account.did, &account.log), Ok(State::Tombstoned));

    let prev = account.log[1].cid;
    let after = account.data(0).next_operation(prev).sign(&account.strong);
    assert_eq!(account.submit(after, 20), Err(PlcError::Misordered));

    let recovery = account.update(0, "owner.test", &account.strong);
    account.submit(recovery, 30).unwrap();
    assert!(matches!(validate_log(&account.did, &account.log), Ok(State::Active(_))));
}

#[test]
fn a_genesis_of_another_did_is_refused() {
    let (account, other) = (Account::new(), Account::new());
    let at = Timestamp::UNIX_EPOCH;
    let error = check_next(&account.did, &[], &other.log[0].operation, at).unwrap_err();
    assert_eq!(error, PlcError::GenesisHash { made: other.did });
    let update = account.update(0, "bob.test", &account.weak);
    assert_eq!(check_next(&account.did, &[], &update, at), Err(PlcError::NotGenesis));
    assert_eq!(validate_log(&account.did, &[]), Err(PlcError::Empty));
}

#[test]
fn operations_with_unknown_or_missing_members_are_refused() {
    let account = Account::new();
    let genesis = serde_json::to_value(&account.log[0].operation).unwrap();
    assert_eq!(
        serde_json::from_value::<Operation>(genesis.clone()).unwrap(),
        account.log[0].operation
    );
    for change in ["extra", "prev", "sig", "services", "type"] {
        let mut changed = genesis.clone();
        if changed.as_object_mut().unwrap().remove(change).is_none() {
            changed[change] = serde_json::Value::from(1);
        }
        assert!(serde_json::from_value::<Operation>(changed).is_err(), "{change}");
    }
}

#[test]
fn directory_limits_hold() {
    let account = Account::new();
    let base = || account.data(0).next_operation(account.log[0].cid);
    let refused = |next: UnsignedOperation| check_incoming(&next.sign(&account.weak)).unwrap_err();

    let mut next = base();
    next.also_known_as = (0..11).map(|n| format!("at://h{n}.test")).collect();
    assert_eq!(refused(next), ConstraintError::TooMany { field: "alsoKnownAs", max: 10 });

    let mut next = base();
    next.also_known_as = vec!["at://a.test".to_owned(); 2];
    assert_eq!(refused(next), ConstraintError::DuplicateAlias("at://a.test".to_owned()));

    let mut next = base();
    next.also_known_as = vec![format!("at://{}", "a".repeat(254))];
    assert_eq!(refused(next), ConstraintError::TooLong { field: "alsoKnownAs entry", max: 258 });

    let ed25519 = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".to_owned();
    let mut next = base();
    next.rotation_keys = vec![ed25519.clone()];
    assert_eq!(refused(next), ConstraintError::RotationKey(ed25519.clone()));

    let mut next = base();
    next.verification_methods.insert("other".to_owned(), ed25519);
    check_incoming(&next.sign(&account.weak)).unwrap();

    let mut next = base();
    next.rotation_keys = vec![account.weak.did_key().to_string(); 10];
    next.also_known_as = (0..10).map(|n| format!("at://{n}{}", "a".repeat(200))).collect();
    next.verification_methods =
        (0..10).map(|n| (format!("k{n}"), format!("did:key:z{}", "a".repeat(246)))).collect();
    assert_eq!(refused(next), ConstraintError::TooLarge);
}

#[test]
fn a_did_changes_ten_times_an_hour() {
    let mut account = Account::new();
    for n in 1..10 {
        let operation = account.update(n - 1, &format!("h{n}.test"), &account.weak);
        account.submit(operation, 0).unwrap();
    }
    let error = check_rate(&account.log, Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!((error.span, error.max), ("hour", 10));
    let later = Timestamp::UNIX_EPOCH + Duration::from_secs(3600);
    assert_eq!(check_rate(&account.log, later), Ok(()));
    assert_eq!(check_rate(account.log.get(1..).unwrap(), Timestamp::UNIX_EPOCH), Ok(()));
}
