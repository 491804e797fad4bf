//! `/account/u/{account}/data/move-in`: how far an account has come on its way here, and what its owner is to do.

use askama::Template;
use cairn_store::{Move, MoveStep, MoveTrouble};

use super::super::super::error::PageError;
use super::super::super::form::Form;
use super::super::super::i18n::{Flash, Text};
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::move_in::{origin_text, refuse_sign_in, sign_in};
use crate::accounts::moving;

const PATH: &str = "/data/move-in";
/// How often the page looks again while the server works.
const REFRESH_SECONDS: u32 = 3;

#[derive(Template)]
#[template(path = "account/data/move_in.html")]
struct MovingIn {
    page: Page,
    t: Text,
    form: Form,
    action: String,
    /// The old server.
    origin: String,
    /// None before the owner has signed in there.
    step: Option<MoveStep>,
    now: usize,
    is_running: bool,
    trouble: Option<String>,
    /// Whether the owner is to sign in at the old server again.
    wants_session: bool,
    wants_code: bool,
    may_skip: bool,
    is_plc: bool,
    /// What a did:web has to say.
    document: Option<Document>,
    blobs_here: u64,
    blobs: u64,
    blob_note: String,
    records: u64,
    refresh: Option<u32>,
}

struct Document {
    endpoint: String,
    key: String,
}

impl MovingIn {
    async fn new(visit: &Visit, form: Form) -> Result<Self, PageError> {
        let (app, account) = (&visit.app, &visit.account()?.account);
        // Before the store: a job that ends in between has stored how, and the page must not show what was before that.
        let is_worked_on = app.moves.works_on(account.id);
        let found = app.store.find_move(account.id).await?;
        // Who came, left and is deactivated since may come again.
        let found = found.filter(|it| it.step != MoveStep::Done || account.is_active());
        let (counts, records) = tokio::try_join!(
            app.store.blob_counts(account.id),
            app.store.record_count(account.id)
        )?;
        let blobs_here = counts.imported.min(counts.expected);
        let step = found.as_ref().map(|found| found.step);
        let is_running = is_worked_on && found.as_ref().is_some_and(|found| found.is_running);
        let is_plc = account.did.method() == "plc";
        let document = match step {
            Some(MoveStep::Identity) if !is_plc => Some(Document {
                endpoint: app.config.public_url.clone(),
                key: crate::accounts::identity::account_key(app, &account.did).await?.to_string(),
            }),
            _ => None,
        };
        Ok(Self {
            page: visit.page(visit.t.moving_title()),
            t: visit.t,
            action: Local::of_account(&account.did, PATH).to_string(),
            origin: found.as_ref().map(|found| found.origin.clone()).unwrap_or_default(),
            now: step.map_or(1, number),
            trouble: found.as_ref().and_then(|found| trouble_text(found, visit.t)),
            wants_session: !is_running
                && step.is_none_or(|step| asks_old_server(step, is_plc))
                && found.as_ref().is_none_or(|found| found.session.is_none() || lost(found)),
            wants_code: form.has("old_code") || form.error("old_code").is_some(),
            may_skip: found.as_ref().is_some_and(may_skip),
            step,
            is_running,
            is_plc,
            document,
            blobs_here,
            blob_note: format!("{blobs_here} / {}", counts.expected),
            blobs: counts.expected,
            records,
            refresh: is_running.then_some(REFRESH_SECONDS),
            form,
        })
    }
}

/// Whether a step needs the old server to know its owner.
fn asks_old_server(step: MoveStep, is_plc: bool) -> bool {
    match step {
        MoveStep::Repository | MoveStep::Blobs | MoveStep::Preferences | MoveStep::Farewell => true,
        // The owner of a did:web changes the document without it.
        MoveStep::Identity => is_plc,
        MoveStep::Activation | MoveStep::Done => false,
    }
}

