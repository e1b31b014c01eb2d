-- Times are milliseconds since 1970, UTC. `doc` numbers rows over all tables, `number` and `visit` number visits, and 0 is no visit.
-- Committed batches and claims.
projection (
    block Int64, owner String, is_claim Bool, continues Int64, change_position Int64, event_position Int64, trimmed Int64,
    fingerprint String, written_at DateTime DEFAULT now()
) ORDER BY block;
-- Rows that no longer count, with a number of the batch that deleted them.
gone (doc Int64, at Int64) ORDER BY doc;
-- The keys of a batch, by the table to which they belong.
changed (at Int64, list String, project Int64, key String, number Int64) ORDER BY at, list, project, key;
events (
    doc Int64 CODEC(Delta, LZ4), seq Int64, project Int64, id UUID, type String, api String, time Int64, received_at Int64, name Nullable(String),
    quantity Nullable(Int64), is_bot Bool, host Nullable(String), path Nullable(String), title Nullable(String),
    page_type Nullable(String), product Nullable(String), query Nullable(String), order_id Nullable(String), visitor Nullable(String),
    email Nullable(String), store Nullable(String), device_type Nullable(String), browser Nullable(String), system Nullable(String),
    country Nullable(String), channel Nullable(String), source Nullable(String), medium Nullable(String), campaign Nullable(String),
    term Nullable(String), content Nullable(String), click_id Nullable(String), session Nullable(String), visit Int64,
    INDEX by_time time TYPE minmax GRANULARITY 1, INDEX by_seq seq TYPE minmax GRANULARITY 1, INDEX by_doc doc TYPE minmax GRANULARITY 1
) ORDER BY project, visit, seq;
-- A visit of which events have expired has no session, and its figures are final. Until its last event expires, with the number `last_seq`, the
-- digest of its session stays, by which its further events find it.
visits (
    doc Int64 CODEC(Delta, LZ4), number Int64, project Int64, session Nullable(String), visitor Nullable(String), email Nullable(String),
    digest Nullable(String), last_seq Int64, store Nullable(String), started_at Int64, ended_at Int64, first_seq Int64, events_count Int64, pages_count Int64,
    products_count Int64, is_bounce Bool, entry_path Nullable(String), exit_path Nullable(String), viewed_product Bool,
    added_to_cart Bool, checked_out Bool, device_type Nullable(String), browser Nullable(String), system Nullable(String),
    country Nullable(String), source_seq Nullable(Int64), source_at Nullable(Int64), channel String, source String,
    medium Nullable(String), campaign Nullable(String), term Nullable(String), content Nullable(String), click_id Nullable(String),
    INDEX by_time started_at TYPE minmax GRANULARITY 1, INDEX by_session session TYPE bloom_filter GRANULARITY 1,
    INDEX by_digest digest TYPE bloom_filter GRANULARITY 1
) ORDER BY project, number;
-- Arrivals from outside within a visit, after the one that is the visit's source.
touches (
    doc Int64 CODEC(Delta, LZ4), visit Int64, project Int64, seq Int64, time Int64, channel Nullable(String), source Nullable(String),
    medium Nullable(String), campaign Nullable(String), term Nullable(String), content Nullable(String), click_id Nullable(String)
) ORDER BY project, visit, doc;
-- Orders that pages reported within a visit.
visit_orders (doc Int64 CODEC(Delta, LZ4), visit Int64, project Int64, order_id String, time Int64, seq Int64) ORDER BY project, visit, doc;
-- The e-mails of visitors, each with the period in which it applies.
links (doc Int64 CODEC(Delta, LZ4), project Int64, visitor String, since Int64, until Int64, email String) ORDER BY project, visitor, since;
people (
    doc Int64 CODEC(Delta, LZ4), project Int64, email String, first_name Nullable(String), last_name Nullable(String), subscribed Nullable(Bool),
    tags Array(String), created_at Nullable(Int64)
) ORDER BY project, email;
products (doc Int64 CODEC(Delta, LZ4), project Int64, id String, name Nullable(String), category Nullable(String)) ORDER BY project, id;
