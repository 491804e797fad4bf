//! The general syntax of a scope: `resource[:positional][?name=value&…]`.
//! <https://atproto.com/specs/permission#scope-string-syntax>

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::ScopeError;

/// The longest single scope that is read: room for 200 collections in one.
pub const MAX_SCOPE_BYTES: usize = 16 * 1024;

/// A scope taken apart, its values percent-decoded.
pub(super) struct Parts<'a> {
    pub(super) resource: &'a str,
    positional: Option<Cow<'a, str>>,
    params: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Parts<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ScopeError> {
        if text.len() > MAX_SCOPE_BYTES {
            return Err(ScopeError::TooLong);
        }
        // RFC 6749 §3.3: a scope token is printable ASCII without the quote and the backslash.
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
            return Err(ScopeError::Character);
        }
        let (head, query) = match text.split_once('?') {
            Some((head, query)) => (head, query),
            None => (text, ""),
        };
        let (resource, positional) = match head.split_once(':') {
            Some((resource, positional)) => (resource, Some(decode(positional)?)),
            None => (head, None),
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let params = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self { resource, positional, params: params.collect::<Result<_, _>>()? })
    }

    /// Refuses parameters that are not named here: they could narrow a permission in a way that is not understood.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ScopeError> {
        if self.params.iter().all(|(name, _)| names.contains(&&**name)) {
            return Ok(());
        }
        Err(ScopeError::UnknownParameter)
    }

    /// The values of the parameter that may stand in the positional place.
    pub(super) fn main(&self, name: &'static str) -> Result<Vec<&str>, ScopeError> {
        let named = self.all(name);
        match &self.positional {
            Some(_) if !named.is_empty() => Err(ScopeError::Twice(name)),
            Some(positional) => Ok(vec![positional]),
            None if named.is_empty() => Err(ScopeError::Missing(name)),
            None => Ok(named),
        }
    }

    /// The one value of the parameter that may stand in the positional place.
    pub(super) fn main_single(&self, name: &'static str) -> Result<&str, ScopeError> {
        match self.main(name)?.as_slice() {
            [value] => Ok(value),
            _ => Err(ScopeError::Twice(name)),
        }
    }

    /// All values of a parameter, in the order they were written.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.params.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value).collect()
    }

    /// The value of a parameter that may stand once.
    pub(super) fn single(&self, name: &'static str) -> Result<Option<&str>, ScopeError> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(ScopeError::Twice(name)),
        }
    }
}

/// Percent-decodes a part.
///
/// Interop: a `+` stands for itself. The reference implementation reads the parameters as a form, where it is a space,
/// which no value may hold; so `blob?accept=image/svg+xml&accept=…` means here what its author meant.
fn decode(text: &str) -> Result<Cow<'_, str>, ScopeError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (high, low) = (digit(), digit());
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(value.ok_or(ScopeError::PercentEncoding)?);
    }
    let text = String::from_utf8(bytes).map_err(|_| ScopeError::PercentEncoding)?;
    Ok(Cow::Owned(text))
}

/// Prints a scope in its normal form: one value of the main parameter stands in the positional place.
pub(super) fn print(
    out: &mut impl Write,
    resource: &str,
    (name, values): (&str, &[&str]),
    params: &[(&str, &str)],
) -> fmt::Result {
    out.write_str(resource)?;
    let mut separator = '?';
    if let [value] = values {
        out.write_char(':')?;
        encode(out, value)?;
    } else {
        for value in values {
            write!(out, "{separator}{name}=")?;
            encode(out, value)?;
            separator = '&';
        }
    }
    for (name, value) in params {
        write!(out, "{separator}{name}=")?;
        encode(out, value)?;
        separator = '&';
    }
    Ok(())
}

/// Percent-encodes what has a meaning in a scope and what a scope must not hold. The percent sign is always encoded, so
/// that what is printed reads back as the same value.
fn encode(out: &mut impl Write, value: &str) -> fmt::Result {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.write_char(char::from(byte))?,
            b'-' | b'.' | b'_' | b'~' | b'*' | b':' | b'/' | b'+' | b',' | b'@' => {
                out.write_char(char::from(byte))?;
            }
            _ => write!(out, "%{byte:02X}")?,
        }
    }
    Ok(())
}

/// The normal form of a scope with one value of its main parameter.
pub(super) fn needed(
    resource: &str,
    (name, value): (&str, &str),
    params: &[(&str, &str)],
) -> String {
    let mut text = String::new();
    print(&mut text, resource, (name, &[value]), params).expect("writing to a string succeeds");
    text
}
