//! `rpc`: calling other services in the account's name. <https://atproto.com/specs/permission#rpc>

use std::fmt;

use super::syntax::{self, Parts};
use super::{Audience, Names, ScopeError};

/// The permission to call some methods of some services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RpcScope {
    /// The services. Not all of them if the methods are all methods.
    pub aud: Audience,
    /// The methods.
    pub lxm: Names,
}

impl RpcScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["lxm", "aud"])?;
        let lxm = Names::parse(&parts.main("lxm")?, "lxm")?;
        let aud = Audience::parse(parts.single("aud")?.ok_or(ScopeError::Missing("aud"))?)?;
        if lxm == Names::Any && aud == Audience::Any {
            return Err(ScopeError::AnyMethodAnywhere);
        }
        Ok(Self { aud, lxm })
    }

    /// Whether the permission covers a call; `*` stands for all methods or all services.
    #[must_use]
    pub fn allows(&self, lxm: &str, aud: &str) -> bool {
        self.aud.contains(aud) && self.lxm.contains(lxm)
    }
}

impl fmt::Display for RpcScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        syntax::print(f, "rpc", ("lxm", &self.lxm.as_strs()), &[("aud", self.aud.as_str())])
    }
}

/// The scope that an app lacks for a call of a method of a service (`did#fragment`).
#[must_use]
pub fn needed_rpc(lxm: &str, aud: &str) -> String {
    syntax::needed("rpc", ("lxm", lxm), &[("aud", aud)])
}
