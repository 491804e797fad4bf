//! A strict reader of items, one by one.

use super::{CborError, write};
use crate::{Cid, Limits, value::key_order};

/// Reads DAG-CBOR items from a slice and borrows text and bytes from it.
///
/// Each call reads one item and fails if another kind stands there; nothing is consumed then beyond recovery, so drop
/// the reader after an error. Containers are only their heads: read as many items after them. Objects' keys come
/// through [`Reader::key`], which checks their order.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    position: usize,
}

/// The head of an item.
pub(super) enum Item<'a> {
    Uint(i64),
    Negative(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(usize),
    Map(usize),
    Link(Cid),
    Bool(bool),
    Null,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// How many bytes have been read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What has not been read.
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.data.get(self.position..).unwrap_or_default()
    }

    /// Succeeds if everything has been read.
    pub fn end(&self) -> Result<(), CborError> {
        if self.remaining().is_empty() { Ok(()) } else { Err(CborError::TrailingBytes) }
    }

    /// The number of keys of an object.
    pub fn map(&mut self) -> Result<usize, CborError> {
        match self.item()? {
            Item::Map(len) => Ok(len),
            _ => Err(CborError::Unexpected { expected: "an object" }),
        }
    }

    /// The number of items of a list.
    pub fn array(&mut self) -> Result<usize, CborError> {
        match self.item()? {
            Item::Array(len) => Ok(len),
            _ => Err(CborError::Unexpected { expected: "a list" }),
        }
    }

    /// Text.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        match self.item()? {
            Item::Text(text) => Ok(text),
            _ => Err(CborError::Unexpected { expected: "text" }),
        }
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        match self.item()? {
            Item::Bytes(bytes) => Ok(bytes),
            _ => Err(CborError::Unexpected { expected: "bytes" }),
        }
    }

    /// An integer that is not negative.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        match self.item()? {
            Item::Uint(int) => u64::try_from(int).map_err(|_| CborError::IntegerRange),
            _ => Err(CborError::Unexpected { expected: "an integer that is not negative" }),
        }
    }

    /// An integer.
    pub fn int(&mut self) -> Result<i64, CborError> {
        match self.item()? {
            Item::Uint(int) | Item::Negative(int) => Ok(int),
            _ => Err(CborError::Unexpected { expected: "an integer" }),
        }
    }

    /// A link.
    pub fn cid(&mut self) -> Result<Cid, CborError> {
        match self.item()? {
            Item::Link(cid) => Ok(cid),
            _ => Err(CborError::Unexpected { expected: "a link" }),
        }
    }

    /// A link or `null`.
    pub fn opt_cid(&mut self) -> Result<Option<Cid>, CborError> {
        match self.item()? {
            Item::Link(cid) => Ok(Some(cid)),
            Item::Null => Ok(None),
            _ => Err(CborError::Unexpected { expected: "a link or null" }),
        }
    }

    /// A boolean.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        match self.item()? {
            Item::Bool(bool) => Ok(bool),
            _ => Err(CborError::Unexpected { expected: "a boolean" }),
        }
    }

    /// `null`.
    pub fn null(&mut self) -> Result<(), CborError> {
        match self.item()? {
            Item::Null => Ok(()),
            _ => Err(CborError::Unexpected { expected: "null" }),
        }
    }

    /// Whether the next item is `null`; reads nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.data.get(self.position) == Some(&write::NULL)
    }

    /// The next key of an object: not empty, and after `previous`.
    pub fn key(&mut self, previous: Option<&str>) -> Result<&'a str, CborError> {
        let Item::Text(key) = self.item()? else {
            return Err(CborError::KeyType);
        };
        if key.is_empty() {
            return Err(CborError::EmptyKey);
        }
        if previous.is_some_and(|previous| key_order(previous, key).is_ge()) {
            return Err(CborError::KeyOrder);
        }
        Ok(key)
    }

    /// Reads one key that must be `key`, in codecs of fixed structure.
    pub fn expect_key(&mut self, key: &'static str) -> Result<(), CborError> {
        if self.text()? == key { Ok(()) } else { Err(CborError::Unexpected { expected: key }) }
    }

    /// Checks and passes over one item with all that is in it, and returns its bytes.
    pub fn skip(&mut self, limits: &Limits) -> Result<&'a [u8], CborError> {
        let start = self.position;
        self.skip_item(limits, limits.depth.min(Limits::MAX_DEPTH))?;
        Ok(self.data.get(start..self.position).unwrap_or_default())
    }

    fn skip_item(&mut self, limits: &Limits, levels: usize) -> Result<(), CborError> {
        match self.item()? {
            Item::Array(len) => {
                let levels = enter(levels, len, limits)?;
                for _ in 0..len {
                    self.skip_item(limits, levels)?;
                }
            }
            Item::Map(len) => {
                let levels = enter(levels, len, limits)?;
                let mut previous = None;
                for _ in 0..len {
                    let key = self.key(previous)?;
                    check_key_length(key, limits)?;
                    self.skip_item(limits, levels)?;
                    previous = Some(key);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The head of the next item, with its content unless it is a container.
    #[inline]
    pub(super) fn item(&mut self) -> Result<Item<'a>, CborError> {
        let initial = *self.data.get(self.position).ok_or(CborError::UnexpectedEnd)?;
        self.position += 1;
        let major = initial & 0xe0;
        if major == 0xe0 {
            return simple(initial);
        }
        let argument = self.argument(initial & 0x1f)?;
        match major {
            write::UINT => {
                i64::try_from(argument).map(Item::Uint).map_err(|_| CborError::IntegerRange)
            }
            write::NEGATIVE => i64::try_from(argument)
                .map(|n| Item::Negative(!n))
                .map_err(|_| CborError::IntegerRange),
            write::BYTES => self.take(argument).map(Item::Bytes),
            write::TEXT => {
                let bytes = self.take(argument)?;
                std::str::from_utf8(bytes).map(Item::Text).map_err(|_| CborError::Utf8)
            }
            write::ARRAY => self.count(argument, 1).map(Item::Array),
            write::MAP => self.count(argument, 2).map(Item::Map),
            _ => self.link(argument).map(Item::Link),
        }
    }

    #[inline]
    fn argument(&mut self, low: u8) -> Result<u64, CborError> {
        let (value, least) = match low {
            0..24 => return Ok(u64::from(low)),
            24 => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.take_array()?), 0x1_0000_0000),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Simple),
        };
        if value < least { Err(CborError::NonMinimal) } else { Ok(value) }
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let bytes = self.remaining().first_chunk::<N>().ok_or(CborError::UnexpectedEnd)?;
        self.position += N;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::UnexpectedEnd)?;
        let bytes = self.remaining().get(..len).ok_or(CborError::UnexpectedEnd)?;
        self.position += len;
        Ok(bytes)
    }

    /// The length of a container, which cannot have more items than there are bytes left: nobody allocates for more.
    fn count(&self, len: u64, least_bytes_each: usize) -> Result<usize, CborError> {
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= self.remaining().len() / least_bytes_each)
            .ok_or(CborError::UnexpectedEnd)
    }

    fn link(&mut self, tag: u64) -> Result<Cid, CborError> {
        if tag != 42 {
            return Err(CborError::Tag(tag));
        }
        let initial = *self.data.get(self.position).ok_or(CborError::UnexpectedEnd)?;
        if initial & 0xe0 != write::BYTES {
            return Err(CborError::LinkForm);
        }
        self.position += 1;
        let len = self.argument(initial & 0x1f)?;
        let [0, cid @ ..] = self.take(len)? else {
            return Err(CborError::LinkForm);
        };
        Ok(Cid::from_bytes(cid)?)
    }
}

fn simple<'a>(initial: u8) -> Result<Item<'a>, CborError> {
    match initial {
        write::FALSE => Ok(Item::Bool(false)),
        write::TRUE => Ok(Item::Bool(true)),
        write::NULL => Ok(Item::Null),
        0xf9..=0xfb => Err(CborError::Float),
        0xff => Err(CborError::Indefinite),
        _ => Err(CborError::Simple),
    }
}

/// The levels left inside a container of `len` elements.
pub(super) fn enter(levels: usize, len: usize, limits: &Limits) -> Result<usize, CborError> {
    if len > limits.container {
        return Err(CborError::ContainerTooLarge { max: limits.container });
    }
    levels.checked_sub(1).ok_or(CborError::TooDeep { max: limits.depth })
}

pub(super) fn check_key_length(key: &str, limits: &Limits) -> Result<(), CborError> {
    if key.len() > limits.key_bytes {
        return Err(CborError::KeyTooLong { max: limits.key_bytes });
    }
    Ok(())
}
