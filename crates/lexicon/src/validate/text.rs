//! Strings: lengths in bytes and in graphemes, formats, allowed values.

use unicode_segmentation::UnicodeSegmentation;

use crate::Reason;
use crate::schema::{Range, StringSchema};

pub(super) fn check(schema: &StringSchema, text: &str) -> Result<(), Reason> {
    super::byte_length(schema.bytes, text.len())?;
    check_graphemes(schema.graphemes, text)?;
    if let Some(format) = schema.format.filter(|format| !format.accepts(text)) {
        return Err(Reason::Format(format));
    }
    if let Some(constant) = schema.constant.as_ref().filter(|constant| ***constant != *text) {
        return Err(Reason::OneOf(vec![constant.to_string()]));
    }
    match &schema.one_of {
        Some(one_of) if !one_of.iter().any(|value| **value == *text) => {
            Err(Reason::OneOf(one_of.iter().map(ToString::to_string).collect()))
        }
        _ => Ok(()),
    }
}

/// Extended grapheme clusters of UAX #29. There are never more of them than bytes, so most texts are not segmented.
fn check_graphemes(range: Range, text: &str) -> Result<(), Reason> {
    if let Some(max) = range.max
        && text.len() > max
        && count_up_to(text, max.saturating_add(1)) > max
    {
        return Err(Reason::TooManyGraphemes(max));
    }
    if let Some(min) = range.min
        && count_up_to(text, min) < min
    {
        return Err(Reason::TooFewGraphemes(min));
    }
    Ok(())
}

/// The number of graphemes, or `limit` if there are more.
fn count_up_to(text: &str, limit: usize) -> usize {
    if text.is_ascii() {
        // Of ASCII only a carriage return and a line feed join.
        let pairs = text.as_bytes().windows(2).filter(|pair| *pair == b"\r\n").count();
        return (text.len() - pairs).min(limit);
    }
    text.graphemes(true).take(limit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(max: usize, text: &str) -> bool {
        check_graphemes(Range { min: None, max: Some(max) }, text).is_ok()
    }

    fn at_least(min: usize, text: &str) -> bool {
        check_graphemes(Range { min: Some(min), max: None }, text).is_ok()
    }

    #[test]
    fn families_flags_and_accents_count_once() {
        for one in ["👨‍👩‍👧‍👧", "🇩🇪", "e\u{301}", "\r\n", "각", "🏳️‍🌈"]
        {
            assert!(at_most(1, one) && at_least(1, one) && !at_least(2, one), "{one}");
            assert!(!at_most(1, &one.repeat(2)) && at_least(2, &one.repeat(2)), "{one}");
        }
    }

    #[test]
    fn ascii_is_counted_without_segmenting() {
        assert!(at_most(3, "abc") && !at_most(2, "abc"));
        assert!(at_most(3, "a\r\nb") && !at_most(2, "a\r\nb"));
        assert_eq!("a\r\r\n\nb".graphemes(true).count(), count_up_to("a\r\r\n\nb", 10));
    }
}
