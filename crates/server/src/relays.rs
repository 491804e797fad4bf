//! The relays that are asked to follow this server, and what each said last.

use std::sync::{Arc, Mutex, PoisonError};

use cairn_identity::{FetchError, FetchRequest, FetchResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::App;

/// Longer answers are cut: they are for people to read.
const MAX_SHOWN_CHARS: usize = 600;
/// No answer of a relay to these questions is longer.
const MAX_ANSWER_BYTES: usize = 16 * 1_024;

/// All relays of the configuration.
pub struct Relays(Vec<Arc<Relay>>);

/// One relay.
pub(crate) struct Relay {
    /// Its origin.
    pub url: Url,
    heard: Mutex<Heard>,
}

/// What a relay said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// To being asked to follow this server.
    pub crawl: Option<Said>,
    /// To how this server stands with it.
    pub standing: Option<Said>,
}

/// An answer, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub at: Timestamp,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The body is cut.
    Status { status: u16, body: String },
    /// Why there was none.
    None(String),
}

/// How this server stands with a relay: `com.atproto.sync.getHostStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    /// The last event that the relay has.
    pub seq: Option<u64>,
    pub account_count: Option<u64>,
    /// `active`, `idle`, `offline`, `throttled`, `banned`.
    pub status: Option<String>,
}

impl Relays {
    pub(crate) fn new(urls: &[Url]) -> Self {
        let relay = |url: &Url| Arc::new(Relay { url: url.clone(), heard: Mutex::default() });
        Self(urls.iter().map(relay).collect())
    }

    pub(crate) fn all(&self) -> &[Arc<Relay>] {
        &self.0
    }
}

#[derive(Serialize)]
struct Body<'a> {
    hostname: &'a str,
}

impl Relay {
    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the relay to follow this server. Returns whether it will.
    pub(crate) async fn request_crawl(&self, app: &App) -> bool {
        let asked = async {
            let url = self.method("com.atproto.sync.requestCrawl")?;
            let hostname = host_with_port(&app.config.public_url);
            let request = FetchRequest::post_json(url, &Body { hostname })?;
            app.http.fetch(request.max_bytes(MAX_ANSWER_BYTES)).await
        };
        let answer = Answer::of(asked.await);
        match &answer {
            Answer::Status { status: 200..300, .. } => {
                tracing::info!(relay = %self.url, "asked a relay to follow");
            }
            Answer::Status { status, .. } => {
                tracing::warn!(relay = %self.url, status, "a relay refused to follow");
            }
            Answer::None(error) => {
                tracing::warn!(relay = %self.url, error, "a relay could not be asked to follow");
            }
        }
        let is_followed = answer.is_success();
        self.keep(|heard| heard.crawl = Some(Said { at: app.clock.now(), answer }));
        is_followed
    }

    /// Asks the relay how this server stands with it.
    pub(crate) async fn ask_standing(&self, app: &App) {
        let asked = async {
            let mut url = self.method("com.atproto.sync.getHostStatus")?;
            url.query_pairs_mut().append_pair("hostname", host_with_port(&app.config.public_url));
            app.http.fetch(FetchRequest::get(url).max_bytes(MAX_ANSWER_BYTES)).await
        };
        let answer = Answer::of(asked.await);
        self.keep(|heard| heard.standing = Some(Said { at: app.clock.now(), answer }));
    }

    fn method(&self, nsid: &str) -> Result<Url, FetchError> {
        self.url.join(&format!("/xrpc/{nsid}")).map_err(|_| FetchError::Url)
    }

    fn keep(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Answer {
    fn of(answer: Result<FetchResponse, FetchError>) -> Self {
        match answer {
            Ok(response) => Self::Status {
                status: response.status.as_u16(),
                body: shown(&String::from_utf8_lossy(&response.body)),
            },
            Err(err) => Self::None(root_of(&err)),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Self::Status { status: 200..300, .. })
    }

    /// The standing that was asked for; `None` if the answer is another.
    pub(crate) fn standing(&self) -> Option<Standing> {
        match self {
            Self::Status { status: 200..300, body } => serde_json::from_str(body).ok(),
            Self::Status { .. } | Self::None(_) => None,
        }
    }
}

/// What an error comes from: that a name is not known says more than that a request failed.
fn root_of(error: &FetchError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    shown(&cause.to_string())
}

fn shown(text: &str) -> String {
    let plain = text.chars().filter(|char| !char.is_control() || *char == '\n');
    plain.take(MAX_SHOWN_CHARS).collect()
}

/// A relay wants the host name alone; a port only shows in development.
fn host_with_port(public_url: &str) -> &str {
    public_url.split_once("://").map_or(public_url, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_says_is_cut_and_understood() {
        let said = |status, body: &str| Answer::Status { status, body: shown(body) };
        let standing = said(200, r#"{"hostname":"x","seq":7,"accountCount":2,"status":"active"}"#);
        let standing = standing.standing().unwrap();
        assert_eq!((standing.seq, standing.account_count), (Some(7), Some(2)));
        assert_eq!(said(400, r#"{"seq":7}"#).standing(), None);
        assert_eq!(said(200, "<html>").standing(), None);
        assert_eq!(shown(&"é\u{7}".repeat(1_000)).chars().count(), MAX_SHOWN_CHARS);
        assert_eq!(host_with_port("http://localhost:2583"), "localhost:2583");
    }
}
