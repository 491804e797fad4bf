//! Documents of clients: fetched once at a time, kept for a while, and served longer while their host does not answer.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cairn_identity::{FetchError, FetchRequest, Flights, GuardedClient};
use cairn_oauth::client::{ClientMetadataError, JwksError};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use lru::LruCache;
use url::Url;

/// A document is fetched again when it is older.
pub(super) const FRESH: Duration = Duration::from_secs(10 * 60);
/// While its host does not answer, a document serves up to this age.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// After a failure the host is left alone for so long.
const PAUSE: Duration = Duration::from_secs(30);
/// A host must have answered by then.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Fetches at once; more are refused.
const MAX_FETCHES: usize = 64;

/// Why there is no document. Cheap to clone: one failure answers everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("the document could not be fetched: {0}")]
    Fetch(Arc<FetchError>),
    #[error("the document's host answered {0}")]
    Status(u16),
    #[error("the document is not served as application/json")]
    ContentType,
    #[error(transparent)]
    Metadata(Arc<ClientMetadataError>),
    #[error("the keys are not usable: {0}")]
    Keys(Arc<JwksError>),
    #[error("too many documents are being fetched")]
    Busy,
}

impl DocumentError {
    /// Whether the host has not answered, or not for itself: what it said before may still hold. Whatever else it says
    /// takes that back.
    fn is_silence(&self) -> bool {
        match self {
            Self::Fetch(cause) => !matches!(**cause, FetchError::TooLarge { .. }),
            Self::Status(status) => matches!(status, 408 | 429 | 500..),
            Self::Busy => true,
            Self::ContentType | Self::Metadata(_) | Self::Keys(_) => false,
        }
    }
}

impl From<DocumentError> for OAuthError {
    fn from(err: DocumentError) -> Self {
        match err {
            DocumentError::Busy => {
                Self::new(OAuthErrorCode::TemporarilyUnavailable, err.to_string())
            }
            // Which addresses are behind this server is nobody's business.
            DocumentError::Fetch(cause) => {
                tracing::debug!(error = %cause, "a client's document could not be fetched");
                let description = match *cause {
                    FetchError::Timeout => "the client's document was not served in time",
                    FetchError::TooLarge { .. } => "the client's document is too large",
                    _ => "the client's document could not be fetched",
                };
                Self::new(OAuthErrorCode::InvalidClientMetadata, description)
            }
            DocumentError::Metadata(ref cause)
                if matches!(**cause, ClientMetadataError::RedirectUri { .. }) =>
            {
                Self::new(OAuthErrorCode::InvalidRedirectUri, err.to_string())
            }
            err => Self::new(OAuthErrorCode::InvalidClientMetadata, err.to_string()),
        }
    }
}

/// Documents by what leads to them.
pub(super) struct Documents<K: Hash + Eq, V> {
    entries: Arc<Mutex<LruCache<K, Entry<V>>>>,
    fetches: Flights<K, Result<Arc<V>, DocumentError>>,
}

struct Entry<V> {
    document: Option<(Arc<V>, Timestamp)>,
    failure: Option<(DocumentError, Timestamp)>,
}

impl<K, V> Documents<K, V>
where
    K: Clone + Hash + Eq + Send + 'static,
    V: Send + Sync + 'static,
{
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self { entries: Arc::new(Mutex::new(LruCache::new(capacity))), fetches: Flights::default() }
    }

    /// The document if it is no older than `max_age`, else what `fetch` gives; an older one if its host does not answer.
    pub(super) async fn get(
        &self,
        key: &K,
        max_age: Duration,
        now: Timestamp,
        fetch: impl Future<Output = Result<V, DocumentError>> + Send + 'static,
    ) -> Result<Arc<V>, DocumentError> {
        let (older, failure) = match lock(&self.entries).get(key) {
            Some(Entry { document: Some((document, at)), .. }) if age(*at, now) <= max_age => {
                return Ok(Arc::clone(document));
            }
            Some(Entry { document, failure }) => (
                document.as_ref().filter(|(_, at)| age(*at, now) <= STALE).map(|(d, _)| d.clone()),
                failure.as_ref().filter(|(_, at)| age(*at, now) <= PAUSE).map(|(f, _)| f.clone()),
            ),
            None => (None, None),
        };
        let outcome = match failure {
            Some(failure) => Err(failure),
            None if self.fetches.running() >= MAX_FETCHES => Err(DocumentError::Busy),
            None => self.fetch(key, now, fetch).await,
        };
        outcome.or_else(|err| older.filter(|_| err.is_silence()).ok_or(err))
    }

    async fn fetch(
        &self,
        key: &K,
        now: Timestamp,
        fetch: impl Future<Output = Result<V, DocumentError>> + Send + 'static,
    ) -> Result<Arc<V>, DocumentError> {
        let (entries, own) = (Arc::clone(&self.entries), key.clone());
        let flight = self.fetches.join(key, async move {
            let outcome = fetch.await.map(Arc::new);
            let mut entries = lock(&entries);
            let entry = entries.get_or_insert_mut(own, || Entry { document: None, failure: None });
            match &outcome {
                Ok(document) => {
                    *entry = Entry { document: Some((Arc::clone(document), now)), failure: None };
                }
                Err(err) => {
                    entry.failure = Some((err.clone(), now));
                    entry.document = entry.document.take().filter(|_| err.is_silence());
                }
            }
            outcome
        });
        // Cut short by the end of the process alone.
        flight.await.unwrap_or(Err(DocumentError::Busy))
    }
}

