//! `include`: a published set of permissions. <https://atproto.com/specs/permission#permission-sets>

use std::fmt;

use cairn_model::Nsid;

use super::syntax::{self, Parts};
use super::{ScopeError, ServiceRef};

/// The permissions of a set that is published as a lexicon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncludeScope {
    /// The set's name.
    pub nsid: Nsid,
    /// The service that the set's calls go to, where the set leaves it open.
    pub aud: Option<ServiceRef>,
}

impl IncludeScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["nsid", "aud"])?;
        let nsid = Nsid::parse(parts.main_single("nsid")?);
        let nsid = nsid.map_err(|_| ScopeError::Value("nsid"))?;
        let aud = parts.single("aud")?.map(ServiceRef::parse).transpose()?;
        Ok(Self { nsid, aud })
    }
}

impl fmt::Display for IncludeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aud = self.aud.iter().map(|aud| ("aud", aud.as_str()));
        syntax::print(f, "include", ("nsid", &[self.nsid.as_str()]), &aud.collect::<Vec<_>>())
    }
}
