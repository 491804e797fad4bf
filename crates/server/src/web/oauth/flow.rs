//! One request on its way through the pages.

use cairn_oauth::request::Prompt;
use cairn_oauth::token::RequestUri;
use cairn_store::{DeviceId, OpenRequestError};
use jiff::{SignedDuration, Timestamp};

use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;
use crate::oauth::authorize::{self, AuthorizeError, OpenRequest};

use super::super::account::factors;
use super::super::browser::{Browser, SignedIn};
use super::super::csrf::CsrfError;
use super::super::error::PageError;
use super::super::i18n::Language;
use super::super::local::Local;
use super::super::visit::Visit;
use super::{REQUEST, trouble, words};

/// Who signed in longer ago shows the password again before an app gets rights.
const LONGEST_SIGN_IN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a request waits for somebody who signs in or up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20 * 60);

/// In the query of a browser that was given a cookie a moment ago.
const COOKIE_SENT: &str = "cookie_sent";

/// A request that this browser has opened.
pub struct Flow {
    pub open: OpenRequest,
    pub device: DeviceId,
    pushed_at: Timestamp,
}

/// What has to happen before the person can be asked.
pub enum Next<'a> {
    /// Nothing: this is who answers.
    Ask(&'a SignedIn),
    /// One of several accounts is chosen.
    Choose,
    /// Somebody signs in: the one that is named, or anybody.
    SignIn(String),
    SignUp,
}

impl Flow {
    /// Opens the request with this URI. `client_id` is what an app says that sends somebody here.
    ///
    /// # Errors
    /// The page that says why there is nothing to answer.
    pub async fn open(
        visit: &Visit,
        request_uri: &str,
        client_id: Option<&str>,
    ) -> Result<Self, PageError> {
        match Self::load(visit, request_uri, client_id).await {
            Ok(Ok(flow)) => Ok(flow),
            Ok(Err(err)) => Err(trouble::stop(visit, err)),
            Err(err) => Err(err),
        }
    }

    async fn load(
        visit: &Visit,
        request_uri: &str,
        client_id: Option<&str>,
    ) -> Result<Result<Self, AuthorizeError>, PageError> {
        let app = &visit.app;
        let Ok(uri) = RequestUri::parse(request_uri) else {
            return Ok(Err(OpenRequestError::Unknown.into()));
        };
        // Known before the browser is: nobody fills the store with browsers by inventing requests.
        let Some(pushed) = app.store.oauth_request(uri.hash()).await? else {
            return Ok(Err(OpenRequestError::Unknown.into()));
        };
        let client_id = client_id.unwrap_or(&pushed.client_id);
        if client_id != pushed.client_id {
            return Ok(Err(OpenRequestError::Unknown.into()));
        }
        check_cookie(visit)?;
        let device = visit.known_device().await?.id;
        let opened = authorize::load_request(app, request_uri, client_id, device).await;
        Ok(opened.map(|open| Self { open, device, pushed_at: pushed.created_at }))
    }

    /// Where the person comes back to, perhaps as one of their accounts.
    pub fn url(&self, account: Option<&str>) -> Local {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("request_uri", self.open.uri.as_str());
        if let Some(language) = self.language() {
            query.append_pair("ui_locales", language.tag());
        }
        if let Some(did) = account {
            query.append_pair("account", did);
        }
        Local::with_query(REQUEST, &query.finish())
    }

    /// Where the person chooses another account.
    pub fn choice_url(&self) -> Local {
        let url = format!("{}&choose=1", self.url(None));
        Local::parse(&url).unwrap_or_else(|| self.url(None))
    }

    /// The language that the app asks for, if the pages speak it.
    pub fn language(&self) -> Option<Language> {
        Language::by_ui_locales(&self.open.request.ui_locales.join(" "))
    }