fn lock<T>(entries: &Mutex<T>) -> MutexGuard<'_, T> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A document from the future, after the clock was set back, counts as too old.
fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::MAX)
}

/// Fetches JSON as the specification wants it: 200 and nothing else, no redirects.
/// <https://atproto.com/specs/oauth#client-id-metadata-document>
pub(super) async fn fetch_json(
    http: &GuardedClient,
    url: Url,
    max_bytes: usize,
) -> Result<Bytes, DocumentError> {
    let request = FetchRequest::get(url)
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .no_redirects()
        .timeout(TIMEOUT)
        .max_bytes(max_bytes);
    let response = http.fetch(request).await.map_err(|err| DocumentError::Fetch(Arc::new(err)))?;
    if response.status != StatusCode::OK {
        return Err(DocumentError::Status(response.status.as_u16()));
    }
    let content_type = response.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if content_type.is_none_or(|text| !is_json(text)) {
        return Err(DocumentError::ContentType);
    }
    Ok(response.body)
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("application/jwk-set+json")
}

#[cfg(test)]
mod tests {
    use cairn_identity::GuardPolicy;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn documents() -> Documents<u8, u32> {
        Documents::new(NonZeroUsize::new(2).unwrap())
    }

    async fn get(
        documents: &Documents<u8, u32>,
        now: i64,
        fetched: Result<u32, DocumentError>,
    ) -> Option<u32> {
        let document = documents.get(&1, FRESH, at(now), async { fetched }).await;
        document.ok().map(|document| *document)
    }

    const DOWN: Result<u32, DocumentError> = Err(DocumentError::Status(503));

    #[tokio::test]
    async fn a_document_is_fetched_again_after_ten_minutes() {
        let documents = documents();
        assert_eq!(get(&documents, 0, Ok(1)).await, Some(1));
        assert_eq!(get(&documents, 600, Ok(2)).await, Some(1));
        assert_eq!(get(&documents, 601, Ok(2)).await, Some(2));
    }

    #[tokio::test]
    async fn a_document_serves_a_day_while_its_host_is_down() {
        let documents = documents();
        assert_eq!(get(&documents, 0, Ok(1)).await, Some(1));
        assert_eq!(get(&documents, 86_400, DOWN).await, Some(1));
        assert_eq!(get(&documents, 86_401, Ok(2)).await, None, "the host is left alone at first");
        assert_eq!(get(&documents, 86_431, Ok(2)).await, Some(2));
    }

    #[tokio::test]
    async fn a_document_that_is_taken_back_serves_no_longer() {
        for answer in [DocumentError::Status(404), DocumentError::ContentType] {
            let documents = documents();
            assert_eq!(get(&documents, 0, Ok(1)).await, Some(1));
            assert_eq!(get(&documents, 601, Err(answer)).await, None);
            assert_eq!(get(&documents, 632, DOWN).await, None, "it does not come back either");
            assert_eq!(get(&documents, 663, Ok(2)).await, Some(2));
        }
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_half_a_minute() {
        let documents = documents();
        assert_eq!(get(&documents, 0, DOWN).await, None);
        assert_eq!(get(&documents, 30, Ok(1)).await, None);
        assert_eq!(get(&documents, 31, Ok(1)).await, Some(1));
    }

    /// The document and the keys alike, whatever a client says about where its keys are.
    #[tokio::test]
    async fn nothing_is_fetched_from_a_private_network() {
        cairn_identity::install_crypto_provider();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hosts = [("keys.example.com".to_owned(), ([127, 0, 0, 1], port).into())];
        let policy = GuardPolicy { hosts: hosts.into(), ..GuardPolicy::default() };
        let http = GuardedClient::new(policy).unwrap();
        for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "keys.example.com"] {
            for scheme in ["https", "http"] {
                let url = format!("{scheme}://{host}:{port}/jwks.json").parse().unwrap();
                let refused = fetch_json(&http, url, 1024).await;
                assert!(matches!(refused, Err(DocumentError::Fetch(_))), "{scheme} {host}");
            }
        }
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "somebody has come");
    }

    #[test]
    fn content_types_may_have_parameters() {
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("text/json"));
        assert!(!is_json("application/jsonp"));
    }
}
