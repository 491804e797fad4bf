//! `/admin/moderation/record` and `/admin/moderation/blob`: one of them, and taking it down or restoring it.

use std::sync::Arc;

use askama::Template;
use cairn_model::{AtIdentifier, AtUri, Cid, Did, Limits, blob_refs_lenient, cbor};
use cairn_store::Account;

use super::super::error::PageError;
use super::super::form::Form;
use super::super::format::{beginning, bytes, is_indented, plain};
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::moderation::{of_blob, of_record};
use crate::accounts::administration::{self, MAX_NOTE_CHARS, Part};
use crate::accounts::identity::shown_handle;
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::com_atproto::admin;

/// Records that are named beside a blob.
const MENTIONS: u32 = 20;
/// So much of a record's text is shown at first, in bytes, as on the page of its owner.
const MAX_TEXT: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "admin/part.html")]
struct Detail {
    page: Page,
    t: Text,
    form: Form,
    /// Where the form goes.
    action: &'static str,
    uri: String,
    did: String,
    cid: String,
    handle: String,
    account_href: String,
    facts: Vec<(&'static str, String)>,
    takedown_ref: Option<String>,
    /// What a record says, as JSON.
    json: Option<String>,
    /// Where all of it is shown, if `json` is only the beginning.
    whole_href: Option<String>,
    /// The blobs of a record, or the records of a blob.
    related: Vec<Related>,
}

struct Related {
    href: String,
    name: String,
}

/// What a request is about, with its account.
struct Subject {
    account: Arc<Account>,
    part: Part,
}

impl Subject {
    /// Reads the path, and the fields of query or form.
    async fn of(visit: &Visit, fields: &super::super::form::Fields) -> Result<Self, PageError> {
        let missing = |_| PageError::NotFound;
        if visit.param("kind") == "record" {
            let uri = AtUri::parse(fields.get("uri")).map_err(missing)?;
            let (account, path) = admin::record(&visit.app, &uri).await.map_err(gone)?;
            return Ok(Self { account, part: Part::Record(path) });
        }
        if visit.param("kind") != "blob" {
            return Err(PageError::NotFound);
        }
        let did = Did::parse(fields.get("did")).map_err(missing)?;
        let cid = Cid::parse(fields.get("cid")).map_err(|_| PageError::NotFound)?;
        let account = admin::account(&visit.app, AtIdentifier::Did(did)).await.map_err(gone)?;
        Ok(Self { account, part: Part::Blob(cid) })
    }

    fn place(&self) -> Local {
        match &self.part {
            Part::Record(path) => of_record(&self.account.did, path),
            Part::Blob(cid) => of_blob(&self.account.did, cid),
        }
    }

    async fn detail(&self, visit: &Visit, form: Form) -> Result<Detail, PageError> {
        let mut detail = match &self.part {
            Part::Record(_) => self.record(visit, form).await?,
            Part::Blob(cid) => self.blob(visit, form, *cid).await?,
        };
        detail.did = self.account.did.to_string();
        detail.handle = shown_handle(&self.account);
        detail.account_href = Local::of_console(&self.account.did, "").to_string();
        Ok(detail)
    }

    async fn record(&self, visit: &Visit, form: Form) -> Result<Detail, PageError> {
        let Part::Record(path) = &self.part else { return Err(PageError::NotFound) };
        let (t, did) = (visit.t, &self.account.did);
        let record = visit.app.store.record(self.account.id, path).await?;
        let record = record.ok_or(PageError::NotFound)?;
        let value = cbor::decode(&record.bytes, &Limits::RECORD).map_err(XrpcError::internal)?;
        let json = cairn_model::json::to_serde(&value);
        let json = if is_indented(record.bytes.len()) {
            serde_json::to_string_pretty(&json)
        } else {
            serde_json::to_string(&json)
        };
        let mut json = plain(&json.map_err(XrpcError::internal)?);
        let is_cut = json.len() > MAX_TEXT && !visit.query.has("whole");
        if is_cut {
            json = format!("{}…", beginning(&json, MAX_TEXT));
        }
        let related = blob_refs_lenient(&value).into_iter().map(|blob| Related {
            href: of_blob(did, &blob.cid).to_string(),
            name: format!("{} ({})", blob.cid, blob.mime_type),
        });
        Ok(Detail {
            uri: AtUri::record(did, path).to_string(),
            facts: vec![
                (t.moderation_cid(), record.cid.to_string()),
                (t.moderation_rev(), record.rev.to_string()),
            ],
            takedown_ref: record.takedown_ref,
            json: Some(json),
            whole_href: is_cut.then(|| format!("{}&whole=1#json", of_record(did, path))),
            related: related.collect(),
            ..Detail::empty(visit, form, t.moderation_record(), "/admin/moderation/record")
        })
    }

