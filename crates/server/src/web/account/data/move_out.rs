//! `/account/u/{account}/data/move-out`: the way to another server, for people without a terminal. How far they are is read
//! from the directory each time, so there is nothing to lose by closing the page.

use askama::Template;
use cairn_store::MailPurpose;

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::code;
use crate::accounts::hosted;
use crate::limits::Bucket;

const PATH: &str = "/data/move-out";

#[derive(Template)]
#[template(path = "account/data/move_out.html")]
struct MoveOut {
    page: Page,
    t: Text,
    form: Form,
    base: String,
    did: String,
    handle: String,
    email: Option<String>,
    /// Where a password is set, if there is none: the new server asks for it.
    password_url: Option<String>,
    records: usize,
    blobs: usize,
    /// Whether blobs of its records never came here.
    is_incomplete: bool,
    home: Home,
    is_plc: bool,
    is_active: bool,
}

/// Where the identity says that the account lives.
enum Home {
    Here,
    Elsewhere(String),
    /// The directory, or the host of a did:web, does not answer.
    Unknown,
    /// A did:web of this server's own names cannot leave.
    Bound,
}

impl MoveOut {
    async fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let (app, account) = (&visit.app, &visit.account()?.account);
        let (records, counts, missing) = tokio::try_join!(
            app.store.record_count(account.id),
            app.store.blob_counts(account.id),
            app.store.list_missing_blobs(account.id, None, 1),
        )?;
        Ok(Self {
            page: visit.page(visit.t.leaving_title()),
            t: visit.t,
            form,
            base: Local::of_account(&account.did, "/data").to_string(),
            did: account.did.to_string(),
            handle: crate::accounts::identity::shown_handle(account),
            email: account.email.clone(),
            password_url: account
                .password_hash
                .is_none()
                .then(|| Local::of_account(&account.did, "/password").to_string()),
            records: usize::try_from(records).unwrap_or(usize::MAX),
            blobs: usize::try_from(counts.expected).unwrap_or(usize::MAX),
            is_incomplete: !missing.is_empty(),
            home: home(visit).await?,
            is_plc: account.did.method() == "plc",
            is_active: account.deactivated_at.is_none(),
        })
    }
}

async fn home(visit: &Visit) -> Result<Home, PageError> {
    let (app, did) = (&visit.app, &visit.account()?.account.did);
    if hosted::is_hosted(did, &app.config.handle_domains) {
        return Ok(Home::Bound);
    }
    if visit.charge(Bucket::CheckAccountStatus, did.as_str()).is_err() {
        return Ok(Home::Unknown);
    }
    // Past the cache: the person looks here to see that it has changed.
    let Ok(document) = app.resolver.did(did, true).await else { return Ok(Home::Unknown) };
    Ok(match document.pds_endpoint() {
        Some(endpoint) if endpoint == app.config.public_url => Home::Here,
        Some(endpoint) => Home::Elsewhere(endpoint),
        None => Home::Unknown,
    })
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    visit.html(&MoveOut::new(&visit, Form::new()).await?)
}

/// Mails the code that the new server asks for.
pub async fn submit(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let (purpose, bucket) = (MailPurpose::PlcOperation, Bucket::RequestPlcOperation);
    match code::send(&visit, purpose, bucket, PATH).await? {
        Ok(response) => Ok(response),
        Err(trouble) => {
            let mut form = Form::new();
            form.refuse("", trouble);
            visit.refused(&MoveOut::new(&visit, form).await?)
        }
    }
}
