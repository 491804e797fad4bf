-- The rev with which a generation of a repository took its place. The rows of an imported one have the rev of the commit
-- that came with them, so what has changed since a rev before this one cannot be told from the rows.
ALTER TABLE repo ADD COLUMN first_rev INTEGER NOT NULL DEFAULT 0;

-- Of present generations it is not known; an answer that is whole is right for every rev.
UPDATE repo SET first_rev = rev;
