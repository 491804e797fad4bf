-- did:web identities of accounts that were deleted. Whoever has the host name has such a DID, so nobody may have it after
-- its first owner.
CREATE TABLE retired_did (
    did TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
