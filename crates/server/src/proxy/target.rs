//! Which service a request is for.

use cairn_model::{Did, Nsid};
use http::HeaderMap;
use url::Url;

use crate::app::App;
use crate::config::{ServerConfig, ServiceTarget};
use crate::error::XrpcError;

const HEADER: &str = "atproto-proxy";
const CREATE_REPORT: &str = "com.atproto.moderation.createReport";

/// The services that the operator has set, by the name that DID documents give them.
const APPVIEW: &str = "bsky_appview";
const LABELER: &str = "atproto_labeler";
const CHAT: &str = "bsky_chat";
const VIDEO: &str = "bsky_video";

/// A service that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) did: Did,
    pub(crate) url: Url,
}

impl Target {
    pub(crate) fn configured(service: &ServiceTarget) -> Self {
        Self { did: service.did.clone(), url: service.url.clone() }
    }

    /// A service by what its DID document says of it.
    ///
    /// # Errors
    /// 400 when it says nothing usable, 502 when the document cannot be had for now.
    pub(crate) async fn resolve(
        app: &App,
        did: &Did,
        service: &str,
        kind: Option<&str>,
    ) -> Result<Self, XrpcError> {
        let document = app.resolver.did(did, false).await.map_err(|err| {
            tracing::debug!(%did, error = %err, "a service's DID does not resolve");
            let message = format!("could not resolve proxy did: {did}");
            if err.is_upstream() {
                XrpcError::upstream_failure(message)
            } else {
                XrpcError::invalid_request(message)
            }
        })?;
        let url = document.service_endpoint(service, kind).and_then(|url| url.parse().ok());
        let url = url
            .ok_or_else(|| XrpcError::invalid_request("could not resolve proxy did service url"))?;
        Ok(Self { did: did.clone(), url })
    }
}

/// A service that a client names: `did#id`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServiceName<'a> {
    pub(crate) did: Did,
    id: &'a str,
}

/// The service that the request's `atproto-proxy` names, if there is one.
///
/// # Errors
/// 400 for anything but one DID, one `#` and one name.
pub(crate) fn named(headers: &HeaderMap) -> Result<Option<ServiceName<'_>>, XrpcError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| malformed())?;
    let (did, id) = text.split_once('#').ok_or_else(malformed)?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if values.next().is_some() || !is_id {
        return Err(malformed());
    }
    let did = Did::parse(did).map_err(|_| malformed())?;
    Ok(Some(ServiceName { did, id }))
}

fn malformed() -> XrpcError {
    XrpcError::invalid_request("invalid atproto-proxy header: expected one did#service")
}

/// A service that is set or named, before it is looked up.
pub(crate) enum Choice<'a> {
    /// With the name that DID documents give it.
    Configured(&'static str, &'a ServiceTarget),
    Named(ServiceName<'a>),
}

/// The service for a method.
///
/// # Errors
/// 400 for a malformed header, and where nothing is set for the method.
pub(crate) fn choose<'a>(
    config: &'a ServerConfig,
    headers: &'a HeaderMap,
    nsid: &Nsid,
) -> Result<Choice<'a>, XrpcError> {
    if let Some(name) = named(headers)? {
        return Ok(known(config, &name).unwrap_or(Choice::Named(name)));
    }
    by_namespace(config, nsid.as_str())
        .ok_or_else(|| XrpcError::invalid_request(format!("No service configured for {nsid}")))
}

/// The service that a call of one of this server's own methods goes to, as OAuth scopes name it; `*` when it goes nowhere.
///
/// # Errors
/// 400 for a malformed header.
pub(crate) fn audience(
    config: &ServerConfig,
    headers: &HeaderMap,
    nsid: &str,
) -> Result<String, XrpcError> {
    let choice = match named(headers)? {
        Some(name) => Some(Choice::Named(name)),
        None => by_namespace(config, nsid),
    };
    Ok(choice.map_or_else(|| "*".to_owned(), |choice| choice.audience()))
}

/// A named service that the operator has set: its address is known, wherever its DID document points.
fn known<'a>(config: &'a ServerConfig, name: &ServiceName<'_>) -> Option<Choice<'a>> {
    let services = [
        (APPVIEW, &config.appview),
        (LABELER, &config.moderation),
        (LABELER, &config.reports),
        (CHAT, &config.chat),
        (VIDEO, &config.video),
    ];
    let mut matching = services.into_iter().filter(|(id, _)| *id == name.id);
    matching.find_map(|(id, service)| {
        let service = service.as_ref().filter(|service| service.did == name.did)?;
        Some(Choice::Configured(id, service))
    })
}

fn by_namespace<'a>(config: &'a ServerConfig, nsid: &str) -> Option<Choice<'a>> {
    let set = |id, service: &'a Option<ServiceTarget>| {
        service.as_ref().map(|service| Choice::Configured(id, service))
    };
    let appview = || set(APPVIEW, &config.appview);
    match nsid {
        CREATE_REPORT => set(LABELER, &config.reports),
        _ if nsid.starts_with("tools.ozone.") => set(LABELER, &config.moderation),
        _ if nsid.starts_with("chat.bsky.") => set(CHAT, &config.chat).or_else(appview),
        _ if nsid.starts_with("app.bsky.video.") => set(VIDEO, &config.video).or_else(appview),
        _ => appview(),
    }
}

impl Choice<'_> {
    /// `did#id`, as OAuth scopes name a service.
    pub(crate) fn audience(&self) -> String {
        match self {
            Self::Configured(id, service) => format!("{}#{id}", service.did),
            Self::Named(name) => format!("{}#{}", name.did, name.id),
        }
    }

    /// Finds out where the service is.
    ///
    /// # Errors
    /// See [`Target::resolve`].
    pub(crate) async fn resolve(self, app: &App) -> Result<Target, XrpcError> {
        match self {
            Self::Configured(_, service) => Ok(Target::configured(service)),
            Self::Named(name) => Target::resolve(app, &name.did, name.id, None).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(values: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        named(&headers).ok()?.map(|name| (name.did.to_string(), name.id.to_owned()))
    }

    #[test]
    fn the_header_is_one_did_and_one_service() {
        let good = parsed(&["did:web:api.test#bsky_appview"]);
        assert_eq!(good, Some(("did:web:api.test".into(), "bsky_appview".into())));
        for bad in [
            "",
            "#",
            "did:web:api.test",
            "did:web:api.test#",
            "#bsky_appview",
            "did:web:api.test#a#b",
            "did:web:api.test #a",
            "did:web:api.test# a",
            "did:web:api.test#a b",
            "did:web:api.test##a",
            "api.test#bsky_appview",
        ] {
            assert_eq!(parsed(&[bad]), None, "{bad}");
        }
        assert_eq!(parsed(&["did:web:a.test#a", "did:web:b.test#b"]), None);
    }
}
