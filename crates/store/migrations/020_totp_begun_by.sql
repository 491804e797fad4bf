-- The browser on which a one-time code secret was begun: no other shows it, or confirms it.

ALTER TABLE totp ADD COLUMN begun_by BLOB;
