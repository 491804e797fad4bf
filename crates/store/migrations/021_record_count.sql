-- How many records a repository has. It changes in the statement that moves the head, as the bytes do: counting the rows of a
-- large repository reads all of it.

ALTER TABLE repo ADD COLUMN record_count INTEGER NOT NULL DEFAULT 0;

UPDATE repo SET record_count = found.records
FROM (SELECT repo, count(*) AS records FROM tree WHERE layer = 255 GROUP BY repo) AS found
WHERE repo.id = found.repo;
