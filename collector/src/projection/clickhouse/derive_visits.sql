-- Derives the visits in `touched` from their events. Two events of one time are ordered by their numbers. EVENTS, VISITS and TOUCHED stand for
-- relations of this batch, FIRST for the number before that of the first new row.
INSERT INTO visits
WITH own AS (SELECT * FROM EVENTS e WHERE visit IN (SELECT number FROM TOUCHED t)),
    pages AS (
        SELECT visit, sum(viewed) AS pages FROM (
            SELECT visit, greatest(countIf(type = 'page_view'),
                countIf(type IN ('product_view', 'category_view', 'article_view', 'search'))) AS viewed
            FROM own GROUP BY visit, host, path) x
        GROUP BY visit),
    figures AS (
        SELECT visit, any(project) AS of_project, argMin(session, tuple(time, seq)) AS of_session,
            argMin(visitor, tuple(time, seq)) AS first_visitor, argMax(email, tuple(time, seq)) AS last_email,
            argMin(store, tuple(time, seq)) AS first_store, min(time) AS started_at, max(time) AS ended_at, min(seq) AS first_seq, max(seq) AS newest_seq,
            count() AS events_count, uniqExactIf(product, type = 'product_view') AS products_count,
            min(type IN ('land', 'page_view', 'product_view', 'category_view', 'article_view')) AS is_passive,
            argMin(path, tuple(time, seq)) AS entry_path, argMax(path, tuple(time, seq)) AS exit_path,
            max(type = 'product_view') AS viewed_product, max(type = 'basket_add' OR (type = 'basket_update' AND quantity IS NOT NULL)) AS added_to_cart,
            max(type = 'checkout') AS checked_out, argMin(device_type, tuple(time, seq)) AS first_device,
            argMin(browser, tuple(time, seq)) AS first_browser, argMin(system, tuple(time, seq)) AS first_system,
            argMin(country, tuple(time, seq)) AS first_country, max(type = 'land') AS has_land
        FROM own GROUP BY visit),
    -- The first event with a source; in a visit with an arrival, the first arrival with one.
    arrivals AS (
        SELECT o.visit AS visit, argMin(tuple(o.seq, o.time, o.channel, o.source, o.medium, o.campaign, o.term, o.content, o.click_id),
            tuple(o.time, o.seq)) AS origin
        FROM own o JOIN figures f ON f.visit = o.visit
        WHERE o.channel IS NOT NULL AND (f.has_land = 0 OR o.type = 'land') GROUP BY o.visit)
SELECT FIRST + row_number() OVER (ORDER BY s.visit), s.visit, s.of_project, s.of_session, s.first_visitor, s.last_email, NULL, s.newest_seq,
    s.first_store, s.started_at, s.ended_at, s.first_seq, s.events_count, p.pages, s.products_count, p.pages <= 1 AND s.is_passive, s.entry_path,
    s.exit_path, s.viewed_product, s.added_to_cart, s.checked_out, s.first_device, s.first_browser, s.first_system, s.first_country,
    a.seq, a.time, coalesce(a.channel, 'direct'), coalesce(a.source, 'direct'), a.medium, a.campaign, a.term, a.content, a.click_id
FROM figures s JOIN pages p ON p.visit = s.visit
LEFT JOIN (
    SELECT visit AS of_visit, origin.1 AS seq, origin.2 AS time, origin.3 AS channel, origin.4 AS source, origin.5 AS medium,
        origin.6 AS campaign, origin.7 AS term, origin.8 AS content, origin.9 AS click_id
    FROM arrivals) a ON a.of_visit = s.visit;
INSERT INTO touches
SELECT FIRST + row_number() OVER (ORDER BY o.seq), o.visit, o.project, o.seq, o.time, o.channel, o.source, o.medium, o.campaign, o.term,
    o.content, o.click_id
FROM EVENTS o JOIN VISITS v ON v.number = o.visit
WHERE o.visit IN (SELECT number FROM TOUCHED t) AND o.type = 'land' AND o.channel IS NOT NULL AND o.seq <> v.source_seq;
INSERT INTO visit_orders
SELECT FIRST + row_number() OVER (ORDER BY x.visit, x.order_id), x.visit, x.project, x.order_id, x.first_at, x.first_seq
FROM (SELECT o.visit AS visit, any(o.project) AS project, assumeNotNull(o.order_id) AS order_id, min(o.time) AS first_at,
          min(o.seq) AS first_seq
      FROM EVENTS o WHERE o.visit IN (SELECT number FROM TOUCHED t) AND o.type = 'order' AND o.order_id IS NOT NULL
      GROUP BY o.visit, o.order_id) x;
