-- Whether a passkey has shown that it checks its owner (PIN, fingerprint), together with the password or when it was made by
-- somebody signed in. Without that it does not open the account alone: who finds a bare key can give it a PIN of their own.

ALTER TABLE passkey ADD COLUMN uv_initialized INTEGER NOT NULL DEFAULT 0;
