//! Housekeeping in small steps: the writer serves others in between.

use crate::{Store, StoreError};

/// Rows that one step removes.
pub(crate) const STEP: usize = 500;

impl Store {
    /// Removes the rows of a table whose end, an expression over its columns, is not after `until` (microseconds since
    /// 1970). Returns how many.
    pub(crate) async fn remove_ended(
        &self,
        table: &'static str,
        key: &'static str,
        end: &'static str,
        until: i64,
    ) -> Result<usize, StoreError> {
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (
               SELECT {key} FROM {table} WHERE {end} <= ?1 LIMIT {STEP})"
        );
        let mut total = 0;
        loop {
            let sql = sql.clone();
            let removed: usize = self
                .write_tx(move |tx| Ok::<_, StoreError>(tx.prepare_cached(&sql)?.execute([until])?))
                .await?;
            total += removed;
            if removed < STEP {
                return Ok(total);
            }
        }
    }
}
