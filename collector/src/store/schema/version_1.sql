-- Times are milliseconds since 1970. `project` is the number of a project, `change` the number of a row's last change.

CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE
) STRICT;

-- Watermarks of the log. `seq` is the number of the newest event: it is stored here so that no number is assigned twice, even after the
-- newest event was erased. Events up to `trimmed_until` have expired; up to `compacted_until` the state no longer needs them.
CREATE TABLE log_head (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    seq INTEGER NOT NULL,
    trimmed_until INTEGER NOT NULL DEFAULT 0,
    compacted_until INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO log_head (singleton, seq) VALUES (1, 0);

-- The log. A row holds events of one project with consecutive numbers, `last_seq - slots + 1` to `last_seq`. `received_at` is the newest
-- receive time in it.
CREATE TABLE segment (
    last_seq INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES project (id),
    slots INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX segment_by_project ON segment (project);

-- The deduplication index: the UUID of each event in two halves, and the event's number.
CREATE TABLE event_id (
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    project INTEGER NOT NULL REFERENCES project (id),
    seq INTEGER NOT NULL,
    PRIMARY KEY (high, low, project)
) STRICT, WITHOUT ROWID;

-- Copies of the events from which the state is derived: cart events (event_group 1) and profile events (event_group 2). A row stays after
-- its event has left the log, until the state is compacted.
CREATE TABLE state_event (
    seq INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES project (id),
    event_group INTEGER NOT NULL,
    visitor TEXT,
    email TEXT,
    time INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    store TEXT,
    params TEXT NOT NULL,
    CHECK ((visitor IS NULL) <> (email IS NULL))
) STRICT;
CREATE INDEX state_event_by_visitor ON state_event (project, visitor, event_group, time) WHERE visitor IS NOT NULL;
CREATE INDEX state_event_by_email ON state_event (project, email, event_group, time) WHERE email IS NOT NULL;

-- The e-mails that a visitor gave, each with the time, the id and the number of the `identify` event. All are stored: which one applies
-- depends on the time of the event that is resolved, and for orders and returns of senders with a secret on its number.
CREATE TABLE identity_link (
    project INTEGER NOT NULL REFERENCES project (id),
    visitor TEXT NOT NULL,
    time INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    email TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (project, visitor, time, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_link_by_email ON identity_link (project, email, time);

-- The number of the newest change of the state. Each change of a row takes the next number, so a reader of the changes sees the row again.
CREATE TABLE change_head (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    change INTEGER NOT NULL
) STRICT;
INSERT INTO change_head (singleton, change) VALUES (1, 0);

-- `backend_fields` come from the back end. `page_fields` and `first_seen_at` are derived from the events of the customer. Columns named
-- `fields` and `…_fields` are last-writer-wins maps as JSON: name, then rank, time and value.
CREATE TABLE customer (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    backend_fields TEXT NOT NULL DEFAULT '{}',
    page_fields TEXT NOT NULL DEFAULT '{}',
    first_seen_at INTEGER,
    change INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_by_change ON customer (change);

-- Page fields and first time of customers whose events were deleted by compaction.
CREATE TABLE compacted_customer (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    page_fields TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE category (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    fields TEXT NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

-- `display_change` is the number of the last change of a field that line items of orders, carts and returns show.
CREATE TABLE product (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    fields TEXT NOT NULL,
    change INTEGER NOT NULL,
    display_change INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_by_display_change ON product (display_change);
CREATE INDEX product_by_change ON product (change);

-- The product of each product option.
CREATE TABLE product_option (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    product TEXT NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

-- The columns come from senders with a secret: `reporter` is the person of their earliest `order` event, `reported_at` its time
-- and `reported_seq` the number of the first event that named this person.
-- `status_times` maps each status to the earliest time at which the order had it. `is_signed` is 0 if only pages reported the order.
-- `is_replaced` is 1 if the owner imported an order with the id after the last write of a sender with a secret.
CREATE TABLE customer_order (
    project INTEGER NOT NULL REFERENCES project (id),
    id TEXT NOT NULL,
    fields TEXT NOT NULL,
    status_times TEXT NOT NULL,
    reporter TEXT,
    reported_at INTEGER,
    reported_seq INTEGER,
    email TEXT,
    created_at INTEGER,
    is_signed INTEGER NOT NULL,
    is_replaced INTEGER NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_order_by_reporter ON customer_order (project, reporter, reported_at) WHERE reporter IS NOT NULL;
CREATE INDEX customer_order_by_email ON customer_order (project, email, created_at) WHERE email IS NOT NULL;
CREATE INDEX customer_order_by_change ON customer_order (change);

-- What pages reported about orders. `seq` is the number of the event. `fields` is a JSON object; that of an `order_cancel` is empty.
CREATE TABLE order_report (
    project INTEGER NOT NULL REFERENCES project (id),
    order_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    time INTEGER NOT NULL,
    person TEXT NOT NULL,
    is_cancel INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (project, order_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_report_by_person ON order_report (project, person, time);

-- `id` and `seq` are the id and the number of the `order_return` event. `is_signed` is 0 if a page sent it.
CREATE TABLE order_return (
    project INTEGER NOT NULL REFERENCES project (id),
    id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    reporter TEXT,
    lines TEXT,
    is_signed INTEGER NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_return_by_order ON order_return (project, order_id);
CREATE INDEX order_return_by_reporter ON order_return (project, reporter, time) WHERE reporter IS NOT NULL;
CREATE INDEX order_return_by_change ON order_return (change);

-- `cart_id` is the id of the event that opened the cart, `owner` the person of the cart, `basket_id` the id that the shop assigned and
-- `updated_at` the time of the last change. A cart that was erased or merged into another one is `removed`. `is_compacted` is 1 if the
-- events of the cart are deleted, so the row must not be derived again.
CREATE TABLE cart (
    project INTEGER NOT NULL REFERENCES project (id),
    cart_id BLOB NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'placed', 'emptied', 'removed')),
    basket_id TEXT,
    updated_at INTEGER NOT NULL,
    content TEXT NOT NULL,
    is_compacted INTEGER,
    change INTEGER NOT NULL,
    PRIMARY KEY (project, cart_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cart_by_owner ON cart (project, owner, state);
CREATE INDEX cart_by_basket ON cart (project, basket_id, updated_at) WHERE basket_id IS NOT NULL;
CREATE INDEX cart_by_change ON cart (change);

-- Imported orders (carts included) and returns. `document` is the whole JSON document, compressed; that of an erased cart is empty. `email` is
-- the normalised e-mail of the customer, `order_id` the order of a return. Rows are in the order of their changes, so that an import appends.
CREATE TABLE imported_record (
    change INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES project (id),
    resource TEXT NOT NULL CHECK (resource IN ('orders', 'returns')),
    id TEXT NOT NULL,
    email TEXT,
    order_id TEXT,
    is_cart INTEGER NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX imported_record_by_id ON imported_record (project, resource, id);
CREATE INDEX imported_record_by_email ON imported_record (project, email) WHERE email IS NOT NULL;
CREATE INDEX imported_record_by_order ON imported_record (project, order_id) WHERE order_id IS NOT NULL;

-- Events that were erased: the number of the change and of the event, so that readers of the changes delete it too. An erasure also has a row
-- with the number 0. A row stays until the event would have expired.
CREATE TABLE erased_event (
    change INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

-- Written to test whether a disk that refused a write has space again.
CREATE TABLE disk_probe (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    bytes BLOB NOT NULL
) STRICT;

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
