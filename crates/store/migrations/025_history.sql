-- What happened around signing in to an account, for its owner: bounded by number and age, and gone with the account. `since`
-- and `times` fold what repeats itself into its newest row.
CREATE TABLE history (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  since INTEGER NOT NULL,
  times INTEGER NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  user_agent TEXT,
  ip TEXT,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_at ON history (at);
