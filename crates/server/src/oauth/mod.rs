//! The OAuth provider: what apps ask of the server, machine to machine, and what the pages need to ask people.
//!
//! A client pushes its request ([`par`]), a person answers it on a page ([`authorize`] is what the page calls), and the
//! client exchanges the code, and later its refresh tokens ([`token`]). The rules are those of `cairn-oauth`, the state
//! lies in `cairn-store`; here are the endpoints, the clients' documents ([`clients`]) and how clients prove who they
//! are ([`client_auth`]).
//!
//! Specs: <https://atproto.com/specs/oauth>, RFC 6749, 7009, 7662, 8414, 9126, 9449.

pub mod authorize;
mod body;
mod client_auth;
mod clients;
mod documents;
mod endpoint;
mod introspect;
mod par;
mod permission_sets;
mod revoke;
mod token;

use cairn_identity::ReplayMemory;
use cairn_identity::jws::HmacKey;
use cairn_oauth::assertion;
use cairn_oauth::dpop::{Nonces, Proofs};

pub(crate) use endpoint::{failed, nonce_header, other_verb, proof_text, routes};
pub(crate) use revoke::access_secret;

use clients::Clients;

/// What the provider keeps in memory.
pub struct Provider {
    /// Checks DPoP proofs, here and at the methods.
    pub(crate) proofs: Proofs,
    assertions: ReplayMemory,
    clients: Clients,
}

impl Provider {
    /// A provider whose nonces end with the process, so that no proof outlives the memory of used ones.
    pub(crate) fn new() -> Self {
        Self {
            proofs: Proofs::new(Nonces::new(HmacKey::generate())),
            assertions: ReplayMemory::new(assertion::REPLAY_CAPACITY),
            clients: Clients::new(),
        }
    }
}
