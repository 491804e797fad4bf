//! Where the bytes of blobs lie: `<shard>/<account id>/<cid>` below the blob folder.
//!
//! A file is complete from the moment it has its name: bytes are written to `tmp/`, synced, and
//! then renamed. Everything here blocks and belongs on a blocking thread.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cairn_model::Cid;
use tempfile::NamedTempFile;
use tokio::sync::RwLock;

use crate::AccountId;

const TEMP_FOLDER: &str = "tmp";

/// The blob folder.
#[derive(Clone, Debug)]
pub(crate) struct BlobFolder {
    root: PathBuf,
    gate: Arc<RwLock<()>>,
    /// The accounts whose folders this process has made durable.
    durable: Arc<Mutex<HashSet<AccountId>>>,
}

impl BlobFolder {
    /// Creates the folder when it is missing and removes what interrupted uploads left.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let folder = Self { root: root.to_owned(), gate: Arc::default(), durable: Arc::default() };
        let temp = folder.temp();
        if temp.exists() {
            fs::remove_dir_all(&temp)?;
        }
        fs::create_dir_all(&temp)?;
        sync_folder(root)?;
        Ok(folder)
    }

    /// Keeps files and rows together: an upload holds the gate shared from the moment its file gets
    /// its name until its row is written, a removal holds it alone from the check until the file is
    /// gone. The store has one process, so a lock in memory is enough.
    pub(super) fn gate(&self) -> &Arc<RwLock<()>> {
        &self.gate
    }

    /// A new file that vanishes when it is dropped without being placed.
    pub(super) fn new_temp(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.temp())
    }

    pub(crate) fn path(&self, account: AccountId, cid: &Cid) -> PathBuf {
        self.account(account).join(cid.to_string())
    }

    /// Gives the synced file its name, durably. A file of that name has the same content and is
    /// replaced, which also heals a damaged one.
    pub(super) fn place(
        &self,
        file: NamedTempFile,
        account: AccountId,
        cid: &Cid,
    ) -> io::Result<()> {
        let folder = self.account(account);
        self.prepare_account(account)?;
        file.persist(folder.join(cid.to_string())).map_err(|failed| failed.error)?;
        sync_folder(&folder)
    }

    /// Removes one file; a missing one is no error.
    pub(super) fn remove(&self, account: AccountId, cid: &Cid) -> io::Result<()> {
        ignore_missing(fs::remove_file(self.path(account, cid)))
    }

    /// Removes all files of an account; missing ones are no error.
    pub(crate) fn remove_account(&self, account: AccountId) -> io::Result<()> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
        ignore_missing(fs::remove_dir_all(self.account(account)))
    }

    /// The accounts that have a folder.
    pub(super) fn accounts(&self) -> io::Result<Vec<AccountId>> {
        let mut accounts = Vec::new();
        for shard in fs::read_dir(&self.root)? {
            let shard = shard?;
            if shard.file_name() == TEMP_FOLDER || !shard.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shard.path())? {
                let name = entry?.file_name();
                accounts
                    .extend(name.to_str().and_then(|name| name.parse().ok()).map(AccountId::new));
            }
        }
        accounts.sort_unstable();
        Ok(accounts)
    }

    /// The files of an account that were written before `written_before`. Files that are not
    /// named by a CID are not ours and left out.
    pub(super) fn files_of(
        &self,
        account: AccountId,
        written_before: SystemTime,
    ) -> io::Result<Vec<Cid>> {
        let mut cids = Vec::new();
        for entry in fs::read_dir(self.account(account))? {
            let entry = entry?;
            let Some(cid) = entry.file_name().to_str().and_then(|name| Cid::parse(name).ok())
            else {
                continue;
            };
            if entry.metadata()?.modified()? < written_before {
                cids.push(cid);
            }
        }
        Ok(cids)
    }

    fn account(&self, account: AccountId) -> PathBuf {
        self.root.join(format!("{:02x}", account.get() & 0xff)).join(account.get().to_string())
    }

    fn temp(&self) -> PathBuf {
        self.root.join(TEMP_FOLDER)
    }

    /// Makes an account's folder durable. Returns whether there was anything to do.
    ///
    /// A folder that is there may still be lost in a power cut: another upload may have made it a
    /// moment ago and not synced it yet.
    fn prepare_account(&self, account: AccountId) -> io::Result<bool> {
        let folder = self.account(account);
        let durable = || self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable().contains(&account) && folder.exists() {
            return Ok(false);
        }
        fs::create_dir_all(&folder)?;
        if let Some(shard) = folder.parent() {
            sync_folder(shard)?;
        }
        sync_folder(&self.root)?;
        durable().insert(account);
        Ok(true)
    }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_another_upload_made_is_synced_too() {
        let root = tempfile::tempdir().unwrap();
        let folder = BlobFolder::open(root.path()).unwrap();
        let account = AccountId::new(7);
        // As the other upload does, before it syncs.
        fs::create_dir_all(folder.account(account)).unwrap();
        assert!(folder.prepare_account(account).unwrap());
        assert!(!folder.prepare_account(account).unwrap());
        folder.remove_account(account).unwrap();
        assert!(folder.prepare_account(account).unwrap());
        assert!(folder.account(account).is_dir());
    }
}
