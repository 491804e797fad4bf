//! The MIME type of a blob: what its first bytes say, else what the client declared.
//!
//! Interop: like the reference, a type found in the bytes wins over the declared one, parameters of
//! the declared type are dropped, and `application/octet-stream` is the last resort.

use infer::MatcherType;

/// How many of the first bytes are looked at. The longest signatures end well before.
pub(super) const HEAD_BYTES: usize = 8 * 1024;

const FALLBACK: &str = "application/octet-stream";
/// A declared type longer than this is not a type.
const MAX_DECLARED_BYTES: usize = 255;

/// The type of a blob that starts with `head`.
pub(super) fn mime_type(head: &[u8], declared: Option<&str>) -> String {
    if let Some(found) = sniffed(head) {
        return found.to_owned();
    }
    declared.and_then(essence).unwrap_or_else(|| FALLBACK.to_owned())
}

/// Text and program signatures are left out: some are two bytes long and match ordinary data.
fn sniffed(head: &[u8]) -> Option<&'static str> {
    let found = infer::get(head)?;
    match found.matcher_type() {
        MatcherType::Image
        | MatcherType::Video
        | MatcherType::Audio
        | MatcherType::Font
        | MatcherType::Archive
        | MatcherType::Book
        | MatcherType::Doc => Some(found.mime_type()),
        MatcherType::App | MatcherType::Text | MatcherType::Custom => None,
    }
}

/// `type/subtype` in lower case without parameters, or `None` when it is no concrete type.
fn essence(declared: &str) -> Option<String> {
    let essence = declared.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    let concrete = essence.len() <= MAX_DECLARED_BYTES && is_token(kind) && is_token(subtype);
    concrete.then(|| essence.to_ascii_lowercase())
}

/// RFC 9110 §5.6.2, without the `*` of wildcards.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

    #[test]
    fn what_the_bytes_say_wins() {
        assert_eq!(mime_type(PNG, Some("image/jpeg")), "image/png");
        assert_eq!(mime_type(&[0xff, 0xd8, 0xff, 0xe0, 0, 16], None), "image/jpeg");
        assert_eq!(mime_type(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", None), "video/mp4");
        assert_eq!(mime_type(b"RIFF\x24\0\0\0WEBPVP8 ", Some("text/plain")), "image/webp");
    }

    #[test]
    fn the_declared_type_is_next_without_its_parameters() {
        assert_eq!(mime_type(b"WEBVTT\n", Some("text/vtt")), "text/vtt");
        assert_eq!(mime_type(b"hello", Some("Text/Plain; charset=utf-8")), "text/plain");
        assert_eq!(mime_type(b"<html><p> hello", Some("text/plain")), "text/plain");
        assert_eq!(mime_type(b"", Some("image/svg+xml")), "image/svg+xml");
    }

    #[test]
    fn anything_else_is_an_octet_stream() {
        for declared in ["", "*/*", "image/*", "image", "/", "a/b/c", "a b/c", "text/ü"] {
            assert_eq!(mime_type(b"hello", Some(declared)), FALLBACK, "{declared}");
        }
        assert_eq!(mime_type(b"", None), FALLBACK);
        assert_eq!(mime_type(b"", Some(&format!("text/{}", "x".repeat(300)))), FALLBACK);
    }
}
