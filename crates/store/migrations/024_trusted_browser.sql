-- Browsers on which the owner of an account has shown a second factor and is not asked for it again for a while. It counts
-- beside the right password only. Whatever changes what the account asks for takes the rows along.
CREATE TABLE trusted_browser (
  device BLOB NOT NULL,
  account INTEGER NOT NULL,
  since INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (device, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX trusted_browser_account ON trusted_browser (account);
CREATE INDEX trusted_browser_expires ON trusted_browser (expires_at);
