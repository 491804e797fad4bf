//! DNS TXT look-ups for handles and for the authorities of lexicons.
//!
//! <https://atproto.com/specs/handle#dns-txt-method>, <https://atproto.com/specs/lexicon#lexicon-publication-and-resolution>

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_model::{Did, Handle};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{NetError, NoRecords};
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, ResolverBuilder, TokioResolver};

/// One name server gets this long for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A domain name as it is written, without its final dot (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// Why a TXT look-up gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The system's configuration cannot be read.
    #[error("dns cannot be set up: {0}")]
    Setup(#[source] NetError),
    /// No name server gave a usable answer.
    #[error("dns look-up failed: {0}")]
    Lookup(#[from] NetError),
    /// The records name several DIDs.
    #[error("dns names several dids")]
    Ambiguous,
    /// The record names something that is not a DID.
    #[error("dns record does not name a did")]
    NotADid,
}

/// Looks `_atproto` and `_lexicon` records up, at the system's name servers or at given ones.
#[derive(Clone)]
pub struct TxtLookup(Arc<TokioResolver>);

impl TxtLookup {
    /// Asks the name servers of the system's configuration.
    pub fn system() -> Result<Self, DnsError> {
        Self::build(Resolver::builder_tokio().map_err(DnsError::Setup)?)
    }

    /// Asks the given name servers.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, DnsError> {
        let servers = servers.iter().map(|server| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Self::build(Resolver::builder_with_config(config, TokioRuntimeProvider::default()))
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<Self, DnsError> {
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = 1;
        // The resolver above caches with its own limits; a record that was just set must be found.
        options.cache_size = 0;
        Ok(Self(Arc::new(builder.build().map_err(DnsError::Setup)?)))
    }

    /// The DID that the handle's TXT records name; `None` when there is no such record.
    pub async fn did_of(&self, handle: &Handle) -> Result<Option<Did>, DnsError> {
        self.did_at(&format!("_atproto.{handle}")).await
    }

    /// The DID that publishes the lexicons of a domain, which is an NSID's authority; `None` when there is no such record.
    pub async fn lexicon_authority(&self, domain: &str) -> Result<Option<Did>, DnsError> {
        self.did_at(&format!("_lexicon.{domain}")).await
    }

    async fn did_at(&self, name: &str) -> Result<Option<Did>, DnsError> {
        // NSIDs may be longer than any name in the DNS.
        if name.len() > MAX_NAME_BYTES {
            return Ok(None);
        }
        // The final dot keeps the system's search domains out.
        let answer = match self.0.txt_lookup(format!("{name}.")).await {
            Ok(answer) => answer,
            Err(NetError::Dns(hickory_resolver::net::DnsError::NoRecordsFound(NoRecords {
                ..
            }))) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let texts = answer.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        });
        did_in_texts(texts)
    }
}

/// The one DID that the records name. The same DID twice is one DID.
fn did_in_texts(texts: impl Iterator<Item = Vec<u8>>) -> Result<Option<Did>, DnsError> {
    let mut found: Option<Vec<u8>> = None;
    for text in texts {
        let Some(value) = text.strip_prefix(b"did=") else { continue };
        if found.as_deref().is_some_and(|found| found != value) {
            return Err(DnsError::Ambiguous);
        }
        found = Some(value.to_vec());
    }
    let Some(found) = found else { return Ok(None) };
    let text = std::str::from_utf8(&found).map_err(|_| DnsError::NotADid)?;
    Did::parse(text.trim()).map(Some).map_err(|_| DnsError::NotADid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Option<Did>, DnsError> {
        did_in_texts(texts.iter().map(|text| text.as_bytes().to_vec()))
    }

    #[test]
    fn records_without_did_are_passed_over() {
        let did = read(&["v=spf1 -all", "did=did:web:example.com", "did=did:web:example.com"]);
        assert_eq!(did.unwrap().unwrap().as_str(), "did:web:example.com");
        assert!(read(&["v=spf1 -all"]).unwrap().is_none());
    }

    #[test]
    fn several_dids_are_ambiguous() {
        let error = read(&["did=did:web:a.com", "did=did:web:b.com"]).unwrap_err();
        assert!(matches!(error, DnsError::Ambiguous));
        assert!(matches!(read(&["did=nothing"]).unwrap_err(), DnsError::NotADid));
    }
}
