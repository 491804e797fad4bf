//! Which headers go along, there and back. Everything else stays here: cookies, addresses, credentials.

use http::header::{
    ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub(crate) const REPO_REV: HeaderName = HeaderName::from_static("atproto-repo-rev");
pub(crate) const CONTENT_LABELERS: HeaderName = HeaderName::from_static("atproto-content-labelers");

const OF_REQUESTS: [HeaderName; 3] = [
    ACCEPT_LANGUAGE,
    HeaderName::from_static("atproto-accept-labelers"),
    // Interop: clients of 2024 still send it.
    HeaderName::from_static("x-bsky-topics"),
];
const OF_REQUEST_BODIES: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH];
/// Headers with this beginning are for the service, whatever they say.
const FOR_SERVICES: &str = "x-atproto-";
const OF_REPLIES: [HeaderName; 7] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_LANGUAGE,
    REPO_REV,
    CONTENT_LABELERS,
    RETRY_AFTER,
];

/// Which content codings the service may answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Those that the client takes: the answer passes through.
    AsClient,
    /// Those of them that can be unpacked here.
    Unpackable,
}

/// The headers to send along with a request that is passed on.
pub(crate) fn forwarded(request: &Parts, coding: Coding) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    copy(&request.headers, &OF_REQUESTS, &mut headers);
    if request.method == Method::POST {
        copy(&request.headers, &OF_REQUEST_BODIES, &mut headers);
    }
    for (name, value) in &request.headers {
        if name.as_str().starts_with(FOR_SERVICES) {
            headers.append(name, value.clone());
        }
    }
    match coding {
        Coding::AsClient => copy(&request.headers, &[ACCEPT_ENCODING], &mut headers),
        Coding::Unpackable => {
            if let Some(value) = unpackable(&request.headers) {
                headers.insert(ACCEPT_ENCODING, value);
            }
        }
    }
    headers
}

/// The headers of a service's answer that the client gets.
pub(crate) fn returned(reply: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    copy(reply, &OF_REPLIES, &mut headers);
    headers
}

fn copy(from: &HeaderMap, names: &[HeaderName], to: &mut HeaderMap) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}

/// What is left of the client's `Accept-Encoding` without the codings that are unknown here.
fn unpackable(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let known = text.split(',').map(str::trim).filter(|part| {
        let name = part.split(';').next().unwrap_or_default().trim();
        ["gzip", "br", "deflate", "identity"].iter().any(|known| name.eq_ignore_ascii_case(known))
    });
    let known: Vec<&str> = known.collect();
    if known.is_empty() { None } else { HeaderValue::try_from(known.join(", ")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_what_services_may_know_goes_along() {
        let sent = [
            ("authorization", "Bearer secret"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "192.0.2.1"),
            ("atproto-proxy", "did:web:a.test#a"),
            ("host", "pds.test"),
            ("accept-language", "de"),
            ("atproto-accept-labelers", "did:web:l.test"),
            ("x-bsky-topics", "a"),
            ("x-atproto-anything", "1"),
            ("X-Atproto-Anything", "2"),
            ("content-type", "application/json"),
            ("accept-encoding", "zstd, gzip;q=0.5"),
        ];
        let names = |headers: &HeaderMap| {
            let mut names: Vec<String> = headers.keys().map(ToString::to_string).collect();
            names.sort();
            names.join(" ")
        };
        let get = forwarded(&request(Method::GET, &sent), Coding::Unpackable);
        assert_eq!(
            names(&get),
            "accept-encoding accept-language atproto-accept-labelers x-atproto-anything x-bsky-topics"
        );
        assert_eq!(get["accept-encoding"], "gzip;q=0.5");
        assert_eq!(get.get_all("x-atproto-anything").iter().count(), 2);
        let post = forwarded(&request(Method::POST, &sent), Coding::AsClient);
        assert_eq!(post["content-type"], "application/json");
        assert_eq!(post["accept-encoding"], "zstd, gzip;q=0.5");
    }
}
