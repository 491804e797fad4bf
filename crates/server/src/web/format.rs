//! Sizes, times and JSON as people read them.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::i18n::Text;

/// Up to the minute.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Up to the second.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `12,345`.
pub fn count(t: Text, count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push_str(t.console_group());
        }
        grouped.push(digit);
    }
    grouped
}

/// `1.5 MiB`, which stays in this order among words that are written from right to left.
pub fn bytes(t: Text, count: u64) -> String {
    format!("\u{2066}{}\u{2069}", size(t, count))
}

fn size(t: Text, count: u64) -> String {
    let mut size: u64 = 1;
    let mut names = t.console_units().split(' ');
    let mut name = names.next().unwrap_or_default();
    for larger in names {
        if count / size < 1_024 {
            break;
        }
        size = size.saturating_mul(1_024);
        name = larger;
    }
    let (whole, tenth) = (count / size, (count % size).saturating_mul(10) / size);
    if whole >= 100 || tenth == 0 {
        return format!("{whole} {name}");
    }
    format!("{whole}{}{tenth} {name}", t.console_decimal())
}

/// Larger records are shown without indentation, which could make many times as much of them.
const MAX_INDENTED: usize = 64 * 1024;

/// Whether a record of so many bytes is shown in lines.
pub fn is_indented(bytes: usize) -> bool {
    bytes <= MAX_INDENTED
}

/// The beginning of a text that has no more bytes than this, and whole characters.
pub fn beginning(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// JSON in which characters that turn the order of others, and those that break lines, are escapes.
pub fn plain(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(plain, "\\u{:04x}", u32::from(c));
            }
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::i18n::Language;
    use super::*;

    #[test]
    fn sizes_are_short() {
        let (en, fr) = (Text::new(Language::En), Text::new(Language::Fr));
        for (count, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_023 * 1_024, "1023 KiB"),
            (5 << 30, "5 GiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(size(en, count), text);
        }
        assert_eq!(size(fr, 1_536), "1,5 Kio");
        assert_eq!(bytes(fr, 1_536), "\u{2066}1,5 Kio\u{2069}");
    }

    #[test]
    fn a_beginning_has_whole_characters() {
        for (most, text) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (9, "aé")] {
            assert_eq!(beginning("aé", most), text);
        }
    }

    #[test]
    fn digits_stand_in_groups() {
        let (en, fr) = (Text::new(Language::En), Text::new(Language::Fr));
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(en, number), text);
        }
        assert_eq!(count(fr, 12_345), "12\u{202f}345");
    }

    #[test]
    fn times_say_their_zone() {
        assert_eq!(time(Timestamp::UNIX_EPOCH), "1970-01-01 00:00 UTC");
    }
}