    /// The accounts that the app may mean: the one of its hint, or all.
    pub fn meant<'a>(&self, browser: &'a Browser) -> Vec<&'a SignedIn> {
        let hint = self.hint();
        let is_meant = |signed_in: &&SignedIn| {
            let account = &signed_in.account;
            hint.as_deref().is_none_or(|hint| {
                account.did.as_str() == hint || shown_handle(account).as_str() == hint
            })
        };
        browser.accounts.iter().filter(is_meant).collect()
    }

    pub fn hint(&self) -> Option<String> {
        self.open.request.login_hint.as_ref().map(ToString::to_string)
    }

    /// Whether a sign-in is recent enough for the server, and for the app if it has a wish.
    pub fn is_recent(&self, visit: &Visit, signed_in: &SignedIn) -> bool {
        if self.is_since_then(signed_in) {
            return true;
        }
        let request = &self.open.request;
        let wish = request.max_age.map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
        let limit = wish.map_or(LONGEST_SIGN_IN, |wish| wish.min(LONGEST_SIGN_IN));
        let age = visit.app.clock.now().duration_since(signed_in.at);
        request.prompt != Some(Prompt::Login) && age <= limit
    }

    /// Whether a second factor must be shown for what the app asks for, on a browser that is trusted with it too.
    pub fn is_grave(&self) -> bool {
        self.open.request.scope.grants().iter().any(|grant| words::costs_an_account(&grant.power))
    }

    /// Whether somebody has shown as much as their account asks for, for what the app asks for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_shown(&self, visit: &Visit, who: &SignedIn) -> Result<bool, XrpcError> {
        if self.is_grave() {
            return factors::are_shown(visit, who).await;
        }
        factors::are_shown_or_trusted(visit, who).await
    }

    /// Whether somebody has signed in after the app asked.
    fn is_since_then(&self, signed_in: &SignedIn) -> bool {
        signed_in.at >= self.pushed_at
    }

    /// What comes next. `query` of the visit says what the person has chosen so far.
    pub fn next<'a>(&self, visit: &Visit, browser: &'a Browser) -> Next<'a> {
        let accounts = &browser.accounts;
        if visit.query.has("choose") && !accounts.is_empty() {
            return Next::Choose;
        }
        let chosen = visit.query.get("account");
        let chosen = accounts.iter().find(|it| it.account.did.as_str() == chosen);
        // Who signs in on the way here means that account. The latest stands first.
        if let Some(chosen) = chosen.or_else(|| accounts.iter().find(|it| self.is_since_then(it))) {
            return self.ask(visit, chosen);
        }
        match self.open.request.prompt {
            Some(Prompt::Create) => return Next::SignUp,
            // Interop: the reference implementation sends an error back when nobody is signed in. Signing in is a choice.
            Some(Prompt::SelectAccount) if !accounts.is_empty() => return Next::Choose,
            _ => {}
        }
        match (self.meant(browser).as_slice(), self.hint()) {
            ([only], _) => self.ask(visit, only),
            ([], hint) => Next::SignIn(hint.unwrap_or_default()),
            _ => Next::Choose,
        }
    }

    fn ask<'a>(&self, visit: &Visit, signed_in: &'a SignedIn) -> Next<'a> {
        if self.is_recent(visit, signed_in) {
            return Next::Ask(signed_in);
        }
        Next::SignIn(signed_in.account.did.to_string())
    }

    /// Has the request wait for somebody who signs in or up.
    ///
    /// # Errors
    /// The page that says what has become of it.
    pub async fn wait(&self, visit: &Visit) -> Result<(), PageError> {
        let store = &visit.app.store;
        let opened = store.open_oauth_request(self.open.uri.hash(), self.device, PATIENCE).await;
        opened.map_err(|err: OpenRequestError| trouble::stop(visit, err.into()))?;
        Ok(())
    }
}

/// A request belongs to the browser that opens it first, so a browser shows first that it keeps cookies: what looks behind
/// links (previews, scanners) does not, and takes nothing from the person that the link is for.
///
/// # Errors
/// The way back here with a cookie, once; then the page that asks for cookies.
fn check_cookie(visit: &Visit) -> Result<(), PageError> {
    if visit.brought_secret().is_some() {
        return Ok(());
    }
    if visit.query.has(COOKIE_SENT) {
        return Err(PageError::Csrf(CsrfError::NoCookie));
    }
    visit.make_secret();
    let here = Local::parse(&format!("{}&{COOKIE_SENT}=1", visit.path_and_query()));
    let again = visit.redirect(here.ok_or(PageError::NotFound)?)?;
    Err(PageError::Instead(Box::new(again)))
}

/// What pages call the app that waits for somebody who is to go on to `next`. `None` if no app waits there.
///
/// # Errors
/// When the store cannot be read.
pub async fn asker_of(visit: &Visit, next: Option<&Local>) -> Result<Option<String>, PageError> {
    let Some(query) = next.and_then(|next| next.as_str().strip_prefix(REQUEST)) else {
        return Ok(None);
    };
    let mut fields = url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
    let uri =
        fields.find(|(name, _)| name == "request_uri").map(|(_, uri)| RequestUri::parse(&uri));
    let Some(Ok(uri)) = uri else { return Ok(None) };
    let pushed = visit.app.store.oauth_request(uri.hash()).await?;
    // Another browser's request is nobody else's business.
    let device = visit.browser().await?.device.as_ref().map(|device| device.id);
    let pushed = pushed.filter(|pushed| pushed.device.is_some() && pushed.device == device);
    Ok(pushed.map(|pushed| {
        let host = authorize::display_host(&visit.app, &pushed.client_id);
        host.unwrap_or_else(|| visit.t.authorize_local_app().to_owned())
    }))
}
