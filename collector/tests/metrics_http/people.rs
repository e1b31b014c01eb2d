//! Which person an order, an event or a return belongs to.

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{import, query};
use super::server::{Client, TestServer, id};
use super::tracked_data::call_backend;
use super::traffic::{DAY_MS, LAPTOP, MINUTE_MS, TEN_OCLOCK_MS, browse, event, june, land, search, view};

/// Returns the revenue of each visit, in the order of their starts.
fn revenue(client: &Client) -> Vec<Value> {
    let found = search(client, "visits", "visit", "started_at", &["visit.revenue"]);
    found.iter().map(|visit| visit["revenue"].clone()).collect()
}

/// Signs an order that was placed the day after ten o'clock.
fn sign_order(client: &Client, order: &str, email: &str) {
    let placed_at = TEN_OCLOCK_MS + DAY_MS + 5 * MINUTE_MS;
    let order = json!({"id": order, "createdAt": placed_at, "email": email, "amount": 100, "status": "paid",
        "products": [{"productId": "hat", "quantity": 1}]});
    call_backend(client, "/v2/order", placed_at, &order);
}

/// A visit in which a page reports an order; with an e-mail, its visitor identifies before.
fn visit_with_report(client: &Client, number: u64, time: u64, visitor: &str, email: Option<&str>, order: &str) {
    let session = format!("s{number}");
    let mut events = vec![land(number, time, visitor, &session, "/", "")];
    events.extend(email.map(|email| event(number + 1, time + 1_000, visitor, &session, "identify", "/", &json!({"email": email}))));
    events.push(event(number + 2, time + 2_000, visitor, &session, "order", "/thanks", &json!({"order_id": order, "total": 1})));
    browse(client, LAPTOP, &events);
}

#[test]
fn visit_of_another_person_gets_no_revenue_by_reporting_the_order() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    visit_with_report(client, 10, 0, "evil", Some("evil@x.com"), "o6");
    browse(
        client,
        LAPTOP,
        &[
            land(20, DAY_MS, "good", "s20", "/", ""),
            event(21, DAY_MS + 1_000, "good", "s20", "identify", "/", &json!({"email": "good@x.com"})),
        ],
    );
    sign_order(client, "o6", "good@x.com");
    // The latest visit of the customer within 30 minutes.
    assert_eq!(revenue(client), [json!(null), json!(100.0)]);
    // A visit of the customer that reported the order, although another one is later.
    visit_with_report(client, 30, DAY_MS + 2 * MINUTE_MS, "good", None, "o6");
    browse(client, LAPTOP, &[land(40, DAY_MS + 3 * MINUTE_MS, "good", "s40", "/", "")]);
    assert_eq!(revenue(client), [json!(null), json!(null), json!(100.0), json!(null)]);
}

#[test]
fn visit_without_an_email_that_reported_an_order_loses_it_when_its_visitor_is_someone_else() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    visit_with_report(client, 10, DAY_MS, "phone", None, "o7");
    sign_order(client, "o7", "good@x.com");
    assert_eq!(revenue(client), [json!(100.0)]);
    browse(client, LAPTOP, &[event(20, 2 * DAY_MS, "phone", "s20", "identify", "/", &json!({"email": "other@x.com"}))]);
    assert_eq!(revenue(client), [json!(null), json!(null)]);
}

#[test]
fn events_without_a_session_are_those_of_the_person() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let page = json!({"url": "https://shop.example/"});
    let events = json!([
        {"id": id(1), "type": "page_view", "api": "tillroll", "time": TEN_OCLOCK_MS, "visitorId": "x", "page": page, "params": page},
        {"id": id(2), "type": "identify", "api": "tillroll", "time": TEN_OCLOCK_MS + 1_000, "visitorId": "x", "page": page,
            "params": {"email": "m@x.com"}},
        {"id": id(3), "type": "page_view", "api": "tillroll", "time": TEN_OCLOCK_MS + 2_000, "visitorEmail": "m@x.com", "page": page,
            "params": page},
    ]);
    browse(client, LAPTOP, events.as_array().unwrap());
    let visitors = json!({"stats": {"field": "visitor.id", "operator": "cardinality"}, "filter": {"event": june()}});
    assert_eq!(query(client, "events/stats", &visitors)["data"]["value"], 1);
    let by_email =
        json!({"breakdown": {"by": "customer.email", "field": "event.id", "operator": "value_count"}, "filter": {"event": june()}});
    let expected = json!([{"label": "m@x.com", "value": 3}]);
    assert_eq!(query(client, "events/breakdown", &by_email)["data"]["customer.email"], expected);
}

