//! A server under test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cairn_identity::{Clock, Curve, SigningKey};
use cairn_model::Did;
use cairn_server::accounts::blocked_words::BlockedWords;
use cairn_server::accounts::email::DisposableDomains;
use cairn_server::branding::Branding;
use cairn_server::config::{
    ConnectionConfig, FirehoseConfig, Links, ProxyConfig, RateLimitConfig, Secret, ServerConfig,
    SignUp, TrustedProxies,
};
use cairn_server::mail::{Mail, Mailbox, Mailer};
use cairn_server::{App, AppParts};
use cairn_store::{Store, StoreConfig};
use data_encoding::BASE64;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{ADMIN_PASSWORD, Caller, Firehose, Follower, PASSWORD, TestAccount, World, code_in};

/// A whole server on loopback with a folder of its own.
pub struct TestPds {
    pub world: World,
    /// A caller without credentials.
    pub anyone: Caller,
    pub config: ServerConfig,
    rotation_key: SigningKey,
    mailer: Arc<dyn Mailer>,
    moderation_mailer: Option<Arc<dyn Mailer>>,
    folder: TempDir,
    port: u16,
    running: Option<Running>,
}

struct Running {
    store: Store,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl TestPds {
    /// A server in a network of its own.
    pub async fn start() -> Self {
        World::start().await.pds().await
    }

    /// A server in a network of its own with other settings.
    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        World::start().await.pds_with(change).await
    }

    /// A server in a network of its own whose mail goes this way.
    pub async fn start_with_mailer(mailer: Arc<dyn Mailer>) -> Self {
        Self::start_mailing(World::start().await, |_| {}, mailer).await
    }

    pub(crate) async fn start_in(world: World, change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_mailing(world, change, Arc::new(Mailbox::default())).await
    }

    async fn start_mailing(
        world: World,
        change: impl FnOnce(&mut ServerConfig),
        mailer: Arc<dyn Mailer>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut config = config(port);
        change(&mut config);
        for domain in &config.handle_domains {
            world.set_domain(domain, port);
        }
        let mut pds = Self {
            anyone: Caller::anyone(&format!("http://127.0.0.1:{port}")),
            world,
            config,
            rotation_key: SigningKey::generate(Curve::K256),
            mailer,
            moderation_mailer: None,
            folder: tempfile::tempdir().unwrap(),
            port,
            running: None,
        };
        pds.run(listener).await;
        pds
    }

    async fn run(&mut self, listener: TcpListener) {
        let storage = StoreConfig {
            clock: Arc::clone(self.world.clock()) as Arc<dyn Clock>,
            ..StoreConfig::new(self.folder.path())
        };
        let store =
            tokio::task::spawn_blocking(move || Store::open(storage)).await.unwrap().unwrap();
        let local_documents = cairn_server::accounts::hosted::local_documents(
            store.clone(),
            &self.config.handle_domains,
            &self.config.public_url,
        );
        let app = App::new(AppParts {
            config: self.config.clone(),
            store: store.clone(),
            clock: Arc::clone(self.world.clock()) as Arc<dyn Clock>,
            resolver: Arc::new(self.world.resolver_with(local_documents)),
            plc: self.world.plc().clone(),
            http: self.world.http().clone(),
            lexicons: cairn_lexicon::Lexicons::known(),
            rotation_key: self.rotation_key.clone(),
            mailer: Arc::clone(&self.mailer),
            moderation_mailer: self.moderation_mailer.clone(),
        });
        let (stop, stopped) = oneshot::channel();
        let served =
            tokio::spawn(cairn_server::serve(listener, app, async move { drop(stopped.await) }));
        self.running = Some(Running { store, stop, served });
    }

    /// Stops the server in an orderly way and checks every repository.
    pub async fn stop(&mut self) {
        let Some(Running { store, stop, served }) = self.running.take() else { return };
        let _ = stop.send(());
        served.await.unwrap().unwrap();
        let report = store.verify(None).await.unwrap();
        assert!(report.problems.is_empty(), "{:#?}", report.problems);
        store.close().await;
    }

