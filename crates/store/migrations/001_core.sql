-- Repositories, their trees, and the event log.
--
-- A row of `repo` is one generation of an account's repository: an import builds a new generation beside the
-- current one and takes its place in one small transaction. CIDs of records and nodes are always dag-cbor with
-- sha2-256, so only the 32-byte digest is stored. CIDs of blobs are stored in their 36-byte form.
-- A rev is stored as the integer behind the TID; text is compared bytewise.

CREATE TABLE repo (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    -- 0 staged by an import, 1 current, 2 to be removed
    state INTEGER NOT NULL,
    head BLOB NOT NULL,
    rev INTEGER NOT NULL,
    data BLOB NOT NULL,
    layer INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX repo_current ON repo (account) WHERE state = 1;
CREATE INDEX repo_leftover ON repo (state) WHERE state <> 1;

-- Records and nodes together, in the order of an export. A node stands at (key, layer), where its key is the nearest one
-- to its left on a higher layer. A record stands at its own key, with 255 for a layer: before the nodes there. A record
-- and the lowest node that holds it are close, mostly on the same page, so a write touches few pages.
CREATE TABLE tree (
    repo INTEGER NOT NULL,
    key TEXT NOT NULL,
    layer INTEGER NOT NULL,
    cid BLOB NOT NULL,
    rev INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (repo, key, layer DESC)
) STRICT, WITHOUT ROWID;

CREATE VIEW record (repo, path, cid, rev, bytes) AS
    SELECT repo, key, cid, rev, bytes FROM tree WHERE layer = 255;

CREATE VIEW node (repo, lo, layer, cid, rev, bytes) AS
    SELECT repo, key, layer, cid, rev, bytes FROM tree WHERE layer < 255;

-- Which record refers to which blob.
CREATE TABLE blob_ref (
    repo INTEGER NOT NULL,
    path TEXT NOT NULL,
    cid BLOB NOT NULL,
    PRIMARY KEY (repo, path, cid)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_ref_cid ON blob_ref (repo, cid);

-- What a follow, block, like or repost points at: the rule against duplicates looks here.
CREATE TABLE backlink (
    repo INTEGER NOT NULL,
    collection TEXT NOT NULL,
    target TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (repo, collection, target, path)
) STRICT, WITHOUT ROWID;

-- Collections that hold at least one record.
CREATE TABLE collection (
    repo INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (repo, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX collection_name ON collection (name, repo);

-- Records that moderation hides. They outlive an import, so they are kept by account.
CREATE TABLE record_takedown (
    account INTEGER NOT NULL,
    path TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (account, path)
) STRICT, WITHOUT ROWID;

-- The firehose: `frame` holds the bytes that go on the socket. `at` is in microseconds since 1970. The newest row is
-- never removed, so that the sequence does not go back.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    frame BLOB NOT NULL
) STRICT;

-- Events of deleted accounts up to `seq` are hidden at once and removed in the background.
CREATE TABLE event_purge (
    account INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;
