//! Recovery codes: for who has lost the other factors. Each works once. Only keyed hashes are stored, since the codes are
//! short enough to be searched through otherwise.

use data_encoding::BASE32_NOPAD;
use rusqlite::{Connection, params};

use crate::{AccountId, HistoryKind, MasterKey, SessionClient, Store, StoreError, history};

/// Codes that are made at once.
const CODES: usize = 10;
const LETTERS: usize = 10;

impl Store {
    /// Makes the recovery codes of an account, `xxxxx-xxxxx`; those before are void. They cannot be read again.
    pub async fn replace_recovery_codes(
        &self,
        account: AccountId,
        client: SessionClient,
    ) -> Result<Vec<String>, StoreError> {
        let codes: Vec<String> = (0..CODES).map(|_| random_code()).collect();
        let hashes: Vec<[u8; 32]> =
            codes.iter().map(|code| hash(self.master_key(), account, code)).collect();
        self.write_tx(move |tx| {
            tx.prepare_cached("DELETE FROM recovery_code WHERE account = ?1")?
                .execute([account.get()])?;
            for hash in &hashes {
                tx.prepare_cached(
                    "INSERT OR IGNORE INTO recovery_code (account, code_hash) VALUES (?1, ?2)",
                )?
                .execute(params![account.get(), hash])?;
            }
            history::note(tx, account, HistoryKind::RecoveryCodesRenewed, "", &client)
        })
        .await?;
        let dash = |code: &String| format!("{}-{}", &code[..LETTERS / 2], &code[LETTERS / 2..]);
        Ok(codes.iter().map(dash).collect())
    }

    /// Uses a recovery code, written in any case, with or without the dash. Returns false if it is not one of the
    /// account's or was used before.
    pub async fn use_recovery_code(
        &self,
        account: AccountId,
        code: &str,
    ) -> Result<bool, StoreError> {
        let Some(code) = canonical(code) else { return Ok(false) };
        let hash = hash(self.master_key(), account, &code);
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE recovery_code SET used_at = ?3
                     WHERE account = ?1 AND code_hash = ?2 AND used_at IS NULL",
                )?
                .execute(params![account.get(), hash, tx.now_micros()])?
                > 0)
        })
        .await
    }
}

/// Removes the codes of an account that has nothing left that they could stand for, inside a transaction.
pub(super) fn drop_needless_codes(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    if !super::count(conn, account)?.are_needed() {
        conn.prepare_cached("DELETE FROM recovery_code WHERE account = ?1")?
            .execute([account.get()])?;
    }
    Ok(())
}

fn random_code() -> String {
    let mut code = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<7>()).to_lowercase();
    code.truncate(LETTERS);
    code
}

/// The letters alone in lower case; none when the text is no recovery code.
fn canonical(text: &str) -> Option<String> {
    let letters: String =
        text.chars().filter(|c| *c != '-' && !c.is_whitespace()).take(LETTERS + 1).collect();
    let fits = letters.len() == LETTERS && letters.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| letters.to_ascii_lowercase())
}

fn hash(key: &MasterKey, account: AccountId, letters: &str) -> [u8; 32] {
    let message = format!("{}\0{letters}", account.get());
    key.keyed_hash("recovery code", message.as_bytes())
}