    async fn blob(&self, visit: &Visit, form: Form, cid: Cid) -> Result<Detail, PageError> {
        let (t, account) = (visit.t, &self.account);
        let info = visit.app.store.blob_info(account.id, cid).await?.ok_or(PageError::NotFound)?;
        let mentions = visit.app.store.records_with_blob(account.id, cid, MENTIONS).await?;
        let related = mentions.iter().map(|path| Related {
            href: of_record(&account.did, path).to_string(),
            name: AtUri::record(&account.did, path).to_string(),
        });
        let state = match (info.temporary_since, info.unreferenced_since) {
            (Some(_), _) => t.moderation_temporary(),
            (None, Some(_)) => t.moderation_unreferenced(),
            (None, None) => t.moderation_referenced(),
        };
        Ok(Detail {
            cid: cid.to_string(),
            facts: vec![
                (t.moderation_type(), info.blob.mime_type),
                (t.moderation_size(), bytes(t, info.blob.size)),
                (t.moderation_state(), state.to_owned()),
            ],
            takedown_ref: info.takedown_ref,
            related: related.collect(),
            ..Detail::empty(visit, form, t.moderation_blob(), "/admin/moderation/blob")
        })
    }
}

impl Detail {
    fn empty(visit: &Visit, form: Form, title: &'static str, action: &'static str) -> Self {
        Self {
            page: visit.page(title),
            t: visit.t,
            form,
            action,
            uri: String::new(),
            did: String::new(),
            cid: String::new(),
            handle: String::new(),
            account_href: String::new(),
            facts: Vec::new(),
            takedown_ref: None,
            json: None,
            whole_href: None,
            related: Vec::new(),
        }
    }
}

/// What is not here is a page that does not exist.
fn gone(err: XrpcError) -> PageError {
    if err.status().is_client_error() { PageError::NotFound } else { err.into() }
}

pub async fn show(visit: Visit) -> PageResult {
    let subject = Subject::of(&visit, &visit.query).await?;
    let detail = subject.detail(&visit, Form::new()).await?;
    visit.html(&detail)
}

pub async fn submit(visit: Visit) -> PageResult {
    let sent = &visit.form;
    let subject = Subject::of(&visit, sent).await?;
    let takes_down = sent.get("act") == "take-down";
    let mut form = Form::of(sent, &["reference", "reason"]);
    if takes_down {
        form.require(sent, "reason", visit.t.act_reason_missing());
    }
    for name in ["reference", "reason"] {
        if sent.get(name).chars().count() > MAX_NOTE_CHARS {
            form.refuse(name, visit.t.act_reason_long(MAX_NOTE_CHARS));
        }
    }
    if form.is_refused() {
        let detail = subject.detail(&visit, form).await?;
        return visit.refused(&detail);
    }
    let text = |name| Some(sent.get(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    let (app, by) = (&visit.app, &Moderator::Admin);
    let (account, part) = (&subject.account, &subject.part);
    let done = if takes_down {
        let reference = text("reference").or_else(|| text("reason"));
        administration::take_down_part(app, by, account, part, reference, text("reason")).await
    } else {
        administration::restore_part(app, by, account, part, text("reason")).await
    };
    match done {
        Ok(()) if takes_down => visit.redirect_saying(subject.place(), Flash::PartTakenDown),
        Ok(()) => visit.redirect_saying(subject.place(), Flash::PartRestored),
        Err(err) if err.status().is_client_error() => {
            form.refuse("", visit.t.console_refused(err.message()));
            let detail = subject.detail(&visit, form).await?;
            visit.refused(&detail)
        }
        Err(err) => Err(err.into()),
    }
}
