-- Whether the access token of a session was used since the refresh that made it: then the answer to that refresh has arrived,
-- and the refresh token before is a copy. Sessions from before count as used.
ALTER TABLE oauth_session ADD COLUMN access_used INTEGER NOT NULL DEFAULT 1;
