//! Reading CARs as their bytes arrive.

use bytes::{Buf, Bytes, BytesMut};
use cairn_model::cbor::{CborError, Reader};
use cairn_model::{Cid, CidError};

use super::varint::{self, Varint};
use crate::limits::{MAX_CAR_BLOCK_BYTES, MAX_CAR_HEADER_BYTES};

/// A push parser for CARs: give it bytes as they arrive, take items until it asks for more.
///
/// It holds at most one section and what was pushed in one go. Blocks come in the order of the
/// file; duplicates and blocks that nothing refers to are the caller's to judge.
#[derive(Debug, Default)]
pub struct CarReader {
    buffer: BytesMut,
    limits: CarLimits,
    seen_header: bool,
}

/// The sizes that a reader takes.
#[derive(Debug, Clone, Copy)]
pub struct CarLimits {
    pub header_bytes: usize,
    pub block_bytes: usize,
}

impl Default for CarLimits {
    fn default() -> Self {
        Self { header_bytes: MAX_CAR_HEADER_BYTES, block_bytes: MAX_CAR_BLOCK_BYTES }
    }
}

/// One part of a CAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarItem {
    /// Comes first, once.
    Header { roots: Vec<Cid> },
    /// A block whose bytes have the hash that its CID says.
    Block { cid: Cid, bytes: Bytes },
}

/// Why bytes are not a CAR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarError {
    #[error("length of a section is not a valid varint")]
    Varint,
    #[error("header has {bytes} bytes, more than {limit}")]
    HeaderTooLarge { bytes: u64, limit: usize },
    #[error("header is not valid DAG-CBOR")]
    HeaderCbor(#[from] CborError),
    #[error("header does not have exactly the fields roots and version")]
    HeaderFields,
    #[error("car has version {version} instead of 1")]
    Version { version: u64 },
    #[error("section of {bytes} bytes is too short for a CID")]
    SectionTooShort { bytes: u64 },
    #[error("block has {bytes} bytes, more than {limit}")]
    BlockTooLarge { bytes: u64, limit: usize },
    #[error("CID of a block is not one that the protocol uses")]
    Cid(#[from] CidError),
    #[error("block does not have the hash of its CID {cid}")]
    HashMismatch { cid: Cid },
    #[error("car ends within its header or a section")]
    Truncated,
}

impl CarReader {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_limits(limits: CarLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item, or `None` when more bytes are needed. After an error the rest of the file
    /// has no meaning.
    #[expect(clippy::should_implement_trait, reason = "`None` does not mean the end")]
    pub fn next(&mut self) -> Result<Option<CarItem>, CarError> {
        let (section, len) = match varint::read(&self.buffer) {
            Varint::Partial => return Ok(None),
            Varint::Invalid => return Err(CarError::Varint),
            Varint::Complete { value, len } => (value, len),
        };
        // The limit is checked before anything is awaited, so that the buffer stays bounded.
        let section = self.section_len(section)?;
        if self.buffer.len() - len < section {
            return Ok(None);
        }
        self.buffer.advance(len);
        let section = self.buffer.split_to(section);
        if self.seen_header {
            return read_block(&section).map(Some);
        }
        self.seen_header = true;
        read_header(&section).map(Some)
    }

    /// Checks that the file ended after a whole section and had a header.
    pub fn finish(&self) -> Result<(), CarError> {
        if self.seen_header && self.buffer.is_empty() { Ok(()) } else { Err(CarError::Truncated) }
    }

    fn section_len(&self, bytes: u64) -> Result<usize, CarError> {
        if !self.seen_header {
            let limit = self.limits.header_bytes;
            return fits(bytes, limit).ok_or(CarError::HeaderTooLarge { bytes, limit });
        }
        let Some(block) = bytes.checked_sub(Cid::BYTES as u64) else {
            return Err(CarError::SectionTooShort { bytes });
        };
        let limit = self.limits.block_bytes;
        let block = fits(block, limit).ok_or(CarError::BlockTooLarge { bytes: block, limit })?;
        Ok(Cid::BYTES + block)
    }
}

fn fits(bytes: u64, limit: usize) -> Option<usize> {
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= limit)
}

fn read_header(section: &[u8]) -> Result<CarItem, CarError> {
    let mut reader = Reader::new(section);
    if reader.map()? != 2 {
        return Err(CarError::HeaderFields);
    }
    reader.expect_key("roots")?;
    // Not reserved: the length is a claim, each root that is read is bounded by the header.
    let mut roots = Vec::new();
    for _ in 0..reader.array()? {
        roots.push(reader.cid()?);
    }
    reader.expect_key("version")?;
    let version = reader.uint()?;
    reader.end()?;
    if version != 1 {
        return Err(CarError::Version { version });
    }
    Ok(CarItem::Header { roots })
}

fn read_block(section: &[u8]) -> Result<CarItem, CarError> {
    let Some((cid, bytes)) = section.split_at_checked(Cid::BYTES) else {
        return Err(CarError::SectionTooShort { bytes: section.len() as u64 });
    };
    let cid = Cid::from_bytes(cid)?;
    if Cid::of(cid.codec(), bytes) != cid {
        return Err(CarError::HashMismatch { cid });
    }
    // Copied, so that a small block that is kept does not keep a large buffer alive.
    Ok(CarItem::Block { cid, bytes: Bytes::copy_from_slice(bytes) })
}
