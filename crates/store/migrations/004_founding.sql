-- DIDs that are being registered for accounts which are still to be made. A row that is left over names a DID without an
-- account. It goes with the making of the account.
CREATE TABLE founding (
    did TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
