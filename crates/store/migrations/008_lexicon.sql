-- Published lexicons that were fetched and verified, as the records (DAG-CBOR) that they are. A cache: nothing is lost with it.
CREATE TABLE lexicon (
    nsid TEXT PRIMARY KEY,
    did TEXT NOT NULL,
    verified_at INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE INDEX lexicon_by_age ON lexicon (verified_at);
