//! Datetimes: the part of RFC 3339 and ISO 8601 that <https://atproto.com/specs/lexicon#datetime> allows.

use std::sync::Arc;

use super::{Kind, Reason, SyntaxError, text_traits};

/// A valid datetime with seconds and a zone, kept as written: `1985-04-12T23:20:50.123Z`.
///
/// Ordering is that of the text, not of time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Datetime(Arc<str>);

text_traits!(Datetime);

impl Datetime {
    /// Far more digits of fraction than any clock has.
    pub const MAX_BYTES: usize = 64;

    /// Reads a datetime: upper-case `T` and `Z`, seconds, a zone that is not `-00:00`, an instant in years 0 to 9999.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks the datetime without keeping it.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        check(text.as_bytes()).map_err(|reason| SyntaxError { kind: Kind::Datetime, reason })
    }

    /// An instant in the form that the protocol prefers: milliseconds, UTC.
    #[must_use]
    pub fn from_timestamp(instant: jiff::Timestamp) -> Self {
        Self(format!("{instant:.3}").into())
    }

    /// The instant, if it lies in the years 0 to 9999 as [`jiff`] counts them. Digits below a nanosecond are dropped.
    #[must_use]
    pub fn timestamp(&self) -> Option<jiff::Timestamp> {
        // jiff takes at most nine digits of fraction.
        let text = self.as_str();
        let (seconds, rest) = text.split_at_checked(19)?;
        let Some(fraction) = rest.strip_prefix('.') else {
            return text.parse().ok();
        };
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let zone = fraction.get(digits..)?;
        let kept = fraction.get(..digits.min(9))?;
        format!("{seconds}.{kept}{zone}").parse().ok()
    }
}

fn check(text: &[u8]) -> Result<(), Reason> {
    if text.len() > Datetime::MAX_BYTES {
        return Err(Reason::TooLong(Datetime::MAX_BYTES));
    }
    let (head, rest) = text.split_at_checked(19).ok_or(Reason::Length)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1] =
        head
    else {
        return Err(Reason::Structure);
    };
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
    let (hour, minute, second) = (two(*h0, *h1)?, two(*i0, *i1)?, two(*s0, *s1)?);
    let offset_minutes = check_zone(skip_fraction(rest)?)?;
    // A leap second is legal in RFC 3339, so second 60 passes.
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    if !in_range {
        return Err(Reason::Range);
    }
    // Interop: what is before the year 0 in UTC is refused by everyone, although its text looks well.
    let minute_of_day = hour * 60 + minute;
    if year == 0 && month == 1 && day == 1 && offset_minutes > minute_of_day {
        return Err(Reason::Range);
    }
    Ok(())
}

/// Two digits as a number.
fn two(tens: u8, ones: u8) -> Result<i32, Reason> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        return Ok(i32::from(tens - b'0') * 10 + i32::from(ones - b'0'));
    }
    Err(Reason::Character)
}

fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What follows the fraction, which has at least one digit if there is one.
fn skip_fraction(rest: &[u8]) -> Result<&[u8], Reason> {
    let [b'.', fraction @ ..] = rest else {
        return Ok(rest);
    };
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    match fraction.get(digits..) {
        Some(zone) if digits > 0 => Ok(zone),
        _ => Err(Reason::Structure),
    }
}

/// Minutes that the zone is ahead of UTC.
fn check_zone(zone: &[u8]) -> Result<i32, Reason> {
    let (sign, h0, h1, m0, m1) = match zone {
        b"Z" => return Ok(0),
        b"-00:00" => return Err(Reason::Reserved),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => (*sign, *h0, *h1, *m0, *m1),
        _ => return Err(Reason::Structure),
    };
    let (hours, minutes) = (two(h0, h1)?, two(m0, m1)?);
    if hours > 23 || minutes > 59 {
        return Err(Reason::Range);
    }
    let ahead = hours * 60 + minutes;
    Ok(if sign == b'-' { -ahead } else { ahead })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_counts() {
        assert!(Datetime::check("2024-02-29T00:00:00Z").is_ok());
        assert!(Datetime::check("2023-02-29T00:00:00Z").is_err());
        assert!(Datetime::check("1990-12-31T23:59:60Z").is_ok());
    }

    #[test]
    fn instants_go_back_and_forth() {
        let datetime = Datetime::parse("1985-04-12T23:20:50.1235678912345-07:00").unwrap();
        let instant = datetime.timestamp().unwrap();
        assert_eq!(instant.to_string(), "1985-04-13T06:20:50.123567891Z");
        assert_eq!(Datetime::from_timestamp(instant), "1985-04-13T06:20:50.123Z");
        let whole: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(Datetime::from_timestamp(whole), "2026-01-01T00:00:00.000Z");
    }
}
