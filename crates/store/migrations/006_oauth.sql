-- Browsers that are signed in, and what OAuth clients were allowed. Instants are microseconds since the Unix epoch; tokens,
-- codes and cookies are SHA-256 hashes.

-- A browser. `previous_hash` is the cookie value before this one: requests that were under way still bring it.
CREATE TABLE device (
  id BLOB PRIMARY KEY,
  secret_hash BLOB NOT NULL UNIQUE,
  previous_hash BLOB,
  previous_until INTEGER,
  user_agent TEXT,
  ip TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX device_previous ON device (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX device_expires ON device (expires_at);

CREATE TABLE device_account (
  device BLOB NOT NULL,
  account INTEGER NOT NULL,
  signed_in_at INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  factors TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (device, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_account_account ON device_account (account);
CREATE INDEX device_account_expires ON device_account (expires_at);

-- A pushed authorization request. `account`, `scope` and `code_hash` are set when it is granted; the use of the code turns
-- the row into a session.
CREATE TABLE oauth_request (
  id_hash BLOB PRIMARY KEY,
  client_id TEXT NOT NULL,
  client_auth TEXT NOT NULL,
  parameters TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  device BLOB,
  account INTEGER,
  scope TEXT,
  code_hash BLOB
) STRICT;

CREATE UNIQUE INDEX oauth_request_code ON oauth_request (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX oauth_request_account ON oauth_request (account) WHERE account IS NOT NULL;
CREATE INDEX oauth_request_expires ON oauth_request (expires_at);

-- Hashes of code challenges with their client: each serves once.
CREATE TABLE code_challenge (
  hash BLOB PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX code_challenge_expires ON code_challenge (expires_at);

-- What a client was allowed. `scope` is what the account's owner agreed to, `granted` the same with permission sets written
-- out. `refresh_hash` is null for clients without refresh tokens.
CREATE TABLE oauth_session (
  id BLOB PRIMARY KEY,
  account INTEGER NOT NULL,
  client_id TEXT NOT NULL,
  client_auth TEXT NOT NULL,
  parameters TEXT NOT NULL,
  scope TEXT NOT NULL,
  granted TEXT NOT NULL,
  jkt TEXT NOT NULL,
  device BLOB,
  code_hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  access_hash BLOB NOT NULL UNIQUE,
  access_expires_at INTEGER NOT NULL,
  refresh_hash BLOB,
  refresh_expires_at INTEGER
) STRICT;

CREATE INDEX oauth_session_account ON oauth_session (account, updated_at);
CREATE INDEX oauth_session_end ON oauth_session (coalesce(refresh_expires_at, access_expires_at));

-- Scopes that an account's owner has agreed to for a client.
CREATE TABLE authorized_client (
  account INTEGER NOT NULL,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (account, client_id)
) STRICT, WITHOUT ROWID;
