-- Keys that are on their way into the DID documents of accounts which still sign with another. They go when the account
-- signs with one of them, or when it is sure that no document will name them.
CREATE TABLE pending_key (
    account INTEGER NOT NULL,
    did_key TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, did_key)
) STRICT, WITHOUT ROWID;
