-- Accounts, sessions, credentials and blobs. Instants are microseconds since the Unix epoch.

-- The id is never reused: blob folders and cached rows are named by it.
CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  did TEXT NOT NULL UNIQUE,
  handle TEXT COLLATE NOCASE UNIQUE,
  email TEXT COLLATE NOCASE UNIQUE,
  email_confirmed_at INTEGER,
  password_hash TEXT,
  created_at INTEGER NOT NULL,
  deactivated_at INTEGER,
  delete_after INTEGER,
  suspended_at INTEGER,
  takedown_ref TEXT,
  invites_disabled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX account_delete_after ON account (delete_after) WHERE delete_after IS NOT NULL;

-- Accounts whose rows left the lookups and whose bulk still has to be removed.
CREATE TABLE account_deletion (
  account INTEGER PRIMARY KEY,
  did TEXT NOT NULL,
  requested_at INTEGER NOT NULL
) STRICT;

-- The sealed private key of each account.
CREATE TABLE signing_key (
  account INTEGER PRIMARY KEY,
  did_key TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- Keys handed out before their account exists. `did` is null for keys reserved without one.
CREATE TABLE reserved_key (
  did_key TEXT PRIMARY KEY,
  did TEXT UNIQUE,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX reserved_key_created ON reserved_key (created_at);

-- The server's own secrets, sealed.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- One row per sign-in: the family of refresh tokens that descend from it.
CREATE TABLE session (
  id BLOB PRIMARY KEY,
  account INTEGER NOT NULL,
  token_hash BLOB NOT NULL,
  app_password TEXT,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  user_agent TEXT,
  ip TEXT
) STRICT;

CREATE INDEX session_account ON session (account, created_at);
CREATE INDEX session_expires ON session (expires_at);

-- Refresh tokens that were exchanged and are still within their grace.
CREATE TABLE rotated_token (
  session BLOB NOT NULL,
  token_hash BLOB NOT NULL,
  usable_until INTEGER NOT NULL,
  PRIMARY KEY (session, token_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX rotated_token_usable ON rotated_token (usable_until);

CREATE TABLE app_password (
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  privileged INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE invite_code (
  code TEXT COLLATE NOCASE PRIMARY KEY,
  available_uses INTEGER NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  for_account TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX invite_code_owner ON invite_code (for_account, created_at);
CREATE INDEX invite_code_created ON invite_code (created_at, code);

CREATE TABLE invite_code_use (
  code TEXT COLLATE NOCASE NOT NULL,
  used_by TEXT NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (code, used_by)
) STRICT, WITHOUT ROWID;

CREATE INDEX invite_code_use_account ON invite_code_use (used_by);

-- One valid token per purpose and account; the newest replaces the one before.
CREATE TABLE mail_token (
  account INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (account, purpose)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX mail_token_hash ON mail_token (purpose, token_hash);

CREATE TABLE preference (
  account INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

-- What is known of the bytes that lie in the blob folder.
--   temporary_since   set until a record refers to the blob
--   unreferenced_since set when the last reference went; the bytes go some time later
CREATE TABLE blob (
  account INTEGER NOT NULL,
  cid BLOB NOT NULL,
  mime_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  temporary_since INTEGER,
  unreferenced_since INTEGER,
  takedown_ref TEXT,
  PRIMARY KEY (account, cid)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_temporary ON blob (temporary_since) WHERE temporary_since IS NOT NULL;
CREATE INDEX blob_unreferenced ON blob (unreferenced_since) WHERE unreferenced_since IS NOT NULL;
