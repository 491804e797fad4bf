-- What moderators noted when they let the account have invite codes, or not.
ALTER TABLE account ADD COLUMN invite_note TEXT;
