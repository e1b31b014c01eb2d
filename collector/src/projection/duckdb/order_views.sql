-- Orders by visit: the visit in which a page reported the order, else the latest one of the order's person that had begun by then and ended at
-- most 30 minutes before.
CREATE VIEW orders_in_visits AS
    WITH reported AS (
        SELECT project, order_id, arg_min(visit, row(time, seq, visit)) AS visit FROM visit_orders GROUP BY project, order_id),
    placed AS (
        SELECT project, doc, "order.id" AS id, "order.placed_at" AS placed_at, "order.currency_code" AS currency,
            "order.total_amount_with_taxes" AS amount, "customer.email" AS email
        FROM orders WHERE cart = FALSE)
    SELECT r.visit, o.project, o.id, o.placed_at, o.currency, o.amount
    FROM placed o JOIN reported r ON r.project = o.project AND r.order_id = o.id
    UNION ALL
    SELECT arg_max(v.number, row(v.started_at, v.number)), o.project, o.id, o.placed_at, o.currency, o.amount
    FROM placed o JOIN people_visits v
        ON v.project = o.project AND v.known_email = o.email AND v.started_at <= o.placed_at
        AND o.placed_at <= v.ended_at + INTERVAL 30 MINUTE
    WHERE NOT EXISTS (SELECT 1 FROM reported r WHERE r.project = o.project AND r.order_id = o.id)
    GROUP BY o.doc, o.project, o.id, o.placed_at, o.currency, o.amount;
-- The orders of a visit. Amounts in another currency than that of its first order are not added.
CREATE VIEW visit_revenue AS
    WITH o AS MATERIALIZED (SELECT * FROM orders_in_visits),
    f AS (SELECT visit, arg_min(coalesce(currency, ''), row(placed_at, id)) AS currency, count(*) AS orders FROM o GROUP BY visit)
    SELECT f.visit, f.orders, nullif(f.currency, '') AS currency,
        CAST(sum(o.amount) FILTER (coalesce(o.currency, '') = f.currency) AS BIGINT) AS revenue
    FROM f JOIN o ON o.visit = f.visit GROUP BY f.visit, f.orders, f.currency;
-- The start of each person's first visit.
CREATE VIEW first_visits AS
    SELECT project, person, min(started_at) AS started_at FROM people_visits WHERE person IS NOT NULL GROUP BY project, person;
