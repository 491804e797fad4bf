-- People who have asked for an account and wait for the operator's answer, in the order of asking. They hold their handle
-- and address, and `account` is the id that their account will have.
CREATE TABLE applicant (
  account INTEGER PRIMARY KEY,
  did TEXT NOT NULL UNIQUE,
  handle TEXT COLLATE NOCASE UNIQUE,
  email TEXT COLLATE NOCASE UNIQUE,
  password_hash TEXT,
  sealed_key BLOB NOT NULL,
  -- The operation that registers the DID, as JSON; null for a DID that is brought along, or hosted here.
  genesis TEXT,
  -- Whether the account is live once it is approved; not one that moves here.
  activates INTEGER NOT NULL,
  -- Whether the operation may have reached the directory.
  registering INTEGER NOT NULL DEFAULT 0,
  asked_at INTEGER NOT NULL
) STRICT;
