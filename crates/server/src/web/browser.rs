//! The browser of a visit, and who is signed in on it.
//!
//! A browser is known by a cookie from its first form on; the store hears of it with its first sign-in. The secret in the
//! cookie is replaced whenever somebody signs in or out, so that one who planted it, or has seen it, is left with nothing.
//! A sign-in that is not to be remembered also needs a cookie that ends with the browser.

use std::sync::Arc;

use cairn_store::{
    Account, AccountRef, Device, DeviceAccount, Factor, NewDevice, NewSignIn, SecretHash,
    SignInError,
};
use data_encoding::BASE64URL_NOPAD;
use http::header;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::XrpcError;

use super::cookies::{Cookie, Keep};
use super::visit::Visit;

/// What is known of a visit's browser.
#[derive(Default)]
pub struct Browser {
    pub device: Option<Device>,
    /// The latest sign-in first.
    pub accounts: Vec<SignedIn>,
}

/// An account that is signed in on the browser.
#[derive(Clone)]
pub struct SignedIn {
    pub account: Arc<Account>,
    pub at: Timestamp,
    pub factors: Vec<Factor>,
}

/// What somebody has shown who signs in.
pub struct Shown {
    pub account: Arc<Account>,
    pub remember: bool,
    pub factors: Vec<Factor>,
    /// Whether this browser is not to be asked for a second factor for a while.
    pub trust: bool,
}

impl Shown {
    /// The password and nothing else.
    pub fn password(account: Arc<Account>, remember: bool) -> Self {
        Self { account, remember, factors: vec![Factor::Password], trust: false }
    }
}

/// How somebody leaves a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Who comes back shows the password, and no more if the browser was trusted with the rest.
    ForNow,
    /// The browser is asked for everything again.
    ForGood,
}

impl Visit {
    /// The browser and its accounts, looked up once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn browser(&self) -> Result<&Browser, XrpcError> {
        self.known_browser.get_or_try_init(|| self.look_up()).await
    }

    async fn look_up(&self) -> Result<Browser, XrpcError> {
        let Some(secret) = self.brought_secret() else { return Ok(Browser::default()) };
        let store = &self.app.store;
        let Some(device) = store.device_by_secret(hash(secret)).await? else {
            return Ok(Browser::default());
        };
        let user_agent = self.user_agent();
        let ip = self.client_ip.to_string();
        store.touch_device(&device, user_agent.as_deref(), Some(&ip)).await?;
        let is_same_visit = self.has_visit_cookie(&device);
        let mut accounts = Vec::new();
        for sign_in in store.device_accounts(device.id).await? {
            if !sign_in.remembered && !is_same_visit {
                continue;
            }
            if let Some(account) = store.account(AccountRef::Id(sign_in.account)).await? {
                accounts.push(signed_in(account, sign_in));
            }
        }
        Ok(Browser { device: Some(device), accounts })
    }

    /// The browser as the store knows it, from now on if it did not yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn known_device(&self) -> Result<Device, XrpcError> {
        if let Some(device) = &self.browser().await?.device {
            return Ok(device.clone());
        }
        Ok(self.app.store.create_device(self.new_device(hash(&self.device_secret()))).await?)
    }

    fn new_device(&self, secret_hash: SecretHash) -> NewDevice {
        let ip = Some(self.client_ip.to_string());
        NewDevice { secret_hash, user_agent: self.user_agent(), ip }
    }

    /// The account of this browser that a DID or a handle names.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn signed_in(&self, name: &str) -> Result<Option<&SignedIn>, XrpcError> {
        let browser = self.browser().await?;
        Ok(browser.accounts.iter().find(|signed_in| {
            let account = &signed_in.account;
            account.did.as_str() == name
                || account.handle.as_ref().is_some_and(|handle| handle.as_str() == name)
        }))
    }

    /// Signs an account in on this browser, under a new secret.
    ///
    /// # Errors
    /// 401 if the password was changed meanwhile.
    pub async fn sign_in(&self, shown: Shown) -> Result<(), XrpcError> {
        let device = self.renewed_device().await?;
        if !shown.remember {
            self.cookies.set(Cookie::Visit, &self.visit_seal(&device), Keep::Visit);
        }
        let new = NewSignIn {
            device: device.id,
            account: shown.account.id,
            password_hash: shown.account.password_hash.clone(),
            remember: shown.remember,
            factors: shown.factors,
            trust: shown.trust,
        };
        self.app.store.sign_in_on_device(new).await.map_err(|err| match err {
            SignInError::CredentialGone => crate::accounts::session::wrong_password(),
            err @ SignInError::UnknownDevice => XrpcError::internal(err),
            SignInError::Store(err) => err.into(),
        })
    }

    /// Signs accounts out of this browser, all or the one with this DID.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn sign_out(&self, did: Option<&str>, leaving: Leaving) -> Result<(), XrpcError> {
        let browser = self.browser().await?;
        let Some(device) = &browser.device else { return Ok(()) };
        let is_meant =
            |signed_in: &&SignedIn| did.is_none_or(|did| signed_in.account.did.as_str() == did);
        for signed_in in browser.accounts.iter().filter(is_meant) {
            let (store, account) = (&self.app.store, signed_in.account.id);
            match leaving {
                Leaving::ForNow => store.sign_out_of_device(device.id, account).await.map(drop)?,
                Leaving::ForGood => store.shut_out_device(device.id, account).await?,
            }
        }
        self.renewed_device().await?;
        Ok(())
    }

    /// The browser in the store, under a secret that nobody has seen.
    async fn renewed_device(&self) -> Result<Device, XrpcError> {
        let store = &self.app.store;
        let known = self.browser().await?.device.clone();
        let secret = hash(&self.make_secret());
        if let Some(device) = known {
            // Twice: the store accepts the secret before the present one for a while, and that must not be the one that
            // somebody may have planted.
            let nobodys = cairn_identity::random_bytes::<32>();
            let is_known = store.rotate_device_secret(device.id, nobodys).await?
                && store.rotate_device_secret(device.id, secret).await?;
            if is_known {
                return Ok(device);
            }
        }
        Ok(store.create_device(self.new_device(secret)).await?)
    }

    /// What the browser says of itself.
    pub fn user_agent(&self) -> Option<String> {
        self.headers.get(header::USER_AGENT)?.to_str().ok().map(str::to_owned)
    }

    fn visit_seal(&self, device: &Device) -> String {
        BASE64URL_NOPAD.encode(&self.app.web.sealer.seal("visit", &[&device.id.0]))
    }

    fn has_visit_cookie(&self, device: &Device) -> bool {
        let expected = self.visit_seal(device);
        self.cookies
            .get(Cookie::Visit)
            .is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(expected.as_bytes())))
    }
}

fn signed_in(account: Arc<Account>, sign_in: DeviceAccount) -> SignedIn {
    SignedIn { account, at: sign_in.signed_in_at, factors: sign_in.factors }
}

/// What the store knows of a browser's secret.
pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}
