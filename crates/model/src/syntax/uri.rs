//! The lexicon string format `uri`: <https://atproto.com/specs/lexicon#uri>.

const MAX_BYTES: usize = 8 * 1024;

/// Whether the text is a URI of any scheme: RFC 3986 scheme, a colon, and something without white space, at most 8 KB.
#[must_use]
pub fn is_uri_syntax(text: &str) -> bool {
    if text.len() > MAX_BYTES {
        return false;
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let rest_is_empty = rest.is_empty() || rest == "//";
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest_is_empty
        && !rest.bytes().any(|b| b <= b' ' || b == 0x7f)
        && (rest.is_ascii() || !rest.chars().any(char::is_whitespace))
}
