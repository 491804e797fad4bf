//! Unsigned LEB128, as CAR uses it for lengths.

/// What the start of a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Varint {
    /// The number ends beyond the buffer.
    Partial,
    /// The number, and how many bytes it took.
    Complete { value: u64, len: usize },
    /// Too long, or not the shortest form.
    Invalid,
}

/// Lengths in CARs fit in 63 bits, which is what multiformats allows: nine bytes.
const MAX_LEN: usize = 9;

pub(super) fn read(bytes: &[u8]) -> Varint {
    let mut value = 0_u64;
    for (i, &byte) in bytes.iter().take(MAX_LEN).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let is_shortest = byte != 0 || i == 0;
            return if is_shortest {
                Varint::Complete { value, len: i + 1 }
            } else {
                Varint::Invalid
            };
        }
    }
    if bytes.len() < MAX_LEN { Varint::Partial } else { Varint::Invalid }
}

pub(super) fn write(out: &mut Vec<u8>, mut value: u64) {
    loop {
        // The mask leaves seven bits.
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

pub(super) fn len(value: u64) -> usize {
    let bits = (64 - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_round_trip_in_the_shortest_form() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), (1 << 63) - 1] {
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            assert_eq!(bytes.len(), len(value));
            assert_eq!(read(&bytes), Varint::Complete { value, len: bytes.len() });
            assert_eq!(read(&bytes[..bytes.len() - 1]), Varint::Partial);
        }
    }

    #[test]
    fn long_and_padded_forms_are_refused() {
        assert_eq!(read(&[0x80, 0x00]), Varint::Invalid);
        assert_eq!(read(&[0xff; 10]), Varint::Invalid);
        assert_eq!(read(&[0xff; 8]), Varint::Partial);
    }
}
