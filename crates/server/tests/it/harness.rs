//! A server with a store of its own, and people to call it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use cairn_identity::{
    Clock, Curve, GuardPolicy, GuardedClient, PlcClient, SigningKey, TestClock, TestResolver,
};
use cairn_lexicon::Lexicons;
use cairn_model::{Cid, Did, Handle, RepoPath, Value, json};
use cairn_server::accounts::blocked_words::BlockedWords;
use cairn_server::accounts::email::DisposableDomains;
use cairn_server::auth::SessionScope;
use cairn_server::branding::Branding;
use cairn_server::config::{
    ConnectionConfig, FirehoseConfig, Links, ProxyConfig, RateLimitConfig, Secret, ServerConfig,
    SignUp, TrustedProxies,
};
use cairn_server::mail::Mailbox;
use cairn_server::{App, AppParts, router};
use cairn_store::{
    NewAccount, NewRecord, RecordWrite, Store, StoreConfig, StoreError, WriteAction, WriteRequest,
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;

pub const ADMIN_PASSWORD: &str = "operator's password";

pub struct Server {
    pub app: App,
    pub clock: Arc<TestClock>,
    pub resolver: Arc<TestResolver>,
    _dir: tempfile::TempDir,
}

/// An account and its credentials.
pub struct Person {
    pub did: Did,
    pub access: String,
    pub key: SigningKey,
}

/// A response that has come in whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::build(change, |_| {}, true).await
    }

    /// A server whose store is told something else.
    pub async fn with_store(change: impl FnOnce(&mut StoreConfig)) -> Self {
        Self::build(|_| {}, change, true).await
    }

    /// A server that must not reach private addresses, as in earnest.
    pub async fn guarded(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::build(change, |_| {}, false).await
    }

    async fn build(
        change: impl FnOnce(&mut ServerConfig),
        change_store: impl FnOnce(&mut StoreConfig),
        allow_private: bool,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new("2026-11-01T12:00:00Z".parse().unwrap()));
        let mut store_config = StoreConfig::new(dir.path());
        store_config.clock = clock.clone();
        store_config.tuning.ring_events = 256;
        change_store(&mut store_config);
        let store =
            tokio::task::spawn_blocking(|| Store::open(store_config)).await.unwrap().unwrap();
        let mut config = config();
        change(&mut config);
        let http =
            GuardedClient::new(GuardPolicy { allow_private, ..GuardPolicy::default() }).unwrap();
        let resolver = Arc::new(TestResolver::new());
        let app = App::new(AppParts {
            config,
            store,
            clock: clock.clone(),
            resolver: resolver.clone(),
            plc: PlcClient::new(&"http://127.0.0.1:9".parse().unwrap(), http.clone()).unwrap(),
            http,
            lexicons: Lexicons::known(),
            rotation_key: SigningKey::generate(Curve::K256),
            mailer: Arc::new(Mailbox::default()),
            moderation_mailer: None,
        });
        Self { app, clock, resolver, _dir: dir }
    }

    /// A live account with the handle `NAME.pds.test`.
    pub async fn person(&self, name: &str) -> Person {
        let (new, key) = wanted(name);
        self.app.store.create_account(new.clone()).await.unwrap();
        let access = self.token(&new.did, SessionScope::Full);
        Person { did: new.did, access, key }
    }

    /// Somebody who waits for such an account.
    pub async fn applicant(&self, name: &str) -> Person {
        let (new, key) = wanted(name);
        self.app.store.apply_for_account(new.clone(), None).await.unwrap();
        let access = self.token(&new.did, SessionScope::SignupQueued);
        Person { did: new.did, access, key }
    }

    pub fn token(&self, did: &Did, scope: SessionScope) -> String {
        self.app.tokens.access(did, scope, self.clock.now().as_second())
    }

    /// Writes a record past the HTTP interface.
    pub async fn write(&self, person: &Person, path: &str, text: &str) -> Cid {
        let record = json::from_slice(
            format!(r#"{{"text":"{text}"}}"#).as_bytes(),
            &cairn_model::Limits::RECORD,
        )
        .unwrap();
        self.write_value(person, path, &record).await
    }

    pub async fn write_value(&self, person: &Person, path: &str, record: &Value) -> Cid {
        let blobs = cairn_model::blob_refs(record).unwrap();
        let record = NewRecord::new(record, blobs);
        let cid = record.cid;
        let write = RecordWrite {
            path: RepoPath::parse(path).unwrap(),
            action: WriteAction::Put { record, swap: None },
        };
        let request = WriteRequest {
            account: person.did.clone(),
            writes: vec![write],
            swap_commit: None,
            dedupe: false,
        };
        self.app.store.write(request).await.unwrap();
        cid
    }

    /// Keeps a blob and a record that refers to it.
    pub async fn blob(&self, person: &Person, bytes: &[u8], mime_type: &str) -> Cid {
        let account = self.app.store.account(&person.did).await.unwrap().unwrap();
        let mut upload = self.app.store.upload_blob(account.id, 1 << 20).await.unwrap();
        upload.write(Bytes::copy_from_slice(bytes)).await.unwrap();
        let blob = upload.finish(Some(mime_type)).await.unwrap();
        let record = json::from_slice(
            format!(
                r#"{{"b":{{"$type":"blob","ref":{{"$link":"{}"}},"mimeType":"{}","size":{}}}}}"#,
                blob.cid, blob.mime_type, blob.size
            )
            .as_bytes(),
            &cairn_model::Limits::RECORD,
        );
        self.write_value(person, "com.example.blob/self", &record.unwrap()).await;
        blob.cid
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response =
            router::answer(self.app.clone(), request, IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)))
                .await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request(Method::GET, path, headers, Body::empty())).await
    }

    pub async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        self.send(request(Method::POST, path, headers, body.into())).await
    }
}

