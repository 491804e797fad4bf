-- Passkeys in the place of a password.

-- Whether the authenticator has found the passkey without being told which: only then, and if it has checked its owner, does it
-- open the account alone. Of passkeys that are there it is not known until they are used so once.
ALTER TABLE passkey ADD COLUMN discoverable INTEGER NOT NULL DEFAULT 0;

-- What authenticators call an account whose first passkey was made before it. Others are called by a hash of their id.
CREATE TABLE passkey_user (
  account INTEGER PRIMARY KEY,
  user_handle BLOB NOT NULL
) STRICT;
