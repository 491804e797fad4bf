//! A client of a did:plc directory.

use std::sync::Arc;

use cairn_model::Did;
use reqwest::header;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::did_document::{DidDocument, DidDocumentError};
use crate::fetch::{FetchError, FetchRequest, FetchResponse, GuardedClient};
use crate::plc::{LogEntry, Operation, PlcData};

/// An audit log of a DID that changes at the directory's full rate for years stays below this.
const MAX_LOG_BYTES: usize = 16 * 1024 * 1024;
/// How the directory speaks of a DID that has ended.
const NOT_AVAILABLE: &str = "DID not available";

/// Why the directory gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlcClientError {
    /// The base URL cannot carry paths.
    #[error("plc directory url is not usable")]
    BaseUrl,
    /// The directory refused, in its own words.
    #[error("plc directory answered {status}: {message}")]
    Directory {
        /// The HTTP status.
        status: u16,
        /// The directory's `message`, or the status' name.
        message: String,
        /// When to come back, in seconds, if the directory says so.
        retry_after_seconds: Option<u64>,
    },
    /// The directory answered with a document of another DID, or none.
    #[error(transparent)]
    Document(#[from] DidDocumentError),
    /// The directory answered with another DID's data or log.
    #[error("plc directory answered for another did")]
    OtherDid,
    /// The directory cannot be reached, or did not answer in JSON.
    #[error("plc directory cannot be used: {0}")]
    Fetch(#[from] FetchError),
}

impl PlcClientError {
    /// Whether the directory says that the DID does not exist or has ended.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Directory { status: 404 | 410, .. })
    }

    /// Whether the directory says that the DID was ended by a tombstone.
    ///
    /// Interop: the public directory's description promises 410 for those; its code answers 404 in these words.
    #[must_use]
    pub fn is_deactivated(&self) -> bool {
        match self {
            Self::Directory { status: 410, .. } => true,
            Self::Directory { status: 404, message, .. } => message.starts_with(NOT_AVAILABLE),
            _ => false,
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_upstream(&self) -> bool {
        match self {
            Self::Directory { status, .. } => matches!(*status, 408 | 429) || *status >= 500,
            _ => true,
        }
    }
}

/// A client of the directory at a base URL.
#[derive(Clone)]
pub struct PlcClient {
    base: Arc<str>,
    http: GuardedClient,
}

impl PlcClient {
    /// A client of the directory at `base`, such as `https://plc.directory`.
    pub fn new(base: &Url, http: GuardedClient) -> Result<Self, PlcClientError> {
        if base.cannot_be_a_base() || base.query().is_some() || base.fragment().is_some() {
            return Err(PlcClientError::BaseUrl);
        }
        Ok(Self { base: base.as_str().trim_end_matches('/').into(), http })
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// The DID's document.
    pub async fn get_document(&self, did: &Did) -> Result<DidDocument, PlcClientError> {
        let response = self.get(did, "").await?;
        Ok(DidDocument::parse_for(did, &response.body)?)
    }

    /// The data that the document is made from, rotation keys included.
    pub async fn get_data(&self, did: &Did) -> Result<PlcData, PlcClientError> {
        let data: PlcData = self.get_json(did, "/data").await?;
        if data.did != *did {
            return Err(PlcClientError::OtherDid);
        }
        Ok(data)
    }

    /// The last operation, which the next one follows.
    pub async fn get_last_op(&self, did: &Did) -> Result<Operation, PlcClientError> {
        self.get_json(did, "/log/last").await
    }

    /// All operations, nullified ones included.
    pub async fn get_audit_log(&self, did: &Did) -> Result<Vec<LogEntry>, PlcClientError> {
        let entries: Vec<LogEntry> = self.get_json(did, "/log/audit").await?;
        if entries.iter().any(|entry| entry.did != *did) {
            return Err(PlcClientError::OtherDid);
        }
        Ok(entries)
    }

    /// Hands in an operation.
    pub async fn submit(&self, did: &Did, operation: &Operation) -> Result<(), PlcClientError> {
        let request = FetchRequest::post_json(self.url(did, "")?, operation)?;
        accepted(self.http.fetch(request).await?).map(drop)
    }

    async fn get_json<T: DeserializeOwned>(
        &self,
        did: &Did,
        path: &str,
    ) -> Result<T, PlcClientError> {
        Ok(self.get(did, path).await?.json()?)
    }

    async fn get(&self, did: &Did, path: &str) -> Result<FetchResponse, PlcClientError> {
        let request = FetchRequest::get(self.url(did, path)?).max_bytes(MAX_LOG_BYTES);
        accepted(self.http.fetch(request).await?)
    }

    fn url(&self, did: &Did, path: &str) -> Result<Url, PlcClientError> {
        Url::parse(&format!("{}/{did}{path}", self.base)).map_err(|_| PlcClientError::BaseUrl)
    }
}

fn accepted(response: FetchResponse) -> Result<FetchResponse, PlcClientError> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    if response.status.is_success() {
        return Ok(response);
    }
    let message = serde_json::from_slice(&response.body).map_or_else(
        |_| response.status.canonical_reason().unwrap_or("no reason given").to_owned(),
        |refusal: Refusal| refusal.message,
    );
    let retry_after =
        response.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    Err(PlcClientError::Directory {
        status: response.status.as_u16(),
        message,
        // Dates, the header's other form, are not in use there.
        retry_after_seconds: retry_after.and_then(|text| text.trim().parse().ok()),
    })
}
