//! A strict consumer: checks each event as the specification asks, keeps a copy of each repository, and complains about anything that does not follow
//! from what came before.

use std::collections::{BTreeMap, HashMap};

use cairn_identity::PublicKey;
use cairn_model::{Cid, Did, Tid};
use cairn_repo::frame::{Action, CommitBody, Event, SyncBody};
use cairn_repo::verify;

use crate::repo::root_of;
use crate::{Firehose, RepoCopy, World};

/// A consumer of one server's stream.
pub struct Follower {
    world: World,
    firehose: Firehose,
    last_seq: u64,
    repos: HashMap<Did, Followed>,
    keys: HashMap<Did, PublicKey>,
}

/// What the consumer knows of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub active: bool,
    pub status: Option<String>,
    pub handle: Option<String>,
    /// Where the repository stands, once a commit has told.
    pub head: Option<(Tid, Cid)>,
    /// Record CIDs by path; none while a `#sync` told of a tree that was not followed.
    pub records: Option<BTreeMap<String, Cid>>,
}

impl Follower {
    pub fn new(world: World, firehose: Firehose) -> Self {
        Self { world, firehose, last_seq: 0, repos: HashMap::new(), keys: HashMap::new() }
    }

    /// Goes on with another socket, as after a restart, from the last event that was seen.
    pub async fn reconnect(&mut self, base: &str) {
        self.firehose = Firehose::connect(base, Some(self.last_seq)).await.unwrap();
    }

    /// What is known of an account.
    #[track_caller]
    pub fn account(&self, did: &Did) -> &Followed {
        self.repos.get(did).expect("the account was seen")
    }

    /// Takes one event in.
    pub async fn step(&mut self) -> Event {
        let event = self.firehose.event().await;
        self.take(&event).await;
        event
    }

    /// Takes events in until the repository stands at this rev.
    pub async fn until(&mut self, did: &Did, rev: &str) {
        while self
            .repos
            .get(did)
            .and_then(|repo| repo.head)
            .is_none_or(|(at, _)| at.to_string() != rev)
        {
            self.step().await;
        }
    }

    /// Takes events in until the account has this status; none: until it is active.
    pub async fn until_status(&mut self, did: &Did, status: Option<&str>) {
        while self
            .repos
            .get(did)
            .is_none_or(|repo| repo.active != status.is_none() || repo.status.as_deref() != status)
        {
            self.step().await;
        }
    }

    /// Compares what was followed with an export.
    #[track_caller]
    pub fn assert_level_with(&self, did: &Did, copy: &RepoCopy) {
        let followed = self.account(did);
        assert_eq!(followed.head, Some((copy.rev, copy.data)));
        if let Some(records) = &followed.records {
            assert_eq!(records, &copy.records);
        }
    }

    async fn take(&mut self, event: &Event) {
        let seq = match event {
            Event::Commit(event) => event.seq,
            Event::Sync(event) => event.seq,
            Event::Identity(event) => event.seq,
            Event::Account(event) => event.seq,
            Event::Info { .. } => return,
            Event::Error { error, message } => panic!("the stream ended: {error} {message:?}"),
        };
        assert!(seq > self.last_seq, "sequence numbers rise: {seq} after {}", self.last_seq);
        self.last_seq = seq;
        match event {
            Event::Commit(commit) => self.commit(commit).await,
            Event::Sync(sync) => self.sync(sync).await,
            Event::Identity(identity) => {
                self.keys.remove(&identity.did);
                self.entry(&identity.did).handle =
                    identity.handle.as_ref().map(ToString::to_string);
            }
            Event::Account(account) => {
                let entry = self.entry(&account.did);
                entry.active = account.active;
                entry.status = account.status.clone();
                if account.status.as_deref() == Some("deleted") {
                    entry.head = None;
                    entry.records = Some(BTreeMap::new());
                }
            }
            Event::Info { .. } | Event::Error { .. } => {}
        }
    }

    async fn commit(&mut self, event: &CommitBody) {
        let key = self.key(&event.repo).await;
        let verified =
            verify::commit_event(event, |message, sig| key.verify_strict(message, sig).is_ok());
        let verified = verified.unwrap_or_else(|err| panic!("{err}: {event:?}"));
        let repo = self.entry(&event.repo);
        assert!(repo.active, "only active accounts commit: {event:?}");
        match repo.head {
            Some((rev, data)) => {
                assert!(event.rev > rev, "revs rise");
                assert_eq!(event.since, Some(rev), "`since` is the rev before");
                assert_eq!(event.prev_data, Some(data), "`prevData` is the tree before");
            }
            None => assert_eq!(event.since, None, "the first commit has no `since`"),
        }
        if let Some(records) = &mut repo.records {
            for op in &event.ops {
                let path = op.path.to_string();
                let before = match (op.action, op.cid) {
                    (Action::Delete, _) => records.remove(&path),
                    (_, Some(cid)) => records.insert(path, cid),
                    (_, None) => panic!("an operation without a CID: {op:?}"),
                };
                assert_eq!(before, op.prev, "`prev` is what was there: {op:?}");
            }
            assert_eq!(root_of(records), verified.commit.data, "the operations give the tree");
        }
        repo.head = Some((event.rev, verified.commit.data));
    }

    async fn sync(&mut self, event: &SyncBody) {
        let key = self.key(&event.did).await;
        let verified =
            verify::sync_event(event, |message, sig| key.verify_strict(message, sig).is_ok());
        let commit = verified.unwrap_or_else(|err| panic!("{err}: {event:?}")).commit;
        let repo = self.entry(&event.did);
        if let Some((rev, data)) = repo.head {
            assert!(commit.rev >= rev, "revs do not fall");
            if commit.data != data {
                repo.records = None;
            }
        } else if repo.records.as_ref().is_some_and(|records| root_of(records) != commit.data) {
            repo.records = None;
        }
        repo.head = Some((commit.rev, commit.data));
    }

    async fn key(&mut self, did: &Did) -> PublicKey {
        if let Some(key) = self.keys.get(did) {
            return *key;
        }
        let key = self.world.signing_key(did).await;
        self.keys.insert(did.clone(), key);
        key
    }

    fn entry(&mut self, did: &Did) -> &mut Followed {
        self.repos.entry(did.clone()).or_insert_with(|| Followed {
            active: false,
            status: None,
            handle: None,
            head: None,
            records: Some(BTreeMap::new()),
        })
    }
}
