-- What the operator's lists look for, in their order.
CREATE INDEX account_taken_down ON account (id) WHERE takedown_ref IS NOT NULL;
CREATE INDEX account_suspended ON account (id) WHERE suspended_at IS NOT NULL;
CREATE INDEX account_deactivated ON account (id) WHERE deactivated_at IS NOT NULL;
CREATE INDEX account_blob_bytes ON account (blob_bytes, id);
CREATE INDEX blob_taken_down ON blob (account, cid) WHERE takedown_ref IS NOT NULL;
