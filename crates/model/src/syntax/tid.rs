//! Timestamp identifiers: <https://atproto.com/specs/tid>.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Kind, Reason, SyntaxError, parse_traits};

const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// A TID: 53 bits of microseconds since 1970, then 10 bits of clock identifier. The top bit is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(u64);

parse_traits!(Tid);

impl Tid {
    /// The length of the text.
    pub const LEN: usize = 13;
    const MAX_MICROS: u64 = (1 << 53) - 1;
    const CLOCK_MASK: u16 = 0x3ff;

    /// The TID of a number; none if the top bit is set.
    #[must_use]
    pub fn from_u64(value: u64) -> Option<Self> {
        (value >> 63 == 0).then_some(Self(value))
    }

    /// The number: it orders as the text does.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// Puts an instant and a clock identifier together, cut to 53 and 10 bits.
    #[must_use]
    pub fn from_parts(micros: u64, clock_id: u16) -> Self {
        Self((micros & Self::MAX_MICROS) << 10 | u64::from(clock_id & Self::CLOCK_MASK))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn micros(self) -> u64 {
        self.0 >> 10
    }

    /// The clock identifier, 10 bits.
    #[must_use]
    pub fn clock_id(self) -> u16 {
        u16::try_from(self.0 & u64::from(Self::CLOCK_MASK)).unwrap_or_default()
    }

    /// Reads a TID whose top bit is zero. [`is_tid_syntax`] is the looser syntax check.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let fail = |reason| SyntaxError { kind: Kind::Tid, reason };
        if text.len() != Self::LEN {
            return Err(fail(Reason::Length));
        }
        let mut value: u64 = 0;
        for (i, byte) in text.bytes().enumerate() {
            let digit = digit(byte).ok_or(fail(Reason::Character))?;
            if i == 0 && digit > 7 {
                return Err(fail(Reason::Range));
            }
            value = value << 5 | u64::from(digit);
        }
        Ok(Self(value))
    }

    /// The thirteen characters.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut text = [0; Self::LEN];
        let mut rest = self.0;
        for byte in text.iter_mut().rev() {
            *byte = ALPHABET
                .get(usize::try_from(rest & 31).unwrap_or_default())
                .copied()
                .unwrap_or_default();
            rest >>= 5;
        }
        text
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'2'..=b'7' => Some(byte - b'2'),
        b'a'..=b'z' => Some(byte - b'a' + 6),
        _ => None,
    }
}

/// Whether the text has the form of a TID. Instants after the year 2255, whose top bit is set, pass here.
#[must_use]
pub fn is_tid_syntax(text: &str) -> bool {
    text.len() == Tid::LEN
        && text.bytes().all(|b| digit(b).is_some())
        && text.bytes().next().and_then(digit).is_some_and(|first| first < 16)
}

impl std::fmt::Display for Tid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.to_bytes();
        f.pad(std::str::from_utf8(&bytes).map_err(|_| std::fmt::Error)?)
    }
}

impl std::fmt::Debug for Tid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tid({self})")
    }
}

/// Gives TIDs that only grow, whatever the clock does. One per process and clock identifier.
#[derive(Debug)]
pub struct TidClock {
    clock_id: u16,
    /// The microseconds of the last TID given.
    last: AtomicU64,
}

impl TidClock {
    /// A generator with a clock identifier of 10 bits.
    #[must_use]
    pub fn new(clock_id: u16) -> Self {
        Self { clock_id: clock_id & Tid::CLOCK_MASK, last: AtomicU64::new(0) }
    }

    /// A TID after all that this generator has given; at `now_micros` if that is possible.
    pub fn next(&self, now_micros: u64) -> Tid {
        self.next_after(None, now_micros)
    }

    /// The same, and after `prev` too, even if another clock made it.
    pub fn next_after(&self, prev: Option<Tid>, now_micros: u64) -> Tid {
        let floor = prev.map_or(0, |prev| prev.micros() + 1).max(now_micros);
        let mut micros = floor;
        let _ = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            micros = floor.max(last + 1);
            Some(micros)
        });
        Tid::from_parts(micros, self.clock_id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_stands_still() {
        let clock = TidClock::new(7);
        let first = clock.next(1_000);
        let second = clock.next(1_000);
        let third = clock.next(10);
        assert!(first < second && second < third);
        assert_eq!(third.clock_id(), 7);
        let far = Tid::from_parts(5_000_000, 1023);
        assert!(clock.next_after(Some(far), 2_000) > far);
    }

    #[test]
    fn text_and_number_agree() {
        let tid = Tid::parse("3jzfcijpj2z2a").unwrap();
        assert_eq!(tid.to_string(), "3jzfcijpj2z2a");
        assert_eq!(Tid::from_u64(tid.as_u64()), Some(tid));
        assert_eq!(Tid::from_parts(tid.micros(), tid.clock_id()), tid);
        assert_eq!(Tid::from_u64(u64::MAX), None);
        assert!(is_tid_syntax("jzzzzzzzzzzzz") && Tid::parse("jzzzzzzzzzzzz").is_err());
    }
}
