-- Whether an account was brought along and has not lived here yet. Its deletion is a matter of where its identity says that it
-- lives, not of its date alone. Rows of one transaction have one time, so accounts that came so and are as they came are known.
ALTER TABLE account ADD COLUMN arriving INTEGER NOT NULL DEFAULT 0;
UPDATE account SET arriving = 1 WHERE deactivated_at = created_at;