    /// Stops the server and starts it again on the same folder and port.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Starts the server after [`stop`](Self::stop), on the same folder and port.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.run(listener).await;
    }

    /// The origin that DID documents name.
    pub fn url(&self) -> &str {
        &self.config.public_url
    }

    /// The folder with everything that the server keeps.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A copy of the data folder, taken while the server is stopped.
    pub async fn copy(&mut self) -> TempDir {
        self.stop().await;
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copy.path());
        self.start_again().await;
        copy
    }

    /// Puts a copy in the place of the data folder, as after a loss.
    pub async fn put_back(&mut self, copy: &TempDir) {
        self.stop().await;
        self.folder = tempfile::tempdir().unwrap();
        copy_folder(copy.path(), self.folder.path());
        self.start_again().await;
    }

    /// The server's key for did:plc operations.
    pub fn rotation_key(&self) -> &SigningKey {
        &self.rotation_key
    }

    /// The operator.
    pub fn admin(&self) -> Caller {
        let credentials = BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes());
        self.anyone.authorized(format!("Basic {credentials}"))
    }

    /// A new account with the handle `NAME.test`.
    pub async fn account(&self, name: &str) -> TestAccount {
        self.account_named(&format!("{name}.test")).await
    }

    /// A new account with this handle, and mail to its first part.
    pub async fn account_named(&self, handle: &str) -> TestAccount {
        let (name, _) = handle.split_once('.').unwrap();
        let input =
            json!({ "handle": handle, "email": format!("{name}@mail.test"), "password": PASSWORD });
        let created = self.anyone.call("com.atproto.server.createAccount", input).await.ok();
        TestAccount::from_session(self, &created)
    }

    /// Follows the firehose live, from now on.
    pub async fn firehose(&self) -> Firehose {
        Firehose::connect(&self.anyone.base, None).await.unwrap()
    }

    /// Follows the firehose from a cursor on; 0 is the beginning.
    pub async fn firehose_from(&self, cursor: u64) -> Firehose {
        Firehose::connect(&self.anyone.base, Some(cursor)).await.unwrap()
    }

    /// A strict consumer that has seen nothing yet.
    pub async fn follower(&self) -> Follower {
        Follower::new(self.world.clone(), self.firehose_from(0).await)
    }

    /// Has moderators' mail go another way from the next start on.
    pub fn set_moderation_mailer(&mut self, mailer: Arc<dyn Mailer>) {
        self.moderation_mailer = Some(mailer);
    }

    /// Mail that the server has sent, newest first.
    pub fn mail(&self) -> Vec<Mail> {
        self.mailer.delivered()
    }

    /// The newest code that was mailed to an address.
    pub fn mailed_code(&self, to: &str) -> String {
        let mails = self.mail();
        let code = mails.iter().filter(|mail| mail.to == to).find_map(|mail| code_in(&mail.text));
        code.expect("a mail with a code was sent")
    }

    /// Waits for a letter to an address with this subject: letters go out after the answer.
    pub async fn letter(&self, to: &str, subject: &str) -> Mail {
        let is_it = |mail: &Mail| mail.to == to && mail.subject == subject;
        let found = async {
            loop {
                if let Some(mail) = self.mail().into_iter().find(is_it) {
                    return mail;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), found).await;
        found.unwrap_or_else(|_| panic!("{to} got no letter {subject:?}"))
    }
}

/// Nothing that a test does may leave a repository that is not what it says.
impl Drop for TestPds {
    fn drop(&mut self) {
        let Some(Running { store, stop, served }) = self.running.take() else { return };
        let _ = stop.send(());
        served.abort();
        if std::thread::panicking() {
            return;
        }
        let checked = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(store.verify(None))
        });
        let report = checked.join().unwrap().unwrap();
        assert!(report.problems.is_empty(), "{:#?}", report.problems);
    }
}

fn config(port: u16) -> ServerConfig {
    ServerConfig {
        public_url: format!("http://localhost:{port}"),
        hostname: "localhost".to_owned(),
        service_did: Did::parse(&format!("did:web:localhost%3A{port}")).unwrap(),
        version: "test".to_owned(),
        dev_mode: false,
        handle_domains: vec![".test".to_owned()],
        hosted_did_web: false,
        admin_password: Some(Secret::new(ADMIN_PASSWORD)),
        metrics_token: None,
        jwt_secret: Secret::new(format!("a secret of the server on port {port}")),
        lexicon_authority: None,
        recovery_did_key: None,
        sign_up: SignUp::Open,
        invite_interval: None,
        blocked_handle_words: BlockedWords::default(),
        disposable_domains: DisposableDomains::default(),
        blob_upload_limit: 16 * 1024 * 1024,
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

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
