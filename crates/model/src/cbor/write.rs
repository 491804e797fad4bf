//! Items one by one, for codecs of fixed structure. The caller keeps the order of keys and the number of items.

use crate::Cid;

pub(crate) const UINT: u8 = 0 << 5;
pub(crate) const NEGATIVE: u8 = 1 << 5;
pub(crate) const BYTES: u8 = 2 << 5;
pub(crate) const TEXT: u8 = 3 << 5;
pub(crate) const ARRAY: u8 = 4 << 5;
pub(crate) const MAP: u8 = 5 << 5;
pub(crate) const TRUE: u8 = 0xf5;
pub(crate) const FALSE: u8 = 0xf4;
pub(crate) const NULL: u8 = 0xf6;

/// A major type in its upper three bits, with its argument in the shortest form.
pub fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    #[allow(clippy::cast_possible_truncation)] // Each arm's range fits.
    match argument {
        0..24 => out.push(major | argument as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..0x1_0000 => {
            let [a, b] = (argument as u16).to_be_bytes();
            out.extend_from_slice(&[major | 25, a, b]);
        }
        0x1_0000..0x1_0000_0000 => {
            let [a, b, c, d] = (argument as u32).to_be_bytes();
            out.extend_from_slice(&[major | 26, a, b, c, d]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// The head of an object of `len` keys and values.
pub fn map(out: &mut Vec<u8>, len: usize) {
    head(out, MAP, len as u64);
}

/// The head of a list of `len` items.
pub fn array(out: &mut Vec<u8>, len: usize) {
    head(out, ARRAY, len as u64);
}

/// Text.
pub fn text(out: &mut Vec<u8>, text: &str) {
    head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Bytes.
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// An integer that is not negative. Values beyond [`i64::MAX`] are not part of the data model.
pub fn uint(out: &mut Vec<u8>, value: u64) {
    head(out, UINT, value);
}

/// An integer that is not negative, always in nine bytes, so that it can be overwritten in place.
///
/// This is not canonical unless the value needs more than 32 bits.
pub fn u64_fixed(out: &mut Vec<u8>, value: u64) {
    out.push(UINT | 27);
    out.extend_from_slice(&value.to_be_bytes());
}

/// An integer.
pub fn int(out: &mut Vec<u8>, value: i64) {
    match u64::try_from(value) {
        Ok(value) => head(out, UINT, value),
        Err(_) => head(out, NEGATIVE, !value.cast_unsigned()),
    }
}

/// A link: tag 42 over a zero byte and the CID.
pub fn cid(out: &mut Vec<u8>, cid: &Cid) {
    out.extend_from_slice(&[0xd8, 42, 0x58, 37, 0]);
    out.extend_from_slice(&cid.to_bytes());
}

/// A link or `null`.
pub fn opt_cid(out: &mut Vec<u8>, link: Option<&Cid>) {
    match link {
        Some(link) => cid(out, link),
        None => null(out),
    }
}

/// `null`.
pub fn null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// A boolean.
pub fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { TRUE } else { FALSE });
}
