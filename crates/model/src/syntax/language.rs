//! Language tags: BCP 47, RFC 5646 §2.1 and §2.2.9.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, text_traits};

/// A valid language tag such as `pt-BR`, kept as written.
///
/// Interop: the primary subtag has two or three lower-case letters, as in the reference's strict mode; the reserved and
/// registered longer ones are refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(Arc<str>);

text_traits!(Language);

/// RFC 5646's irregular grandfathered tags, which do not follow the grammar. The regular ones do.
const IRREGULAR: [&str; 17] = [
    "en-GB-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-BE-FR",
    "sgn-BE-NL",
    "sgn-CH-DE",
];

impl Language {
    /// Longer tags carry no meaning; RFC 5646 §4.4.1 asks for 35 characters at least.
    pub const MAX_BYTES: usize = 128;

    /// Reads a language tag.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the tag without keeping it: well formed, and no variant or extension twice.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        check(text).map_err(|reason| SyntaxError { kind: Kind::Language, reason })
    }
}

fn check(text: &str) -> Result<(), Reason> {
    if text.len() > Language::MAX_BYTES {
        return Err(Reason::TooLong(Language::MAX_BYTES));
    }
    let mut subtags = text.split('-');
    let primary = subtags.next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("x") {
        return private_use(subtags);
    }
    if IRREGULAR.iter().any(|tag| tag.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    if !matches!(primary.len(), 2 | 3) || !primary.bytes().all(|b| b.is_ascii_lowercase()) {
        return Err(Reason::Prefix);
    }
    let mut rest = subtags.peekable();
    for _ in 0..3 {
        rest.next_if(|s| s.len() == 3 && is_alpha(s));
    }
    rest.next_if(|s| s.len() == 4 && is_alpha(s));
    rest.next_if(|s| {
        (s.len() == 2 && is_alpha(s)) || (s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit()))
    });
    check_variants(text, &mut rest)?;
    check_extensions(text, &mut rest)?;
    match rest.next() {
        None => Ok(()),
        Some(x) if x.eq_ignore_ascii_case("x") => private_use(rest),
        Some("") => Err(Reason::Empty),
        Some(_) => Err(Reason::Structure),
    }
}

fn check_variants<'a>(
    text: &'a str,
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Result<(), Reason> {
    while let Some(variant) = rest.next_if(|s| is_variant(s)) {
        // An extension may hold a subtag that looks like a variant: only those before the first singleton count.
        let before_extensions = text.split('-').take_while(|s| !is_singleton(s));
        if before_extensions.filter(|s| s.eq_ignore_ascii_case(variant)).count() > 1 {
            return Err(Reason::Structure);
        }
    }
    Ok(())
}

fn check_extensions<'a>(
    text: &'a str,
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Result<(), Reason> {
    while let Some(singleton) = rest.next_if(|s| is_singleton(s) && !s.eq_ignore_ascii_case("x")) {
        if public_subtags(text).filter(|s| s.eq_ignore_ascii_case(singleton)).count() > 1 {
            return Err(Reason::Structure);
        }
        let mut subtags = 0;
        while rest.next_if(|s| (2..=8).contains(&s.len()) && is_alphanumeric(s)).is_some() {
            subtags += 1;
        }
        if subtags == 0 {
            return Err(Reason::Structure);
        }
    }
    Ok(())
}

/// The subtags before private use.
fn public_subtags(text: &str) -> impl Iterator<Item = &str> {
    text.split('-').take_while(|s| !s.eq_ignore_ascii_case("x"))
}

fn private_use<'a>(mut subtags: impl Iterator<Item = &'a str>) -> Result<(), Reason> {
    let first = subtags.next().ok_or(Reason::Empty)?;
    let all_fit = std::iter::once(first)
        .chain(subtags)
        .all(|s| (1..=8).contains(&s.len()) && is_alphanumeric(s));
    if all_fit { Ok(()) } else { Err(Reason::Character) }
}

fn is_singleton(subtag: &str) -> bool {
    subtag.len() == 1 && is_alphanumeric(subtag)
}

fn is_variant(subtag: &str) -> bool {
    let starts_with_digit = subtag.bytes().next().is_some_and(|b| b.is_ascii_digit());
    ((5..=8).contains(&subtag.len()) || (subtag.len() == 4 && starts_with_digit))
        && is_alphanumeric(subtag)
}

fn is_alpha(subtag: &str) -> bool {
    subtag.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_alphanumeric(subtag: &str) -> bool {
    subtag.bytes().all(|b| b.is_ascii_alphanumeric())
}