/// Which of five a person sees.
fn number(step: MoveStep) -> usize {
    match step {
        MoveStep::Repository => 1,
        MoveStep::Blobs => 2,
        MoveStep::Preferences => 3,
        MoveStep::Identity => 4,
        MoveStep::Activation | MoveStep::Farewell => 5,
        MoveStep::Done => 6,
    }
}

fn lost(found: &Move) -> bool {
    found.trouble.as_ref().is_some_and(|trouble| trouble.code == "session")
}

/// Whether the move can go on without this step.
fn may_skip(found: &Move) -> bool {
    found.trouble.is_some()
        && matches!(found.step, MoveStep::Blobs | MoveStep::Preferences | MoveStep::Farewell)
}

fn trouble_text(found: &Move, t: Text) -> Option<String> {
    let MoveTrouble { code, detail } = found.trouble.as_ref()?;
    Some(match code.as_str() {
        "away" => t.moving_away().to_owned(),
        "refused" => t.moving_refused(detail),
        "session" => t.moving_session().to_owned(),
        "strange" => t.moving_strange().to_owned(),
        "not_taken" => t.moving_not_taken(detail),
        "blobs" => t.moving_blobs_missing(detail.parse::<usize>().unwrap_or_default()),
        "full" => t.moving_full().to_owned(),
        "large" => t.moving_large().to_owned(),
        "document" => t.moving_document_wrong().to_owned(),
        "ended" => t.moving_ended().to_owned(),
        _ => t.moving_failed().to_owned(),
    })
}

pub async fn show(visit: Visit) -> PageResult {
    visit.html(&MovingIn::new(&visit, Form::new()).await?)
}

/// What the owner does: sign in there, ask for the code, repeat it, try again, leave a step out.
pub async fn submit(visit: Visit) -> PageResult {
    let (app, account) = (&visit.app, &visit.account()?.account);
    let back = visit.account_page(PATH)?;
    match visit.form.get("act") {
        "sign-in" => return connect(&visit).await,
        "again" => moving::go_on(app, account.id).await?,
        "skip" => moving::skip(app, account.id).await?,
        "code" => {
            let is_asked = moving::request_code(app, account).await?;
            if is_asked {
                return visit.redirect_saying(back, Flash::OldCodeMailed);
            }
        }
        "confirm" => {
            visit.require_recent_sign_in()?;
            let mut form = Form::of(&visit.form, &["code"]);
            if account.did.method() == "plc" {
                form.require(&visit.form, "code", visit.t.moving_code_missing());
            }
            if form.is_refused() {
                return visit.refused(&MovingIn::new(&visit, form).await?);
            }
            moving::confirm(app, account, visit.form.get("code")).await?;
        }
        _ => {}
    }
    visit.redirect(back)
}

/// Signs in at the old server: for an account that has come some of the way already.
async fn connect(visit: &Visit) -> PageResult {
    let (app, t, account) = (&visit.app, visit.t, &visit.account()?.account);
    let mut form = Form::of(&visit.form, &["old_code"]);
    if visit.form.exact("old_password").is_empty() {
        form.refuse("old_password", t.arrive_old_password_missing());
        return visit.refused(&MovingIn::new(visit, form).await?);
    }
    let known = app.store.find_move(account.id).await?;
    let origin = match moving::find(app, account.did.as_str()).await {
        Ok(origin) => Ok(origin),
        // The identity names this server by now; the old one is the one that was.
        Err(moving::OriginError::Here) => {
            moving::known_origin(account, known.as_ref()).ok_or(moving::OriginError::Here)
        }
        Err(err) => Err(err),
    };
    match origin {
        Err(err) => form.refuse("", origin_text(&err, t)),
        Ok(origin) => match sign_in(visit, &origin).await {
            Ok((old, _)) => {
                moving::begin(app, account, &origin.base, &old).await?;
                return visit.redirect(visit.account_page(PATH)?);
            }
            Err(err) => {
                refuse_sign_in(&mut form, &err, t);
                if let Some(error) = form.error("from").map(str::to_owned) {
                    form.refuse("", error);
                }
            }
        },
    }
    visit.refused(&MovingIn::new(visit, form).await?)
}
