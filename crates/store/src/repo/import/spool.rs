//! The blocks of a CAR in a temporary file, found by their CID.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use cairn_model::Cid;
use cairn_repo::car::{CarItem, CarReader};
use cairn_repo::walk::BlockSource;

use super::ImportError;
use crate::error::StoreError;
use crate::space::Space;

const BUFFER_BYTES: usize = 256 * 1024;

/// How often the disk is asked whether it has room for more.
const LOOK_BYTES: u64 = 8 << 20;

/// Of an entry's second number, the bits that hold the length of the block; the rest is where it
/// begins. A reader takes no block of 2^24 bytes, and no file has 2^40.
const LENGTH_BITS: u32 = 24;

/// Takes a CAR in parts.
pub(super) struct Spool {
    reader: CarReader,
    file: BufWriter<File>,
    written: u64,
    space: Space,
    /// What was written when the disk was last looked at.
    looked_at: u64,
    root: Option<Cid>,
    index: Vec<Entry>,
}

/// Where a block lies: 16 bytes for each, since a repository has millions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The first eight bytes of the digest.
    prefix: u64,
    place: u64,
}

impl Spool {
    /// The file has no name, so it goes when the process does.
    pub(super) fn new(dir: &Path, space: Space) -> Result<Spool, StoreError> {
        let file = tempfile::tempfile_in(dir)?;
        Ok(Spool {
            reader: CarReader::new(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            written: 0,
            space,
            looked_at: 0,
            root: None,
            index: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), ImportError> {
        self.reader.push(chunk);
        while let Some(item) = self.reader.next()? {
            match item {
                CarItem::Header { roots } => {
                    let [root] = roots.as_slice() else {
                        return Err(ImportError::Roots { count: roots.len() });
                    };
                    self.root = Some(*root);
                }
                CarItem::Block { cid, bytes } => self.block(&cid, &bytes)?,
            }
        }
        Ok(())
    }

    fn block(&mut self, cid: &Cid, bytes: &[u8]) -> Result<(), StoreError> {
        let length = bytes.len() as u64;
        if self.written - self.looked_at >= LOOK_BYTES {
            self.space.for_data(LOOK_BYTES)?;
            self.looked_at = self.written;
        }
        let place = (self.written << LENGTH_BITS) | length;
        self.index.push(Entry { prefix: prefix(cid), place });
        self.file.write_all(&cid.to_bytes())?;
        self.file.write_all(bytes)?;
        self.written += Cid::BYTES as u64 + length;
        Ok(())
    }

    /// The CAR has ended.
    pub(super) fn finish(mut self) -> Result<Blocks, ImportError> {
        self.reader.finish()?;
        let root = self.root.ok_or(ImportError::Roots { count: 0 })?;
        self.index.sort_unstable();
        let file = self.file.into_inner().map_err(|err| StoreError::from(err.into_error()))?;
        Ok(Blocks { root, bytes: self.written, file, index: self.index })
    }
}

/// The blocks of a whole CAR.
pub(super) struct Blocks {
    pub(super) root: Cid,
    /// What they take together.
    pub(super) bytes: u64,
    file: File,
    index: Vec<Entry>,
}

impl BlockSource for Blocks {
    type Error = StoreError;

    fn block(&mut self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        let wanted = prefix(cid);
        let from = self.index.partition_point(|entry| entry.prefix < wanted);
        let same = self.index.get(from..).unwrap_or_default().iter();
        for entry in same.take_while(|entry| entry.prefix == wanted) {
            let length = usize::try_from(entry.place & ((1 << LENGTH_BITS) - 1))
                .map_err(|_| StoreError::Damaged { what: "spool" })?;
            let mut section = vec![0; Cid::BYTES + length];
            self.file.read_exact_at(&mut section, entry.place >> LENGTH_BITS)?;
            let section = Bytes::from(section);
            if section.starts_with(&cid.to_bytes()) {
                return Ok(Some(section.slice(Cid::BYTES..)));
            }
        }
        Ok(None)
    }
}

fn prefix(cid: &Cid) -> u64 {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&cid.digest()[..8]);
    u64::from_be_bytes(prefix)
}