impl Drop for Server {
    /// Whatever a test did: rows, trees, commits and signatures agree afterwards.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let store = self.app.store.clone();
        let check = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(store.verify(None))
        });
        match check.join().unwrap() {
            Ok(report) => assert_eq!(report.problems, []),
            Err(StoreError::Closed) => {}
            Err(err) => panic!("the store cannot be checked: {err}"),
        }
    }
}

fn wanted(name: &str) -> (NewAccount, SigningKey) {
    let key = SigningKey::generate(Curve::K256);
    let new = NewAccount {
        did: Did::parse(&format!("did:web:{name}.example")).unwrap(),
        handle: Some(Handle::parse(&format!("{name}.pds.test")).unwrap()),
        email: Some(format!("{name}@example.com")),
        password_hash: None,
        passkey: None,
        signing_key: key.clone(),
        activate: true,
        delete_after: None,
        invite_code: None,
    };
    (new, key)
}

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

impl Person {
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.access)
    }
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Status and name of an error.
    pub fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE.as_str())
    }
}

pub fn config() -> ServerConfig {
    ServerConfig {
        public_url: "https://pds.test".into(),
        hostname: "pds.test".into(),
        service_did: Did::parse("did:web:pds.test").unwrap(),
        version: "1.2.3".into(),
        dev_mode: false,
        handle_domains: vec![".pds.test".into()],
        hosted_did_web: false,
        admin_password: Some(Secret::new(ADMIN_PASSWORD)),
        metrics_token: None,
        jwt_secret: Secret::new("a secret of at least thirty-two bytes"),
        lexicon_authority: None,
        recovery_did_key: None,
        sign_up: SignUp::Open,
        invite_interval: None,
        blocked_handle_words: BlockedWords::default(),
        disposable_domains: DisposableDomains::default(),
        blob_upload_limit: 1 << 20,
        import_limit: None,
        accepting_imports: true,
        did_doc_with_session: false,
        branding: Branding::named("Test server"),
        email_confirmation_link: true,
        sign_in_alerts: true,
        links: Links::default(),
        contact_email: None,
        crawlers: Vec::new(),
        appview: None,
        moderation: None,
        reports: None,
        chat: None,
        video: None,
        proxy: ProxyConfig::default(),
        oauth_trusted_clients: Vec::new(),
        rate_limits: RateLimitConfig::default(),
        write_limits: None,
        trusted_proxies: TrustedProxies::default(),
        connections: ConnectionConfig::default(),
        firehose: FirehoseConfig::default(),
        settings: Vec::new(),
    }
}
