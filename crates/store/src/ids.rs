//! Row numbers that have a meaning outside their table.

/// Names an account inside this store. It is never reused and never leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(i64);

impl AccountId {
    /// The account with this row number.
    pub fn new(id: i64) -> AccountId {
        AccountId(id)
    }

    /// The row number.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// Names one generation of an account's repository: an import makes a new one. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RepoId(pub(crate) i64);
