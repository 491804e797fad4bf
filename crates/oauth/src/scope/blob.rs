//! `blob`: uploading files. <https://atproto.com/specs/permission#blob>

use std::fmt;

use super::ScopeError;
use super::syntax::{self, Parts};

/// A pattern of MIME types, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Accept {
    /// `*/*`.
    Any,
    /// `type/*` or `type/subtype`.
    Pattern(Box<str>),
}

impl Accept {
    fn parse(text: &str) -> Result<Self, ScopeError> {
        if text == "*/*" {
            return Ok(Self::Any);
        }
        let (kind, subtype) = text.split_once('/').ok_or(ScopeError::Value("accept"))?;
        if !is_token(kind) || !(subtype == "*" || is_token(subtype)) {
            return Err(ScopeError::Value("accept"));
        }
        Ok(Self::Pattern(text.to_ascii_lowercase().into()))
    }

    /// As a scope has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*/*",
            Self::Pattern(pattern) => pattern,
        }
    }

    /// Whether every type of another pattern is one of this.
    fn covers(&self, other: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Pattern(own) => match own.strip_suffix('*') {
                Some(prefix) => other.starts_with(prefix),
                None => **own == *other,
            },
        }
    }
}

/// A MIME type's type or subtype (RFC 9110 §5.6.2), without the asterisk that patterns use.
fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The permission to upload files of some types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobScope {
    /// Sorted; none covers another; never none.
    accept: Box<[Accept]>,
}

impl BlobScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["accept"])?;
        let accept = parts.main("accept")?.into_iter().map(Accept::parse);
        Ok(Self::new(accept.collect::<Result<_, _>>()?))
    }

    fn new(mut accept: Vec<Accept>) -> Self {
        accept.sort_unstable();
        accept.dedup();
        let covered = |at: usize, pattern: &Accept| {
            let mut others = accept.iter().enumerate();
            others.any(|(other, wide)| other != at && wide.covers(pattern.as_str()))
        };
        let kept = accept.iter().enumerate().filter(|(at, pattern)| !covered(*at, pattern));
        Self { accept: kept.map(|(_, pattern)| pattern.clone()).collect() }
    }

    /// The patterns, sorted; none covers another.
    #[must_use]
    pub fn accept(&self) -> &[Accept] {
        &self.accept
    }

    /// Whether files of a type may be uploaded. Parameters of the type and its case do not matter.
    #[must_use]
    pub fn allows(&self, mime: &str) -> bool {
        let mime = essence(mime);
        let well_formed = mime.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b));
        well_formed && self.accept.iter().any(|accept| accept.covers(&mime))
    }

    /// Whether every type of a pattern may be uploaded.
    pub(super) fn covers(&self, pattern: &Accept) -> bool {
        self.accept.iter().any(|own| own.covers(pattern.as_str()))
    }

    /// The permission to upload what either allows.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self::new([&*self.accept, &*other.accept].concat())
    }
}

/// A media type without its parameters, in lower case.
fn essence(mime: &str) -> String {
    mime.split_once(';').map_or(mime, |(essence, _)| essence).trim().to_ascii_lowercase()
}

impl fmt::Display for BlobScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accept: Vec<&str> = self.accept.iter().map(Accept::as_str).collect();
        syntax::print(f, "blob", ("accept", &accept), &[])
    }
}

/// The scope that an app lacks to upload a file of a type.
#[must_use]
pub fn needed_blob(mime: &str) -> String {
    syntax::needed("blob", ("accept", &essence(mime)), &[])
}
