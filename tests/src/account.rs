//! An account under test, signed in.

use std::ops::Deref;

use bytes::Bytes;
use cairn_model::Did;
use serde_json::{Value, json};

use crate::{Caller, PASSWORD, Reply, RepoCopy, TestPds, World};

/// An account that is signed in. Calls methods with its access token.
#[derive(Clone)]
pub struct TestAccount {
    pub did: Did,
    pub handle: String,
    pub access_jwt: String,
    pub refresh_jwt: String,
    world: World,
    caller: Caller,
}

/// Where a repository stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub cid: String,
    pub rev: String,
}

impl Deref for TestAccount {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl TestAccount {
    /// The account of an answer with tokens.
    pub fn from_session(pds: &TestPds, session: &Value) -> Self {
        let text = |key: &str| {
            session[key].as_str().unwrap_or_else(|| panic!("no {key}: {session}")).to_owned()
        };
        Self {
            did: Did::parse(&text("did")).unwrap(),
            handle: text("handle"),
            caller: pds.anyone.bearer(&text("accessJwt")),
            access_jwt: text("accessJwt"),
            refresh_jwt: text("refreshJwt"),
            world: pds.world.clone(),
        }
    }

    /// The account at another server: made there with a token from here, deactivated.
    pub async fn arrive_at(&self, new: &TestPds, handle: &str) -> Self {
        let aud = new.config.service_did.to_string();
        let params = [("aud", aud.as_str()), ("lxm", "com.atproto.server.createAccount")];
        let token = self.query("com.atproto.server.getServiceAuth", &params).await.ok();
        let input = json!({ "did": self.did, "handle": handle, "email": "moved@mail.test", "password": PASSWORD });
        let mover = new.anyone.bearer(token["token"].as_str().unwrap());
        let created = mover.call("com.atproto.server.createAccount", input).await.ok();
        Self::from_session(new, &created)
    }

    /// Somebody who is not signed in, at the same server.
    pub fn anyone(&self) -> Caller {
        self.caller.nobody()
    }

    /// The same account with its refresh token.
    pub fn refresher(&self) -> Caller {
        self.caller.bearer(&self.refresh_jwt)
    }

    /// Confirms the account's address.
    pub async fn confirm_email(&self, pds: &TestPds) {
        self.poke("com.atproto.server.requestEmailConfirmation").await.ok();
        let session = self.query("com.atproto.server.getSession", &[]).await.ok();
        let email = session["email"].as_str().unwrap_or_else(|| panic!("no address: {session}"));
        let input = json!({ "email": email, "token": pds.mailed_code(email) });
        self.call("com.atproto.server.confirmEmail", input).await.ok();
    }

    /// Has a code mailed whenever somebody signs in with the password. Confirms the address first.
    pub async fn add_mailed_codes(&self, pds: &TestPds) {
        self.confirm_email(pds).await;
        let session = self.query("com.atproto.server.getSession", &[]).await.ok();
        let input = json!({ "email": session["email"], "emailAuthFactor": true });
        self.call("com.atproto.server.updateEmail", input).await.ok();
    }

    /// A record, created under a key that the server chooses. Returns the answer.
    pub async fn create(&self, collection: &str, record: Value) -> Reply {
        let input = json!({ "repo": self.did, "collection": collection, "record": record });
        self.call("com.atproto.repo.createRecord", input).await
    }

    /// A record under a key, created or replaced.
    pub async fn put(&self, collection: &str, rkey: &str, record: Value) -> Reply {
        let input =
            json!({ "repo": self.did, "collection": collection, "rkey": rkey, "record": record });
        self.call("com.atproto.repo.putRecord", input).await
    }

    /// A record that goes.
    pub async fn delete(&self, collection: &str, rkey: &str) -> Reply {
        let input = json!({ "repo": self.did, "collection": collection, "rkey": rkey });
        self.call("com.atproto.repo.deleteRecord", input).await
    }

    /// A post. Returns its rkey.
    pub async fn post(&self, text: &str) -> String {
        let created = self.create("app.bsky.feed.post", post(text)).await.ok();
        rkey(&created)
    }

    /// A record as anybody sees it.
    pub async fn record(&self, collection: &str, rkey: &str) -> Reply {
        let params = [("repo", self.did.as_str()), ("collection", collection), ("rkey", rkey)];
        self.anyone().query("com.atproto.repo.getRecord", &params).await
    }

    /// Where the repository stands, as its owner sees it.
    pub async fn head(&self) -> Head {
        let latest = self
            .query("com.atproto.sync.getLatestCommit", &[("did", self.did.as_str())])
            .await
            .ok();
        let text = |key: &str| latest[key].as_str().unwrap().to_owned();
        Head { cid: text("cid"), rev: text("rev") }
    }

    /// The whole repository as a CAR file, as its owner sees it.
    pub async fn car(&self) -> Bytes {
        self.query("com.atproto.sync.getRepo", &[("did", self.did.as_str())]).await.body().clone()
    }

    /// The whole repository, checked against the key in the DID document.
    pub async fn repo(&self) -> RepoCopy {
        let key = self.world.signing_key(&self.did).await;
        RepoCopy::read(&self.car().await, &self.did, &key)
    }

    /// A blob. Returns its reference.
    pub async fn blob(&self, content_type: &str, bytes: impl Into<Bytes>) -> Value {
        let bytes: Bytes = bytes.into();
        self.upload("com.atproto.repo.uploadBlob", content_type, bytes).await.ok()["blob"].clone()
    }

    /// Signs in anew.
    pub async fn sign_in(&self, pds: &TestPds, password: &str) -> Self {
        let input = json!({ "identifier": self.did, "password": password });
        Self::from_session(
            pds,
            &self.anyone().call("com.atproto.server.createSession", input).await.ok(),
        )
    }
}

/// A valid post.
pub fn post(text: &str) -> Value {
    json!({ "$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-23T10:00:00.000Z" })
}

/// The record key of an answer's `uri`.
pub fn rkey(written: &Value) -> String {
    written["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}
