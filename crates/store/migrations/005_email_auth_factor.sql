-- Whether signing in with the account's own password needs a mailed code too.
ALTER TABLE account ADD COLUMN email_auth_factor INTEGER NOT NULL DEFAULT 0;
