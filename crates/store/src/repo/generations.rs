//! Removing generations that nobody reads any more: replaced by an import, left by one that did not
//! finish, or of a deleted account.

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;

/// Rows that one step removes.
const ROWS: i64 = 1_000;

/// The tables whose rows belong to a generation, with the columns of their keys.
const TABLES: [(&str, &str); 4] = [
    ("tree", "repo, key, layer"),
    ("blob_ref", "repo, path, cid"),
    ("backlink", "repo, collection, target, path"),
    ("collection", "repo, name"),
];

/// Gives up staged generations: after a start none is being filled.
pub(crate) fn abandon_staged(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("UPDATE repo SET state = 2 WHERE state = 0 AND state <> 1", [])?;
    Ok(())
}

/// Removes some rows of a dead generation. Returns whether there may be more.
pub(crate) fn remove_some(conn: &Connection) -> Result<bool, StoreError> {
    let dead: Option<i64> = conn
        .prepare_cached("SELECT id FROM repo WHERE state = 2 AND state <> 1 LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(repo) = dead else { return Ok(false) };
    for (table, key) in TABLES {
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN
             (SELECT {key} FROM {table} WHERE repo = ?1 LIMIT ?2)"
        );
        if conn.prepare_cached(&sql)?.execute((repo, ROWS))? > 0 {
            return Ok(true);
        }
    }
    conn.prepare_cached("DELETE FROM repo WHERE id = ?1")?.execute([repo])?;
    Ok(true)
}
