-- Whether a passkey can be copied to other devices, as its authenticator said when it was made. It never changes.

ALTER TABLE passkey ADD COLUMN backup_eligible INTEGER NOT NULL DEFAULT 0;
