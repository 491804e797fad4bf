//! A reader of the CBOR that authenticators write: CTAP2's canonical form (CTAP 2.1 §8), which has definite lengths and
//! shortest heads only. It allocates nothing, and goes no deeper than [`MAX_DEPTH`].

/// Attestation statements nest two levels deep; extensions no more than four.
const MAX_DEPTH: usize = 8;

/// An item, or the head of one that has others in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An integer that an `i64` holds.
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// So many items follow.
    Array(usize),
    /// So many pairs of items follow.
    Map(usize),
    /// True, false, null and the other simple values.
    Simple,
}

/// It is not CBOR, or CBOR that no authenticator writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64, Malformed> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// The argument of a head: in the head itself or in 1, 2, 4 or 8 bytes behind it, as few as do.
    fn argument(&mut self, low: u8) -> Result<u64, Malformed> {
        let (value, least) = match low {
            0..=23 => (u64::from(low), 0),
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 1 << 8),
            26 => (self.number(4)?, 1 << 16),
            27 => (self.number(8)?, 1 << 32),
            // 31 is an indefinite length.
            _ => return Err(Malformed),
        };
        if value < least { Err(Malformed) } else { Ok(value) }
    }

    pub(super) fn item(&mut self) -> Result<Item<'a>, Malformed> {
        let head = self.take(1)?.first().copied().ok_or(Malformed)?;
        let (major, low) = (head >> 5, head & 0x1f);
        if major == 7 {
            return match low {
                // False, true, null, undefined; floating-point numbers.
                20..=23 => Ok(Item::Simple),
                25 => self.take(2).map(|_| Item::Simple),
                26 => self.take(4).map(|_| Item::Simple),
                27 => self.take(8).map(|_| Item::Simple),
                _ => Err(Malformed),
            };
        }
        let argument = self.argument(low)?;
        let length = || usize::try_from(argument).map_err(|_| Malformed);
        let integer = || i64::try_from(argument).map_err(|_| Malformed);
        match major {
            0 => Ok(Item::Integer(integer()?)),
            1 => Ok(Item::Integer(-1 - integer()?)),
            2 => Ok(Item::Bytes(self.take(length()?)?)),
            3 => {
                let text = self.take(length()?)?;
                std::str::from_utf8(text).map(Item::Text).map_err(|_| Malformed)
            }
            // Each item takes a byte at least: no length is believed that cannot be.
            4 => self.counted(length()?, 1).map(Item::Array),
            5 => self.counted(length()?, 2).map(Item::Map),
            // Tags: CTAP2 has none.
            _ => Err(Malformed),
        }
    }

    fn counted(&self, count: usize, bytes_each: usize) -> Result<usize, Malformed> {
        let least = count.checked_mul(bytes_each).ok_or(Malformed)?;
        if least > self.0.len() { Err(Malformed) } else { Ok(count) }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        match self.item()? {
            Item::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, Malformed> {
        match self.item()? {
            Item::Integer(number) => Ok(number),
            _ => Err(Malformed),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        match self.item()? {
            Item::Text(text) => Ok(text),
            _ => Err(Malformed),
        }
    }

    /// The number of pairs in a map.
    pub(super) fn map(&mut self) -> Result<usize, Malformed> {
        match self.item()? {
            Item::Map(pairs) => Ok(pairs),
            _ => Err(Malformed),
        }
    }

    /// Passes over a map with everything in it.
    pub(super) fn skip_map(&mut self) -> Result<(), Malformed> {
        let pairs = self.map()?;
        self.skip(pairs.saturating_mul(2), 1)
    }

    fn skip(&mut self, items: usize, depth: usize) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed);
        }
        for _ in 0..items {
            match self.item()? {
                Item::Array(items) => self.skip(items, depth + 1)?,
                Item::Map(pairs) => self.skip(pairs.saturating_mul(2), depth + 1)?,
                Item::Integer(_) | Item::Bytes(_) | Item::Text(_) | Item::Simple => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Item<'_>, Malformed> {
        Reader(bytes).item()
    }

    #[test]
    fn items_are_read() {
        assert_eq!(read(&[0x17]), Ok(Item::Integer(23)));
        assert_eq!(read(&[0x39, 0x01, 0x00]), Ok(Item::Integer(-257)));
        assert_eq!(read(&[0x42, 1, 2]), Ok(Item::Bytes(&[1, 2])));
        assert_eq!(read(b"\x63fmt"), Ok(Item::Text("fmt")));
        assert_eq!(read(&[0xf5]), Ok(Item::Simple));
        assert_eq!(Reader(&[0xa1, 0x01, 0x82, 0x02, 0xa0]).skip_map(), Ok(()));
    }

    #[test]
    fn what_no_authenticator_writes_is_refused() {
        for bytes in [
            &[][..],
            &[0x18, 0x17], // a longer head than needed
            &[0x19, 0x00, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // more than an i64
            &[0x5f, 0x41, 0x00, 0xff],                               // indefinite length
            &[0xbf, 0xff],
            &[0x43, 1, 2], // too short
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x61, 0xff],                   // no UTF-8
            &[0x9a, 0xff, 0xff, 0xff, 0xff], // more items than bytes
            &[0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xc0, 0x00], // a tag
            &[0xf8, 0xff],
            &[0xff],
        ] {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:x?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            let mut bytes = [0xa1, 0x00].repeat(depth);
            bytes.push(0xa0);
            bytes
        };
        assert_eq!(Reader(&nested(MAX_DEPTH - 1)).skip_map(), Ok(()));
        assert_eq!(Reader(&nested(MAX_DEPTH)).skip_map(), Err(Malformed));
        assert_eq!(Reader(&nested(100_000)).skip_map(), Err(Malformed));
    }
}
