//! A store in a temporary directory, accounts in it, and a consumer that believes nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use cairn_identity::{Curve, PublicKey, SigningKey};
use cairn_model::{BlobRef, Cid, Did, Map, RepoPath, Tid, Value, blob_refs};
use cairn_repo::frame::{self, Event};
use cairn_repo::verify;
use cairn_store::{
    AccountId, NewAccount, NewRecord, RecordWrite, Store, StoreConfig, WriteAction, WriteError,
    WriteOutcome, WriteRequest,
};
use tempfile::TempDir;

/// Opens the engine under test.
pub fn open(dir: &Path, tweak: impl FnOnce(&mut StoreConfig)) -> Store {
    let mut config = StoreConfig::new(dir);
    config.workers = 3;
    tweak(&mut config);
    Store::open(config).expect("the store opens")
}

pub struct World {
    pub dir: TempDir,
    pub store: Store,
    pub keys: Mutex<HashMap<Did, PublicKey>>,
}

impl World {
    pub fn new() -> World {
        World::with(|_| ())
    }

    pub fn with(tweak: impl FnOnce(&mut StoreConfig)) -> World {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), tweak);
        World { dir, store, keys: Mutex::default() }
    }

    /// Closes the store and opens it again.
    pub async fn reopen(mut self, tweak: impl FnOnce(&mut StoreConfig)) -> World {
        self.store.close().await;
        self.store = open(self.dir.path(), tweak);
        self
    }

    /// A live account.
    pub async fn account(&self, name: &str) -> Repo<'_> {
        self.make(name, true).await
    }

    /// An account that is not activated yet.
    pub async fn quiet_account(&self, name: &str) -> Repo<'_> {
        self.make(name, false).await
    }

    async fn make(&self, name: &str, activate: bool) -> Repo<'_> {
        let did = did(name);
        let key = SigningKey::generate(Curve::K256);
        self.keys.lock().unwrap().insert(did.clone(), key.public());
        let (account, _) = self
            .store
            .create_account(NewAccount {
                did: did.clone(),
                handle: None,
                email: None,
                password_hash: None,
                passkey: None,
                signing_key: key.clone(),
                activate,
                delete_after: None,
                invite_code: None,
            })
            .await
            .unwrap();
        Repo { world: self, did, id: account.id, key }
    }

    /// All events so far.
    pub async fn events(&self) -> Vec<Event> {
        let frames = self.frames().await;
        frames.iter().map(|frame| frame::decode(frame).expect("a frame decodes")).collect()
    }

    pub async fn frames(&self) -> Vec<Bytes> {
        let log = self.store.events();
        let head = log.head_seq();
        let mut subscription = log.subscribe(Some(0));
        let mut frames = Vec::new();
        while subscription.cursor() < head {
            let batch = subscription.next_batch().await.unwrap();
            frames.extend(batch.iter().map(|event| event.frame.clone()));
        }
        frames
    }

    /// Checks everything.
    pub async fn finish(self) {
        let report = self.store.verify(None).await.unwrap();
        assert_eq!(report.problems, []);
        self.follow(true).await;
        self.store.close().await;
    }

    /// Follows all events strictly: each commit must verify by itself and continue the last one.
    /// With `to_the_end`, the last of each repository must be its head.
    pub async fn follow(&self, to_the_end: bool) {
        let mut heads: HashMap<Did, (Cid, Tid, Cid)> = HashMap::new();
        let mut last_seq = 0;
        for event in self.events().await {
            let seq = match &event {
                Event::Commit(body) => {
                    self.check_commit(body, heads.get(&body.repo));
                    let head = (body.commit, body.rev, data_of(&body.blocks));
                    heads.insert(body.repo.clone(), head);
                    body.seq
                }
                Event::Sync(body) => {
                    let head = (root_of(&body.blocks), body.rev, data_of(&body.blocks));
                    heads.insert(body.did.clone(), head);
                    body.seq
                }
                Event::Identity(body) => body.seq,
                Event::Account(body) => {
                    if body.status.as_deref() == Some("deleted") {
                        heads.remove(&body.did);
                    }
                    body.seq
                }
                other => panic!("not an event of the log: {other:?}"),
            };
            assert!(seq > last_seq, "sequence numbers only grow");
            last_seq = seq;
        }
        if !to_the_end {
            return;
        }
        for (did, (commit, rev, data)) in heads {
            let account = self.store.account(&did).await.unwrap().expect("the account is there");
            let head = self.store.head(account.id).await.unwrap().expect("it has a repository");
            assert_eq!((head.commit, head.rev, head.data), (commit, rev, data), "{did}");
        }
    }

    fn check_commit(&self, body: &frame::CommitBody, before: Option<&(Cid, Tid, Cid)>) {
        let keys = self.keys.lock().unwrap();
        let key = keys.get(&body.repo).expect("the account is known");
        verify::commit_event(body, |message, sig| key.verify_strict(message, sig).is_ok())
            .unwrap_or_else(|err| panic!("commit {} of {}: {err:?}", body.rev, body.repo));
        match before {
            None => assert_eq!((body.since, body.prev_data), (None, None)),
            Some((_, rev, data)) => {
                assert_eq!((body.since, body.prev_data), (Some(*rev), Some(*data)));
                assert!(body.rev > *rev);
            }
        }
    }
}

