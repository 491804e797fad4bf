//! What the tests of this crate's accounts, sessions and blobs start from.

use std::sync::Arc;
use std::time::Duration;

use cairn_identity::{Clock, Curve, SigningKey, TestClock};
use cairn_model::{BlobRef, Did, Handle, RepoPath, Value};
use cairn_repo::frame::{self, Event};
use tempfile::TempDir;

use crate::{
    Account, AccountId, MailPurpose, NewAccount, NewInviteCodes, NewRecord, RecordWrite, Store,
    StoreConfig, WriteAction, WriteRequest,
};

/// A store of its own in a folder that vanishes.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new("2026-10-01T12:00:00Z".parse().unwrap()));
        let store = open(&folder, &clock);
        Self { store, clock, folder }
    }

    /// Closes the store and opens it again on the same folder.
    pub(crate) async fn reopen(self) -> Self {
        let Self { store, clock, folder } = self;
        store.close().await;
        drop(store);
        let store = open(&folder, &clock);
        Self { store, clock, folder }
    }

    pub(crate) fn advance_hours(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3600));
    }

    /// An active account `did:plc:<name>…` with the handle `<name>.test`.
    pub(crate) async fn account(&self, name: &str) -> Account {
        self.store.create_account(new_account(name)).await.unwrap().0
    }

    /// A token as it is mailed to the account's address.
    pub(crate) async fn mail_token(&self, account: &Account, purpose: MailPurpose) -> String {
        let email = account.email.as_deref().unwrap();
        self.store.create_mail_token(account.id, email, purpose).await.unwrap().unwrap()
    }

    /// Shows that somebody reads the account's address.
    pub(crate) async fn confirm_email(&self, account: AccountId) {
        let account = self.store.account(account).await.unwrap().unwrap();
        let token = self.mail_token(&account, MailPurpose::ConfirmEmail).await;
        self.store.confirm_email_by_token(account.id, &token).await.unwrap();
    }

    /// A code that lets in so many; `owner` is who gave it out.
    pub(crate) async fn invite_code(&self, owner: &str, uses: u32) -> String {
        let new = NewInviteCodes {
            hostname: "pds.test".to_owned(),
            count: 1,
            uses,
            for_accounts: vec![owner.to_owned()],
            created_by: "admin".to_owned(),
        };
        let made = self.store.create_invite_codes(new).await.unwrap();
        made[0].1[0].clone()
    }

    /// Creates a record that refers to these blobs.
    pub(crate) async fn post(&self, account: &Account, rkey: &str, blobs: Vec<BlobRef>) {
        let record = NewRecord::new(&Value::String(rkey.to_owned()), blobs);
        self.write(account, rkey, WriteAction::Create(record)).await;
    }

    pub(crate) async fn delete_post(&self, account: &Account, rkey: &str) {
        self.write(account, rkey, WriteAction::Delete { swap: None, must_exist: true }).await;
    }

    async fn write(&self, account: &Account, rkey: &str, action: WriteAction) {
        let path = RepoPath::parse(&format!("com.example.post/{rkey}")).unwrap();
        self.store
            .write(WriteRequest {
                account: account.did.clone(),
                writes: vec![RecordWrite { path, action }],
                swap_commit: None,
                dedupe: false,
            })
            .await
            .unwrap();
    }

    /// All events after `cursor`, decoded.
    pub(crate) async fn events_after(&self, cursor: u64) -> Vec<Event> {
        let log = self.store.events();
        let mut subscription = log.subscribe(Some(cursor));
        let mut events = Vec::new();
        while subscription.cursor() < log.head_seq() {
            for event in subscription.next_batch().await.unwrap() {
                events.push(frame::decode(&event.frame).unwrap());
            }
        }
        events
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub(crate) fn head_seq(&self) -> u64 {
        self.store.events().head_seq()
    }
}

fn open(folder: &TempDir, clock: &Arc<TestClock>) -> Store {
    let mut config = StoreConfig::new(folder.path());
    config.clock = clock.clone();
    Store::open(config).unwrap()
}

pub(crate) fn did(name: &str) -> Did {
    Did::parse(&format!("did:plc:{name:a<24}")).unwrap()
}

pub(crate) fn handle(name: &str) -> Handle {
    Handle::parse(&format!("{name}.test")).unwrap()
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount {
        did: did(name),
        handle: Some(handle(name)),
        email: Some(format!("{name}@example.com")),
        password_hash: Some("$argon2id$x".to_owned()),
        passkey: None,
        signing_key: SigningKey::generate(Curve::K256),
        activate: true,
        delete_after: None,
        invite_code: None,
    }
}

/// The kinds of events, with what matters of them.
pub(crate) fn kinds(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Commit(_) => "commit".to_owned(),
            Event::Sync(_) => "sync".to_owned(),
            Event::Identity(body) => {
                format!("identity {}", body.handle.as_ref().map_or("-", Handle::as_str))
            }
            Event::Account(body) => {
                format!("account {}", body.status.as_deref().unwrap_or("active"))
            }
            other => format!("{other:?}"),
        })
        .collect()
}

/// One that opens an account alone.
pub(crate) fn passkey(byte: u8) -> crate::NewPasskey {
    crate::NewPasskey {
        credential_id: vec![byte; 16],
        public_key: vec![byte],
        sign_count: 0,
        name: format!("key {byte}"),
        transports: Vec::new(),
        backup_eligible: false,
        backed_up: false,
        uv_initialized: true,
        discoverable: true,
    }
}
