#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod cache;
mod clock;
mod did_document;
pub mod did_web;
mod dns;
mod fetch;
mod flights;
mod guard;
pub mod jwk;
pub mod jws;
mod key;
mod network_resolver;
pub mod plc;
mod plc_client;
mod public_key;
mod relay;
mod replay;
mod resolver;
pub mod service_auth;
mod test_resolver;

pub use clock::{Clock, SystemClock, TestClock};
pub use did_document::{DidDocument, DidDocumentError, Service, VerificationMethod};
pub use dns::{DnsError, TxtLookup};
pub use fetch::{
    BodyStream, FetchError, FetchRequest, FetchResponse, GuardedClient, StreamedResponse,
};
pub use flights::{Flight, Flights};
pub use guard::{GuardPolicy, is_public_ip};
pub use key::{Curve, SigningKey};
pub use network_resolver::{LocalDocuments, LocalHandles, NetworkResolver, NetworkResolverConfig};
pub use plc_client::{PlcClient, PlcClientError};
pub use public_key::{DidKey, KeyError, PublicKey, SignatureError};
pub use relay::RelayRequest;
pub use replay::ReplayMemory;
pub use resolver::{HandleSources, ResolveError, Resolver};
pub use test_resolver::TestResolver;

/// Fills an array from the operating system's random number generator.
///
/// # Panics
///
/// When the operating system cannot give random bytes: no key or token may be made then.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    use rand::TryRng as _;
    let mut bytes = [0; N];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Compares two secrets in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    a.ct_eq(b).into()
}

/// Makes `ring` the TLS provider of the process. Safe to call any number of times.
///
/// A client built before this panics, so [`GuardedClient::new`] calls it too.
pub fn install_crypto_provider() {
    // The error means that a provider stands already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