#[test]
fn visit_belongs_to_the_last_person_who_was_identified_in_it() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let by_email = |number: u64, time: u64, session: &str| {
        let mut event = view(number, time, "", session, "/");
        event.as_object_mut().unwrap().remove("visitorId");
        event["visitorEmail"] = json!("a@x.com");
        event
    };
    let identify = |number, time, visitor: &str, session: &str, email: &str| {
        event(number, time, visitor, session, "identify", "/", &json!({"email": email}))
    };
    browse(
        client,
        LAPTOP,
        &[
            // An account switch, and what pages report after it.
            by_email(1, 0, "s1"),
            identify(2, 1_000, "v20", "s1", "b@x.com"),
            event(3, 2_000, "v20", "s1", "order", "/thanks", &json!({"order_id": "o1", "total": 5})),
            // A visitor who becomes another one, and nothing after that.
            view(4, DAY_MS, "v30", "s2", "/?utm_source=news&utm_medium=email"),
            identify(5, DAY_MS + 1_000, "v30", "s2", "a@x.com"),
            by_email(6, DAY_MS + 2_000, "s2"),
            identify(7, DAY_MS + 3_000, "v31", "s2", "c@x.com"),
            // And the other way round.
            identify(8, 2 * DAY_MS, "v40", "s3", "b@x.com"),
            by_email(9, 2 * DAY_MS + 1_000, "s3"),
        ],
    );
    for (order, email, day) in [("o1", "b@x.com", 0), ("o2", "c@x.com", 1)] {
        let placed_at = TEN_OCLOCK_MS + day * DAY_MS + 5_000;
        let order = json!({"id": order, "createdAt": placed_at, "email": email, "amount": 100, "status": "paid", "products": []});
        call_backend(client, "/v2/order", placed_at, &order);
    }
    let found = search(client, "visits", "visit", "started_at", &["customer.email", "visit.orders_count"]);
    let found: Vec<_> = found.iter().map(|visit| json!([visit["customer"]["email"], visit["orders_count"]])).collect();
    assert_eq!(json!(found), json!([["b@x.com", 1], ["c@x.com", 1], ["a@x.com", 0]]));
    let orders = search(client, "orders", "order", "placed_at", &["attribution.*", "attribution.last.*"]);
    let touches = orders.iter().map(|order| json!([order["attribution"]["visits_count"], order["attribution"]["last"]["channel"]]));
    assert_eq!(json!(touches.collect::<Vec<_>>()), json!([[1, "direct"], [1, "email"]]));
}

#[test]
fn anonymous_order_has_its_visit_and_its_touches_of_the_same_visitor() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let report = |number, time, visitor: &str, referrer| {
        let order = event(number + 1, time + 1_000, visitor, visitor, "order", "/thanks", &json!({"order_id": "o1", "total": 5}));
        browse(client, LAPTOP, &[land(number, time, visitor, visitor, "/", referrer), order]);
    };
    report(1, 10 * MINUTE_MS, "first-stored", "https://mail.google.com/");
    report(11, 5 * MINUTE_MS, "earlier", "https://www.google.com/");
    let visits = search(client, "visits", "visit", "started_at", &["visit.id", "visit.orders_count"]);
    assert_eq!(json!(visits), json!([{"id": "earlier", "orders_count": 0}, {"id": "first-stored", "orders_count": 1}]));
    let orders = search(client, "orders", "order", "placed_at", &["attribution.last.channel"]);
    assert_eq!(orders[0]["attribution"]["last"]["channel"], "email");
}

#[test]
fn arrival_after_an_order_is_not_its_first_touch() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    browse(
        client,
        LAPTOP,
        &[
            land(1, 0, "v", "s", "/", ""),
            event(2, 1_000, "v", "s", "identify", "/", &json!({"email": "jo@x.com"})),
            land(3, 60 * MINUTE_MS, "v", "s", "/?gclid=1", ""),
        ],
    );
    let order = |id: &str, time: &str| json!({"id": id, "status": "placed", "placed_at": format!("2021-06-10T{time}Z"), "customer": {"email": "jo@x.com"}});
    import(client, "orders", &[order("1", "10:10:00"), order("2", "11:10:00")]);
    let orders = search(client, "orders", "order", "placed_at", &["attribution.first.channel", "attribution.last.channel"]);
    let touches: Vec<_> =
        orders.iter().map(|order| json!([order["attribution"]["first"]["channel"], order["attribution"]["last"]["channel"]])).collect();
    assert_eq!(json!(touches), json!([["direct", "direct"], ["paid", "paid"]]));
}

#[test]
fn customer_known_from_a_return_is_found_by_its_date() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let returned = json!({"id": "r1", "status": "received", "created_at": "2021-06-12T10:00:00Z", "customer": {"email": "jo@x.com"}});
    import(client, "returns", &[returned]);
    let dates = ["customer.created_at", "customer.first_seen_at", "customer.last_seen_at"];
    let found = search(client, "customers", "customer", "created_at", &dates);
    let at = "2021-06-12T10:00:00.000Z";
    assert_eq!(json!(found), json!([{"id": "jo@x.com", "created_at": at, "first_seen_at": at, "last_seen_at": at}]));
}

#[test]
fn days_on_which_clocks_change_have_all_hours_that_their_clocks_show() {
    // Clocks in Santiago were put back from midnight to 23:00 at 03:00 UTC; those in Scoresbysund are put forward from 23:00 to midnight at 01:00 UTC.
    for (zone, times, [first, second], counts) in [
        (
            "America/Santiago",
            ["2021-04-04T02:30:00Z", "2021-04-04T03:30:00Z", "2021-04-04T04:30:00Z"],
            ["2021-04-03", "2021-04-04"],
            [2, 1],
        ),
        (
            "America/Scoresbysund",
            ["2025-03-30T00:30:00Z", "2025-03-30T01:00:00Z", "2025-03-30T01:30:00Z"],
            ["2025-03-29", "2025-03-30"],
            [1, 2],
        ),
    ] {
        let server = TestServer::start_today();
        let client = &server.client;
        let orders = times.map(|time| json!({"id": time, "status": "placed", "created_at": time, "placed_at": time}));
        import(client, "orders", &orders);
        let count = |from: &str, to: &str| {
            let dates = json!({"date_field": "placed_at", "time_zone": zone, "date_from": format!("{from}T00:00:00"),
                "date_to": format!("{to}T23:59:59")});
            let body = json!({"date_breakdown": {"by": "order.placed_at", "field": "order.id", "operator": "value_count",
                "interval": "day", "time_zone": zone}, "filter": {"order": dates}});
            let days = query(client, "orders/date_breakdown", &body)["data"].clone();
            days.as_array().unwrap().iter().map(|day| day["value"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(count(first, first), [counts[0]], "{zone}");
        assert_eq!(count(second, second), [counts[1]], "{zone}");
        assert_eq!(count(first, second), counts, "{zone}");
    }
}
