//! A directory over loopback HTTP, and accounts to put into it.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::Arc;

use cairn_identity::plc::{Operation, PlcData, UnsignedOperation};
use cairn_identity::{
    Curve, FetchRequest, FetchResponse, GuardPolicy, GuardedClient, PlcClient, SigningKey,
    TestClock,
};
use cairn_model::{Did, Handle};
use cairn_plc::{Directory, Location, serve};
use jiff::Timestamp;
use url::Url;

pub struct World {
    pub clock: Arc<TestClock>,
    pub base: Url,
    pub http: GuardedClient,
    pub client: PlcClient,
    pub stop: tokio::sync::oneshot::Sender<()>,
    pub served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl World {
    pub async fn start() -> Self {
        let clock = Arc::new(TestClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let directory = Directory::open(&Location::Memory, Arc::clone(&clock) as _).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let served = tokio::spawn(serve(listener, directory, shutdown));
        let policy = GuardPolicy { allow_private: true, ..GuardPolicy::default() };
        let http = GuardedClient::new(policy).unwrap();
        let client = PlcClient::new(&base, http.clone()).unwrap();
        Self { clock, base, http, client, stop, served }
    }

    pub async fn get(&self, path: &str) -> FetchResponse {
        let url = self.url(path);
        self.http.fetch(FetchRequest::get(url)).await.unwrap()
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{}", self.base, path.trim_start_matches('/'))).unwrap()
    }

    pub async fn register(&self, handle: &str) -> Account {
        let account = Account::new(handle);
        self.client.submit(&account.did, &account.genesis).await.unwrap();
        account
    }
}

pub struct Account {
    pub did: Did,
    pub genesis: Operation,
    pub strong: SigningKey,
    pub weak: SigningKey,
}

impl Account {
    pub fn new(handle: &str) -> Self {
        let strong = SigningKey::generate(Curve::P256);
        let weak = SigningKey::generate(Curve::K256);
        let genesis = UnsignedOperation::genesis(
            &[strong.did_key(), weak.did_key()],
            &SigningKey::generate(Curve::K256).did_key(),
            &Handle::parse(handle).unwrap(),
            "https://pds.test",
        )
        .sign(&weak);
        Self { did: genesis.did_of_genesis().unwrap(), genesis, strong, weak }
    }

    pub fn update(&self, after: &Operation, handle: &str, key: &SigningKey) -> Operation {
        let data = PlcData::of(&self.did, after).unwrap();
        data.next_operation(after.cid()).with_handle(&Handle::parse(handle).unwrap()).sign(key)
    }
}
