-- The replicated log that the store follows: its identity, and the number of the last entry that was applied. Empty without such a log.
CREATE TABLE replica (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    log_group TEXT NOT NULL,
    applied INTEGER NOT NULL
) STRICT;

-- The ids of the newest entries that were applied, so that an entry that was published twice is applied once.
CREATE TABLE replica_entry (
    id BLOB PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replica_entry_by_number ON replica_entry (number);

-- Files of the data folder that are the same on all nodes, sealed. `version` is the number of the entry that changed the file last.
CREATE TABLE group_file (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
