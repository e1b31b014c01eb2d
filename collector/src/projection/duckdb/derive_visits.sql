-- Removes the visits in `touched`, and derives them from their events into the table `derived`. Two events of one time are ordered by their
-- numbers. LOWEST and HIGHEST stand for the first and the last number in `touched`: with literals the engine skips all other parts of the table.
DELETE FROM visits WHERE number IN (SELECT visit FROM touched);
DELETE FROM touches WHERE visit IN (SELECT visit FROM touched);
DELETE FROM visit_orders WHERE visit IN (SELECT visit FROM touched);
CREATE OR REPLACE TEMP TABLE own AS
    SELECT visit, project, seq, time, row_number() OVER (ORDER BY time, seq) AS place, type, quantity, visitor, email, store, host, path, product, order_id,
        device_type, browser, system, country, channel, source, medium, campaign, term, content, click_id
    FROM events e WHERE e.visit BETWEEN LOWEST AND HIGHEST AND e.visit IN (SELECT visit FROM touched);
CREATE OR REPLACE TEMP TABLE derived AS
    WITH pages AS (
        SELECT visit, CAST(sum(pages) AS BIGINT) AS pages FROM (
            SELECT visit, greatest(count(*) FILTER (type = 'page_view'),
                count(*) FILTER (type IN ('product_view', 'category_view', 'article_view', 'search'))) AS pages
            FROM own GROUP BY visit, host, path)
        GROUP BY visit),
    figures AS (
        SELECT visit, any_value(project) AS project, arg_min(visitor, place) AS visitor, arg_max(email, place) AS email,
            arg_min(store, place) AS store, min(time) AS started_at, max(time) AS ended_at, min(seq) AS first_seq, max(seq) AS last_seq, count(*) AS events_count,
            count(DISTINCT product) FILTER (type = 'product_view') AS products_count,
            bool_and(type IN ('land', 'page_view', 'product_view', 'category_view', 'article_view')) AS is_passive,
            arg_min(path, place) AS entry_path, arg_max(path, place) AS exit_path, bool_or(type = 'product_view') AS viewed_product,
            bool_or(type = 'basket_add' OR type = 'basket_update' AND quantity IS NOT NULL) AS added_to_cart, bool_or(type = 'checkout') AS checked_out,
            arg_min(device_type, place) AS device_type, arg_min(browser, place) AS browser, arg_min(system, place) AS system,
            arg_min(country, place) AS country,
            bool_or(type = 'land') AS has_land, arg_min(seq, place) FILTER (channel IS NOT NULL AND type = 'land') AS landed,
            arg_min(seq, place) FILTER (channel IS NOT NULL) AS found
        FROM own GROUP BY visit),
    origins AS (SELECT * FROM own WHERE channel IS NOT NULL)
    SELECT s.visit AS number, s.project, t.session, s.visitor, s.email, s.store, s.started_at, s.ended_at, s.first_seq, s.last_seq, s.events_count,
        p.pages AS pages_count, s.products_count, p.pages <= 1 AND s.is_passive AS is_bounce, s.entry_path, s.exit_path, s.viewed_product,
        s.added_to_cart, s.checked_out, s.device_type, s.browser, s.system, s.country, o.seq AS source_seq, o.time AS source_at,
        coalesce(o.channel, 'direct') AS channel, coalesce(o.source, 'direct') AS source, o.medium, o.campaign, o.term, o.content, o.click_id,
        md5_number(s.project || ' ' || t.session) AS session_digest
    FROM figures s JOIN touched t ON t.visit = s.visit JOIN pages p ON p.visit = s.visit
        LEFT JOIN origins o ON o.seq = CASE WHEN s.has_land THEN s.landed ELSE s.found END;
INSERT INTO touches
    SELECT o.visit, o.project, o.seq, o.time, o.channel, o.source, o.medium, o.campaign, o.term, o.content, o.click_id
    FROM own o JOIN derived v ON v.number = o.visit WHERE o.type = 'land' AND o.channel IS NOT NULL AND o.seq <> v.source_seq;
INSERT INTO visit_orders
    SELECT visit, any_value(project), order_id, min(time), min(seq) FROM own WHERE type = 'order' AND order_id IS NOT NULL
    GROUP BY visit, order_id;
