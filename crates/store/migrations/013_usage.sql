-- What each account takes of the disk, and how much it may take.
--
-- The bytes of a repository belong to its generation and change in the statement that moves its head. Those of blobs are kept by
-- triggers, so that whatever adds or removes a row of `blob` counts. A quota is null where the server's default holds, 0 where
-- there is none.
ALTER TABLE repo ADD COLUMN record_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repo ADD COLUMN node_bytes INTEGER NOT NULL DEFAULT 0;

UPDATE repo SET record_bytes = found.records, node_bytes = found.nodes
FROM (SELECT repo,
             sum(iif(layer = 255, length(bytes), 0)) AS records,
             sum(iif(layer = 255, 0, length(bytes))) AS nodes
      FROM tree GROUP BY repo) AS found
WHERE repo.id = found.repo;

ALTER TABLE account ADD COLUMN blob_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN blob_quota INTEGER;
ALTER TABLE account ADD COLUMN repo_quota INTEGER;

UPDATE account SET blob_bytes =
    (SELECT coalesce(sum(size), 0) FROM blob WHERE blob.account = account.id);

CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
    UPDATE account SET blob_bytes = blob_bytes + NEW.size WHERE id = NEW.account;
END;

CREATE TRIGGER blob_removed AFTER DELETE ON blob BEGIN
    UPDATE account SET blob_bytes = blob_bytes - OLD.size WHERE id = OLD.account;
END;

CREATE TRIGGER blob_resized AFTER UPDATE OF size ON blob BEGIN
    UPDATE account SET blob_bytes = blob_bytes - OLD.size + NEW.size WHERE id = NEW.account;
END;
