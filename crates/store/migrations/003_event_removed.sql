-- The last event that was removed for its age: who has seen less has missed something.
CREATE TABLE event_removed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