/// The root of a CAR.
pub fn root_of(car: &Bytes) -> Cid {
    cairn_repo::BlockMap::from_car(car).unwrap().0
}

/// `data` of the commit that is a CAR's root.
fn data_of(car: &Bytes) -> Cid {
    let (root, blocks) = cairn_repo::BlockMap::from_car(car).unwrap();
    cairn_repo::Commit::decode(blocks.get(&root).unwrap()).unwrap().data
}

#[derive(Clone)]
pub struct Repo<'w> {
    pub world: &'w World,
    pub did: Did,
    pub id: AccountId,
    pub key: SigningKey,
}

impl Repo<'_> {
    pub fn request(&self, writes: Vec<RecordWrite>) -> WriteRequest {
        WriteRequest { account: self.did.clone(), writes, swap_commit: None, dedupe: false }
    }

    pub async fn write(&self, writes: Vec<RecordWrite>) -> Result<WriteOutcome, WriteError> {
        self.world.store.write(self.request(writes)).await
    }

    pub async fn create(&self, path: &str, text: &str) -> Result<WriteOutcome, WriteError> {
        self.write(vec![create(path, note(text))]).await
    }

    pub async fn delete(&self, path: &str) -> Result<WriteOutcome, WriteError> {
        self.write(vec![delete(path, true)]).await
    }

    pub async fn text(&self, at: &str) -> Option<String> {
        let record = self.world.store.record(self.id, &path(at)).await.unwrap()?;
        assert_eq!(Cid::cbor_of(&record.bytes), record.cid);
        let value = cairn_model::cbor::decode(&record.bytes, &cairn_model::Limits::RECORD).unwrap();
        value.get("text").and_then(Value::as_str).map(str::to_owned)
    }

    pub async fn head(&self) -> cairn_store::Head {
        self.world.store.head(self.id).await.unwrap().expect("it has a repository")
    }

    pub async fn export(&self) -> Vec<u8> {
        self.export_since(None).await
    }

    pub async fn export_since(&self, since: Option<Tid>) -> Vec<u8> {
        let mut export = self.world.store.export(self.id, since).await.unwrap().unwrap();
        let mut car = Vec::new();
        while let Some(chunk) = export.next_chunk().await.unwrap() {
            car.extend_from_slice(&chunk);
        }
        car
    }
}

pub fn did(name: &str) -> Did {
    let mut name: String = name.chars().filter(char::is_ascii_lowercase).collect();
    while name.len() < 24 {
        name.push('a');
    }
    Did::parse(&format!("did:plc:{name}")).unwrap()
}

pub fn path(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

pub fn note(text: &str) -> NewRecord {
    record(Value::from(Map::from_iter([("$type", "com.example.note"), ("text", text)])))
}

pub fn record(value: Value) -> NewRecord {
    let blobs: Vec<BlobRef> = blob_refs(&value).unwrap();
    NewRecord::new(&value, blobs)
}

pub fn create(at: &str, record: NewRecord) -> RecordWrite {
    RecordWrite { path: path(at), action: WriteAction::Create(record) }
}

pub fn update(at: &str, record: NewRecord) -> RecordWrite {
    RecordWrite { path: path(at), action: WriteAction::Update { record, swap: None } }
}

pub fn put(at: &str, record: NewRecord) -> RecordWrite {
    RecordWrite { path: path(at), action: WriteAction::Put { record, swap: None } }
}

pub fn put_if(at: &str, record: NewRecord, swap: Option<Cid>) -> RecordWrite {
    RecordWrite { path: path(at), action: WriteAction::Put { record, swap: Some(swap) } }
}

pub fn delete(at: &str, must_exist: bool) -> RecordWrite {
    RecordWrite { path: path(at), action: WriteAction::Delete { swap: None, must_exist } }
}
