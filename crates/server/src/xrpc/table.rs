//! The endpoint table: every XRPC method once, and the look-up by NSID.
//!
//! Each namespace lists its own methods; the router, the tests and the reference documentation read this table.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::endpoint::Endpoint;
use super::{app_bsky, com_atproto};

/// All methods.
pub static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

/// Methods by NSID.
pub struct Table(HashMap<&'static str, Endpoint>);

impl Table {
    fn build() -> Self {
        let endpoints = [
            com_atproto::server::endpoints(),
            com_atproto::identity::endpoints(),
            com_atproto::repo::endpoints(),
            com_atproto::sync::endpoints(),
            com_atproto::admin::endpoints(),
            com_atproto::moderation::endpoints(),
            com_atproto::lexicon::endpoints(),
            com_atproto::temp::endpoints(),
            app_bsky::endpoints(),
        ];
        Self(endpoints.into_iter().flatten().map(|endpoint| (endpoint.nsid, endpoint)).collect())
    }

    pub fn get(&self, nsid: &str) -> Option<&Endpoint> {
        self.0.get(nsid)
    }

    /// All methods by name.
    pub fn sorted(&self) -> Vec<&Endpoint> {
        let mut all: Vec<&Endpoint> = self.0.values().collect();
        all.sort_by_key(|endpoint| endpoint.nsid);
        all
    }
}
