-- Accounts on their way here from another server. `session` is sealed. Times are in microseconds since 1970.
CREATE TABLE move (
    account INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    session BLOB,
    session_until INTEGER,
    step TEXT NOT NULL,
    running INTEGER NOT NULL,
    trouble TEXT,
    detail TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL
) STRICT;
