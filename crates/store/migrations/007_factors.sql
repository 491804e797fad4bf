-- Second factors, and the operator's log.

-- The secret is sealed. `last_step` is the newest time step whose code was used.
CREATE TABLE totp (
  account INTEGER PRIMARY KEY,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  confirmed_at INTEGER,
  last_step INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE passkey (
  credential_id BLOB PRIMARY KEY,
  account INTEGER NOT NULL,
  public_key BLOB NOT NULL,
  sign_count INTEGER NOT NULL,
  name TEXT NOT NULL,
  transports TEXT NOT NULL,
  backed_up INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;

CREATE INDEX passkey_account ON passkey (account, created_at);

CREATE TABLE recovery_code (
  account INTEGER NOT NULL,
  code_hash BLOB NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (account, code_hash)
) STRICT, WITHOUT ROWID;

-- What operators, moderators and owners did to accounts. It outlives the accounts.
CREATE TABLE act (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE INDEX act_subject ON act (subject, id);
CREATE INDEX act_at ON act (at);
