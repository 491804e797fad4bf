//! Blocks by CID in memory: what a proof or an event carries.

use std::collections::HashMap;
use std::convert::Infallible;

use bytes::Bytes;
use cairn_model::Cid;

use crate::car::{CarError, CarItem, CarReader};
use crate::tree::NodeSource;
use crate::walk::BlockSource;

/// Verified blocks of a small CAR, such as an event's or a proof's.
#[derive(Debug, Clone, Default)]
pub struct BlockMap {
    blocks: HashMap<Cid, Bytes>,
}

/// Why bytes are not a CAR of the expected shape.
#[derive(Debug, thiserror::Error)]
pub enum BlockMapError {
    #[error("car is not valid")]
    Car(#[from] CarError),
    #[error("car has {roots} roots instead of one")]
    Roots { roots: usize },
}

impl BlockMap {
    /// Reads a whole CAR with exactly one root. Each block's hash is checked.
    pub fn from_car(car: &[u8]) -> Result<(Cid, Self), BlockMapError> {
        let mut reader = CarReader::new();
        reader.push(car);
        let mut blocks = Self::default();
        let mut root = None;
        while let Some(item) = reader.next()? {
            match item {
                CarItem::Header { roots } => match roots.as_slice() {
                    [only] => root = Some(*only),
                    others => return Err(BlockMapError::Roots { roots: others.len() }),
                },
                CarItem::Block { cid, bytes } => {
                    blocks.insert(cid, bytes);
                }
            }
        }
        reader.finish()?;
        let root = root.ok_or(BlockMapError::Roots { roots: 0 })?;
        Ok((root, blocks))
    }

    /// Adds a block. The caller vouches for the CID.
    pub fn insert(&mut self, cid: Cid, bytes: Bytes) {
        self.blocks.insert(cid, bytes);
    }

    pub fn get(&self, cid: &Cid) -> Option<&Bytes> {
        self.blocks.get(cid)
    }

    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Cid, &Bytes)> {
        self.blocks.iter()
    }
}

impl FromIterator<(Cid, Bytes)> for BlockMap {
    fn from_iter<I: IntoIterator<Item = (Cid, Bytes)>>(blocks: I) -> Self {
        Self { blocks: blocks.into_iter().collect() }
    }
}

impl Extend<(Cid, Bytes)> for BlockMap {
    fn extend<I: IntoIterator<Item = (Cid, Bytes)>>(&mut self, blocks: I) {
        self.blocks.extend(blocks);
    }
}

impl NodeSource for BlockMap {
    type Error = Infallible;

    fn node(&self, _lo: &str, _layer: u8, cid: &Cid) -> Result<Option<Bytes>, Infallible> {
        Ok(self.blocks.get(cid).cloned())
    }
}

impl BlockSource for BlockMap {
    type Error = Infallible;

    fn block(&mut self, cid: &Cid) -> Result<Option<Bytes>, Infallible> {
        Ok(self.blocks.get(cid).cloned())
    }
}
