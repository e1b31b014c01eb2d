//! Random queries over random records, and the comparison of an engine with the reference evaluator.

mod customer_orders;
mod evaluator;
mod filter;
mod people;
mod random;
mod random_queries;
mod random_records;
mod random_traffic;
mod test_query;
mod traffic_json;
mod visit;

use serde_json::{Value, json};
use tillroll_collector::cancellation::Cancellation;
use tillroll_collector::metrics::catalog::Resource;
use tillroll_collector::metrics::parse::{self, ATTRIBUTION_DAYS, Context, MAX_RANGE_DAYS, QueryType};
use tillroll_collector::metrics::response;
use tillroll_collector::metrics::rows::Scope;
use tillroll_collector::projection::AnalyticsEngine;
use tillroll_collector::projection::source::Position;

use random::Random;
use random_records::{PROJECT, RandomRecords};
use test_query::{TestQuery, now};

const QUERIES_PER_SEED: usize = 120;

/// Compares the results of random queries. `open` opens an empty engine for each seed.
pub(crate) fn compare_all<T>(seeds: u64, open: impl Fn(u64) -> (Box<dyn AnalyticsEngine>, T)) {
    let chosen = std::env::var("METRICS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = chosen.map_or(0..seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let mut random = Random::new(seed);
        let (engine, _folder) = open(seed);
        let mut records = RandomRecords::new(&mut random);
        records.store_in(&*engine, &mut random);
        let traffic = random_traffic::store(&*engine, &records, &mut random);
        for order in &mut records.orders {
            order["attribution"] = people::attribution(order, &traffic.person_visits);
        }
        records.traffic = Some(traffic);
        for _ in 0..QUERIES_PER_SEED {
            let query = random_queries::random_query(&mut random);
            compare(&*engine, &records, &query).unwrap_or_else(|report| panic!("seed {seed}: {report}"));
        }
    }
}

fn compare(engine: &dyn AnalyticsEngine, records: &RandomRecords, query: &TestQuery) -> Result<(), String> {
    let matching = filter::records(records, query);
    if query.kind == QueryType::Search {
        return compare_pages(engine, &evaluator::search(&matching, query), query);
    }
    let (found, _) = run_on_engine(engine, query, &query.body)?;
    let expected = evaluator::data(&matching, query);
    if found == expected { Ok(()) } else { Err(report(query, &found, &expected)) }
}

/// Reads all pages of a search and compares them.
fn compare_pages(engine: &dyn AnalyticsEngine, expected: &[Value], query: &TestQuery) -> Result<(), String> {
    let mut body = query.body.clone();
    let mut all = Vec::new();
    let limit = usize::try_from(body["search"]["limit"].as_u64().unwrap_or(50)).unwrap();
    loop {
        let (found, pagination) = run_on_engine(engine, query, &body)?;
        let page = found.as_array().cloned().unwrap_or_default();
        if pagination["record_count"] != json!(expected.len()) {
            return Err(report(query, &pagination, &json!(expected.len())));
        }
        let is_full = page.len() == limit;
        all.extend(page);
        if pagination["cursor"].is_null() || !is_full {
            break;
        }
        body["search"]["cursor"] = pagination["cursor"].clone();
    }
    if all == expected { Ok(()) } else { Err(report(query, &json!(all), &json!(expected))) }
}

/// Returns the `data` and the `pagination` of a query.
fn run_on_engine(engine: &dyn AnalyticsEngine, test_query: &TestQuery, body: &Value) -> Result<(Value, Value), String> {
    run_with_window(engine, test_query, body, ATTRIBUTION_DAYS)
}

fn run_with_window(
    engine: &dyn AnalyticsEngine,
    test_query: &TestQuery,
    body: &Value,
    attribution_days: u32,
) -> Result<(Value, Value), String> {
    let context = Context { organization: "shop", now: now(), attribution_days, max_range_days: MAX_RANGE_DAYS };
    let resource = Resource::find(test_query.resource).unwrap();
    let query = parse::parse(resource, test_query.kind, body, context).map_err(|error| format!("{error:?}\n{body}"))?;
    let scope = Scope { project: PROJECT, organization: "shop".into(), markets: test_query.markets.clone() };
    let rows = engine.query(&query, &scope, Position::default(), &Cancellation::default()).map_err(|error| format!("{error:?}\n{body}"))?;
    let result = response::build(&query, &scope, &rows);
    Ok((result.data, result.pagination.unwrap_or_default()))
}

/// Asks for the attribution of orders and the revenue of visits, half of the time. An engine that keeps them must notice the changes since: the
/// results are those that it has after another window, for which it computes everything again.
fn ask_between(engine: &dyn AnalyticsEngine, random: &mut Random) {
    if random.percent(50) {
        let kept = attribution(engine, ATTRIBUTION_DAYS);
        attribution(engine, ATTRIBUTION_DAYS + 1);
        assert_eq!(kept, attribution(engine, ATTRIBUTION_DAYS));
    }
}

/// Returns the attribution of all orders and the revenue of all visits.
fn attribution(engine: &dyn AnalyticsEngine, days: u32) -> [Value; 2] {
    let period = json!({"date_from": "2019-01-01T00:00:00Z", "date_to": "2022-12-31T23:59:59Z"});
    [
        ("orders", "order", ["order.id", "attribution.*", "attribution.first.*", "attribution.last.*"]),
        ("visits", "visit", ["visit.id", "visit.orders_count", "visit.currency_code", "visit.revenue"]),
    ]
    .map(|(resource, filter, fields)| {
        let body = json!({"search": {"fields": fields, "limit": 100}, "filter": {filter: period}});
        let query = TestQuery { resource, kind: QueryType::Search, markets: Vec::new(), body };
        run_with_window(engine, &query, &query.body, days).unwrap().0
    })
}

fn report(query: &TestQuery, found: &Value, expected: &Value) -> String {
    let TestQuery { resource, kind, markets, body } = query;
    format!("{resource} {kind:?} {markets:?}\n{body}\nfound    {found}\nexpected {expected}")
}
