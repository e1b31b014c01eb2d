-- A store of schema 1, the first one, as it was left by its server.
PRAGMA page_size = 8192;
CREATE TABLE project (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL UNIQUE
    ) STRICT;

    -- The number of the newest event, kept apart so that no number is given twice even if the newest event is erased.
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL
    ) STRICT;

    -- The log. Rows are only ever added, in the order of seq. Times are milliseconds since 1970.
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        project INTEGER NOT NULL REFERENCES project (id),
        id BLOB NOT NULL,
        type TEXT NOT NULL,
        api TEXT NOT NULL,
        time INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        visitor TEXT,
        email TEXT,
        session TEXT,
        store TEXT,
        page TEXT NOT NULL,
        params TEXT NOT NULL,
        step INTEGER,
        CHECK (visitor IS NULL OR email IS NULL)
    ) STRICT;
    CREATE UNIQUE INDEX event_once ON event (project, id);

    -- What people put into carts (step 1) and told of themselves (step 2); other events have no step and are in neither index. A list of
    -- types in place of the step would cost each event more than everything else.
    CREATE INDEX step_of_visitor ON event (project, visitor, step, time) WHERE step IS NOT NULL AND visitor IS NOT NULL;
    CREATE INDEX step_of_email ON event (project, email, step, time) WHERE step IS NOT NULL AND email IS NOT NULL;

    -- Which e-mail a visitor gave, and when. All are kept: which one counts depends on the event that asks.
    CREATE TABLE link (
        project INTEGER NOT NULL REFERENCES project (id),
        visitor TEXT NOT NULL,
        time INTEGER NOT NULL,
        event BLOB NOT NULL,
        email TEXT NOT NULL,
        PRIMARY KEY (project, visitor, time, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_of_email ON link (project, email, time);

    -- What is true of the shop now. Each change of a row takes the next number from `change_head`; who follows the changes sees each row
    -- again under its newest number. `told` holds fields as registers: name, rank, time, value.
    CREATE TABLE change_head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        change INTEGER NOT NULL
    ) STRICT;

    -- `told` is what the back end said; `heard` and `seen` follow from the events of the person.
    CREATE TABLE customer (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL DEFAULT '{}',
        heard TEXT NOT NULL DEFAULT '{}',
        seen INTEGER,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE category (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE product (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    -- Which product an option belongs to.
    CREATE TABLE option_of (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        product TEXT NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    -- `person` is who reported the order first, and `reported_at` when; `email` and `created_at` are the back end's. `statuses` tells
    -- when each status was first heard of.
    CREATE TABLE placed (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        statuses TEXT NOT NULL,
        person TEXT,
        reported_at INTEGER,
        email TEXT,
        created_at INTEGER,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX placed_by_person ON placed (project, person) WHERE person IS NOT NULL;
    CREATE INDEX placed_by_email ON placed (project, email) WHERE email IS NOT NULL;
    CREATE INDEX placed_by_change ON placed (change);

    -- `id` is the id of the event that told of the return.
    CREATE TABLE returned (
        project INTEGER NOT NULL REFERENCES project (id),
        id BLOB NOT NULL,
        placed TEXT NOT NULL,
        time INTEGER NOT NULL,
        person TEXT,
        lines TEXT,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX returned_of_order ON returned (project, placed);
    CREATE INDEX returned_by_person ON returned (project, person) WHERE person IS NOT NULL;
    CREATE INDEX returned_by_change ON returned (change);

    -- `opened` is the id of the event that opened the cart, `owner` whose it is now, `basket` the id that the shop gave it, `touched` when
    -- it was last changed or ended. A cart that turned out to be part of another one is `gone`.
    CREATE TABLE cart (
        project INTEGER NOT NULL REFERENCES project (id),
        opened BLOB NOT NULL,
        owner TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'placed', 'emptied', 'gone')),
        basket TEXT,
        touched INTEGER NOT NULL,
        content TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, opened)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX cart_of_owner ON cart (project, owner);
    CREATE INDEX cart_of_basket ON cart (project, basket) WHERE basket IS NOT NULL;
    CREATE INDEX cart_by_change ON cart (change);
INSERT INTO project (id, token) VALUES (1, 't');
INSERT INTO head (one, seq) VALUES (1, 10);
INSERT INTO change_head (one, change) VALUES (1, 15);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (1, 1, X'01890a5d000070008000000000000001', 'land', 'ometria', 1600000000001, 1795271093231, 'ab', NULL, NULL, NULL, '{"url":"https://shop.example/1"}', '{"current_url":"https://shop.example/1","source_url":""}', NULL);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (2, 1, X'01890a5d000070008000000000000002', 'basket_add', 'ometria', 1600000000002, 1795271093231, 'ab', NULL, NULL, NULL, '{"url":"https://shop.example/2"}', '{"product_id":"p1","quantity":1}', 1);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (3, 1, X'01890a5d000070008000000000000003', 'identify', 'ometria', 1600000000003, 1795271093231, 'ab', NULL, NULL, NULL, '{"url":"https://shop.example/3"}', '{"email":"b@x.com"}', 2);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (4, 1, X'01890a5d000070008000000000000004', 'customer_details', 'ometria', 1600000000004, 1795271093231, 'ab', NULL, NULL, NULL, '{"url":"https://shop.example/4"}', '{"last_name":"Bravo"}', 2);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (5, 1, X'01890a5d000070008000000000000005', 'basket_update', 'ometria', 1600000000005, 1795271093231, 'cd', NULL, 's1', 'uk', '{"url":"https://shop.example/5"}', '{"basket_id":"b1","total":10.5,"currency":"EUR","lines":[{"product_id":"p1","quantity":2,"price":5.25}],"changes":[]}', 1);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (6, 1, X'01890a5d000070008000000000000006', 'order', 'ometria', 1600000000006, 1795271093231, 'ef', NULL, NULL, NULL, '{"url":"https://shop.example/6"}', '{"order_id":"page","total":10.5,"currency":"EUR","lines":[{"product_id":"p1","quantity":2,"price":5.25}]}', NULL);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (7, 1, X'01890a5d000070008000000000000007', 'basket_add', 'ometria', 1600000000007, 1795271093231, NULL, 'a@x.com', NULL, NULL, '{"url":"https://shop.example/7"}', '{"product_id":"o1","quantity":3}', 1);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (8, 1, X'01890a5d000070008000000000000008', 'order_return', 'ometria', 1600000000008, 1795271093231, NULL, 'a@x.com', NULL, NULL, '{"url":"https://shop.example/8"}', '{"order_id":"000000123","lines":[{"product_id":"p1","quantity":2,"price":5.25}]}', NULL);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (9, 1, X'01890a5d000070008000000000000009', 'basket_add', 'ometria', 1600000000009, 1795271093231, 'gh', NULL, NULL, NULL, '{"url":"https://shop.example/9"}', '{"product_id":"p1","quantity":1}', 1);
INSERT INTO event (seq, project, id, type, api, time, received_at, visitor, email, session, store, page, params, step) VALUES (10, 1, X'01890a5d00007000800000000000000a', 'order', 'ometria', 1600000000010, 1795271093231, 'gh', NULL, NULL, NULL, '{"url":"https://shop.example/10"}', '{"order_id":"gone"}', NULL);
INSERT INTO link (project, visitor, time, event, email) VALUES (1, 'ab', 1600000000003, X'01890a5d000070008000000000000003', 'b@x.com');
INSERT INTO customer (project, id, told, heard, seen, change) VALUES (1, 'a@x.com', '{"createdAt":[1,1600000000000,1500000000000],"firstName":[1,1600000000000,"Jo"],"tags\u001fb\u001f":[1,1600000000001,null],"tags\u001fvip\u001f":[1,1600000000000,"VIP"]}', '{}', NULL, 4);
INSERT INTO customer (project, id, told, heard, seen, change) VALUES (1, 'b@x.com', '{}', '{"lastName":[0,1600000000004,"Bravo"]}', 1600000000003, 12);
INSERT INTO category (project, id, told, change) VALUES (1, 'c1', '{"name":[1,1600000000000,"Shirts"]}', 1);
INSERT INTO product (project, id, told, change) VALUES (1, 'p1', '{"categories":[1,1600000000000,["c1"]],"name":[1,1600000000000,"Shirt"],"options\u001fo1\u001fname":[1,1600000000000,"S"],"options\u001fo1\u001fprice":[1,1600000000000,3.5],"price":[1,1600000000000,10.42],"sku":[1,1600000000000,"shirt"]}', 2);
INSERT INTO option_of (project, id, product) VALUES (1, 'o1', 'p1');
INSERT INTO placed (project, id, told, statuses, person, reported_at, email, created_at, change) VALUES (1, '000000123', '{"amount":[1,1600000000000,1010.42],"billing":[1,1600000000000,{"city":"Sofia","countryCode":"BG"}],"coupons":[1,1600000000000,["SALE"]],"createdAt":[1,1600000000000,1500000000000],"email":[1,1600000000000,"a@x.com"],"products":[1,1600000000000,[{"productId":"o1","quantity":2}]],"status":[1,1600000000000,"Paid"]}', '{"paid":1600000000000}', NULL, NULL, 'a@x.com', 1500000000000, 7);
INSERT INTO placed (project, id, told, statuses, person, reported_at, email, created_at, change) VALUES (1, 'gone', '{}', '{}', 'vgh', 1600000000010, NULL, NULL, 9);
INSERT INTO placed (project, id, told, statuses, person, reported_at, email, created_at, change) VALUES (1, 'page', '{"amount":[0,1600000000006,10.5],"currency":[0,1600000000006,"EUR"],"lines":[0,1600000000006,[{"price":5.25,"product_id":"p1","quantity":2}]]}', '{}', 'vef', 1600000000006, NULL, NULL, 6);
INSERT INTO returned (project, id, placed, time, person, lines, change) VALUES (1, X'01890a5d000070008000000000000008', '000000123', 1600000000008, 'ea@x.com', '[{"price":5.25,"product_id":"p1","quantity":2}]', 8);
INSERT INTO cart (project, opened, owner, state, basket, touched, content, change) VALUES (1, X'01890a5d000070008000000000000002', 'eb@x.com', 'open', NULL, 1600000000002, '{"created_at":1600000000002,"updated_at":1600000000002,"whole":false,"lines":[{"product_id":"p1","quantity":1.0}]}', 11);
INSERT INTO cart (project, opened, owner, state, basket, touched, content, change) VALUES (1, X'01890a5d000070008000000000000005', 'vcd', 'open', 'b1', 1600000000005, '{"basket":"b1","created_at":1600000000005,"updated_at":1600000000005,"whole":true,"lines":[{"product_id":"p1","quantity":2.0,"price":5.25}],"total":10.5,"currency":"EUR","store":"uk"}', 14);
INSERT INTO cart (project, opened, owner, state, basket, touched, content, change) VALUES (1, X'01890a5d000070008000000000000007', 'ea@x.com', 'open', NULL, 1600000000007, '{"created_at":1600000000007,"updated_at":1600000000007,"whole":false,"lines":[{"product_id":"o1","quantity":3.0}]}', 10);
INSERT INTO cart (project, opened, owner, state, basket, touched, content, change) VALUES (1, X'01890a5d000070008000000000000009', 'vgh', 'placed', NULL, 1600000000010, '{"created_at":1600000000009,"updated_at":1600000000009,"whole":false,"lines":[{"product_id":"p1","quantity":1.0}]}', 15);
PRAGMA user_version = 1;
