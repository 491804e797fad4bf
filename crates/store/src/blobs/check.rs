//! Whether the files of blobs are what their rows say.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cairn_model::{Cid, Codec};

use sha2::{Digest, Sha256};

use super::rows;
use super::upload::blocking;
use crate::{AccountId, Store, StoreError};

const PAGE: u32 = 256;
const BUFFER_BYTES: usize = 256 * 1024;

/// What is wrong with a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobProblem {
    pub account: AccountId,
    pub cid: Cid,
    pub fault: BlobFault,
}

/// How a file differs from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobFault {
    MissingFile,
    WrongSize { expected: u64, found: u64 },
    WrongContent,
}

impl Store {
    /// Compares the files of an account's blobs with their rows; with `read_content`, also each
    /// file's hash with its CID.
    pub async fn check_blobs(
        &self,
        account: AccountId,
        read_content: bool,
    ) -> Result<Vec<BlobProblem>, StoreError> {
        let mut problems = Vec::new();
        let mut cursor = None;
        loop {
            let page =
                self.read_one(move |tx| rows::sizes(tx, account, cursor.as_ref(), PAGE)).await?;
            let Some((last, _)) = page.last() else {
                return Ok(problems);
            };
            cursor = Some(*last);
            let folder = self.blob_folder().clone();
            let found = blocking(move || {
                let mut problems = Vec::new();
                for (cid, size) in page {
                    let fault = fault(&folder.path(account, &cid), &cid, size, read_content)?;
                    problems.extend(fault.map(|fault| BlobProblem { account, cid, fault }));
                }
                Ok(problems)
            })
            .await?;
            problems.extend(self.still_there(found).await?);
        }
    }

    /// A blob may be removed while it is checked; that is no problem.
    async fn still_there(
        &self,
        problems: Vec<BlobProblem>,
    ) -> Result<Vec<BlobProblem>, StoreError> {
        let mut real = Vec::new();
        for problem in problems {
            if self.blob_info(problem.account, problem.cid).await?.is_some() {
                real.push(problem);
            }
        }
        Ok(real)
    }
}

fn fault(path: &Path, cid: &Cid, expected: u64, read: bool) -> io::Result<Option<BlobFault>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(BlobFault::MissingFile));
        }
        Err(error) => return Err(error),
    };
    let found = file.metadata()?.len();
    if found != expected {
        return Ok(Some(BlobFault::WrongSize { expected, found }));
    }
    if read && hash(&mut file)? != *cid {
        return Ok(Some(BlobFault::WrongContent));
    }
    Ok(None)
}

fn hash(file: &mut File) -> io::Result<Cid> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(Cid::new(Codec::Raw, hasher.finalize().into()));
        }
        hasher.update(&buffer[..length]);
    }
}
