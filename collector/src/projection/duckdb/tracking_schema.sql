-- Events, visits and what they are joined with when a query asks. `visit` and `number` number visits. A visit is derived from the events with
-- its number, except one of which events have expired: its `session` is NULL and its figures are final. Until its last event expires, with the
-- number `last_seq`, the digest of its session stays, by which its other events find it.
CREATE TABLE events (
    seq BIGINT, project BIGINT, id UUID, type VARCHAR, api VARCHAR, time TIMESTAMP, received_at TIMESTAMP, name VARCHAR, quantity BIGINT,
    is_bot BOOLEAN, host VARCHAR, path VARCHAR, title VARCHAR, page_type VARCHAR, product VARCHAR, query VARCHAR, order_id VARCHAR,
    visitor VARCHAR, email VARCHAR, store VARCHAR, device_type VARCHAR, browser VARCHAR, system VARCHAR, country VARCHAR, channel VARCHAR, source VARCHAR,
    medium VARCHAR, campaign VARCHAR, term VARCHAR, content VARCHAR, click_id VARCHAR, visit BIGINT
);
CREATE TABLE visits (
    number BIGINT, project BIGINT, session VARCHAR, visitor VARCHAR, email VARCHAR, store VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP,
    first_seq BIGINT, last_seq BIGINT, events_count BIGINT, pages_count BIGINT, products_count BIGINT, is_bounce BOOLEAN, entry_path VARCHAR,
    exit_path VARCHAR, viewed_product BOOLEAN, added_to_cart BOOLEAN, checked_out BOOLEAN, device_type VARCHAR, browser VARCHAR,
    system VARCHAR, country VARCHAR, source_seq BIGINT, source_at TIMESTAMP, channel VARCHAR, source VARCHAR, medium VARCHAR, campaign VARCHAR, term VARCHAR,
    content VARCHAR, click_id VARCHAR, visitor_number BIGINT, email_number BIGINT, session_digest UHUGEINT
);
-- A number for each visitor id and e-mail of visits and links, by which people are counted. They are found by digest: to look for texts, the engine
-- reads all of them, in four times the time.
CREATE TABLE person_numbers (digest UHUGEINT, number BIGINT);
-- Arrivals from outside within a visit, after the one that is the visit's source.
CREATE TABLE touches (
    visit BIGINT, project BIGINT, seq BIGINT, time TIMESTAMP, channel VARCHAR, source VARCHAR, medium VARCHAR, campaign VARCHAR, term VARCHAR,
    content VARCHAR, click_id VARCHAR
);
-- Orders that pages reported within a visit.
CREATE TABLE visit_orders (visit BIGINT, project BIGINT, order_id VARCHAR, time TIMESTAMP, seq BIGINT);
-- The e-mails of visitors, each with the period in which it applies.
CREATE TABLE links (project BIGINT, visitor VARCHAR, since TIMESTAMP, until TIMESTAMP, email VARCHAR, visitor_number BIGINT, email_number BIGINT);
CREATE TABLE people (
    project BIGINT, email VARCHAR, first_name VARCHAR, last_name VARCHAR, subscribed BOOLEAN, tags VARCHAR[], created_at TIMESTAMP
);
-- Products, and their options with the name and the category of the product.
CREATE TABLE products (project BIGINT, id VARCHAR, name VARCHAR, category VARCHAR);
-- What led to each placed order. A row that is missing is computed when a query needs it; `attributed_days` of the table `projection` is the
-- window of the last touch if no row is missing, and else NULL.
CREATE TABLE order_attribution (
    doc BIGINT, project BIGINT, person VARCHAR, placed_at TIMESTAMP, order_id VARCHAR, visit BIGINT, days INTEGER, visits BIGINT,
    first_at TIMESTAMP, first_channel VARCHAR, first_name VARCHAR, first_medium VARCHAR, first_campaign VARCHAR, first_term VARCHAR,
    first_content VARCHAR, first_click_id VARCHAR, last_channel VARCHAR, last_name VARCHAR, last_medium VARCHAR, last_campaign VARCHAR,
    last_term VARCHAR, last_content VARCHAR, last_click_id VARCHAR
);
-- Copies of the visits with orders, computed together with `order_attribution`. Nearly all visits have none, and need not be read for a question
-- about orders.
CREATE TABLE ordered_visits AS
    SELECT v.*, CAST(NULL AS BIGINT) AS orders, CAST(NULL AS VARCHAR) AS currency, CAST(NULL AS BIGINT) AS revenue FROM visits v LIMIT 0;
