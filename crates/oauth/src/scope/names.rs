//! What several resources share: sets of NSIDs with a wildcard, and services as audiences.

use cairn_model::{Did, Nsid};

use super::ScopeError;

/// Collections or methods: some by name, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Names {
    /// `*`.
    Any,
    /// These, sorted, each once, never none.
    Only(Box<[Nsid]>),
}

impl Names {
    /// The set of these names. `None` if there are none.
    #[must_use]
    pub fn only(mut names: Vec<Nsid>) -> Option<Self> {
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { None } else { Some(Self::Only(names.into())) }
    }

    /// Reads values of a scope; `*` among others swallows them.
    pub(super) fn parse(values: &[&str], parameter: &'static str) -> Result<Self, ScopeError> {
        let invalid = || ScopeError::Value(parameter);
        let named = values.iter().filter(|value| **value != "*");
        let names = named.map(|value| Nsid::parse(value)).collect::<Result<Vec<_>, _>>();
        let names = names.map_err(|_| invalid())?;
        if names.len() < values.len() {
            return Ok(Self::Any);
        }
        Self::only(names).ok_or_else(invalid)
    }

    /// Whether the set holds a name. `*` as a name asks for all of them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.binary_search_by(|own| own.as_str().cmp(name)).is_ok(),
        }
    }

    /// The names as a scope has them: `*` alone for all.
    #[must_use]
    pub fn as_strs(&self) -> Vec<&str> {
        match self {
            Self::Any => vec!["*"],
            Self::Only(names) => names.iter().map(Nsid::as_str).collect(),
        }
    }

    /// All names of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (Self::Only(own), Self::Only(others)) = (self, other) else {
            return Self::Any;
        };
        let mut names = [&**own, &**others].concat();
        names.sort_unstable();
        names.dedup();
        Self::Only(names.into())
    }
}

/// A service of a DID document, as `did#fragment`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef(Box<str>);

impl ServiceRef {
    /// Reads `did:plc:…#service` or `did:web:…#service`.
    pub(super) fn parse(text: &str) -> Result<Self, ScopeError> {
        let invalid = ScopeError::Value("aud");
        let (did, fragment) = text.split_once('#').ok_or(invalid)?;
        if !matches!(Did::parse(did), Ok(did) if matches!(did.method(), "plc" | "web")) {
            return Err(invalid);
        }
        // RFC 3986 §3.5, without percent-encoding, which no service uses.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&b);
        if fragment.is_empty() || !fragment.bytes().all(allowed) {
            return Err(invalid);
        }
        Ok(Self(text.into()))
    }

    /// `did#fragment`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `#`.
    #[must_use]
    pub fn did(&self) -> &str {
        self.0.split_once('#').map_or(&self.0, |(did, _)| did)
    }
}

/// The services that calls may go to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// `*`.
    Any,
    /// This one.
    Service(ServiceRef),
}

impl Audience {
    pub(super) fn parse(text: &str) -> Result<Self, ScopeError> {
        if text == "*" { Ok(Self::Any) } else { ServiceRef::parse(text).map(Self::Service) }
    }

    /// `*` or `did#fragment`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Service(service) => service.as_str(),
        }
    }

    /// Whether calls may go to this service. `*` asks for all of them.
    #[must_use]
    pub fn contains(&self, aud: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Service(service) => service.as_str() == aud,
        }
    }
}
