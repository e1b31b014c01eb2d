//! Random valid queries.

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::catalog::{Field, FieldType, FilterKind, Grouping, Operator, Resource};
use tillroll_collector::metrics::parse::QueryType;

use super::random::Random;
use super::random_records::{AMOUNTS, INTEGERS, ITEM_TYPES, MODES, STATUSES, TEXTS, TIMES, value};
use super::test_query::TestQuery;

pub(crate) fn random_query(random: &mut Random) -> TestQuery {
    let names = ["orders", "orders", "returns", "carts", "visits", "visits", "events", "customers", "customers"];
    let resource = Resource::find(names[random.below(names.len())]).unwrap();
    let kinds = [
        QueryType::Breakdown,
        QueryType::Breakdown,
        QueryType::DateBreakdown,
        QueryType::Stats,
        QueryType::Search,
        QueryType::BoughtTogether,
    ];
    let kind = *random.pick(&kinds);
    let (resource, kind) = if kind == QueryType::BoughtTogether { (Resource::find("orders").unwrap(), kind) } else { (resource, kind) };
    let mut body = Map::new();
    match kind {
        QueryType::Breakdown => drop(body.insert("breakdown".into(), breakdown(random, resource, None, 1))),
        QueryType::DateBreakdown => drop(body.insert("date_breakdown".into(), date_breakdown(random, resource))),
        QueryType::Stats => drop(body.insert("stats".into(), Value::Object(measure(random, resource)))),
        QueryType::Search => drop(body.insert("search".into(), search(random, resource))),
        QueryType::BoughtTogether => {}
    }
    let mut filter = filter(random, resource);
    if kind == QueryType::BoughtTogether {
        let items: Vec<_> = (0..1 + random.below(2)).map(|_| *random.pick(TEXTS)).collect();
        filter["line_items"]["item_ids"] = json!({ "in": items });
    }
    if filter.as_object().is_some_and(|filter| !filter.is_empty()) {
        body.insert("filter".into(), filter);
    }
    let markets = if random.percent(10) { vec![random.pick(TEXTS).to_string(), random.pick(TEXTS).to_string()] } else { Vec::new() };
    TestQuery { resource: resource.name, kind, markets, body: Value::Object(body) }
}

fn name_of(operator: Operator) -> &'static str {
    Operator::NAMES.iter().find(|(_, other)| *other == operator).unwrap().0
}

fn measure(random: &mut Random, resource: &Resource) -> Map<String, Value> {
    let fields: Vec<_> = resource.fields.iter().filter(|field| !field.operators.is_empty() && resource.computes(field)).collect();
    // People and visits are counted in ways of their own.
    let counted: Vec<_> = fields.iter().filter(|field| ["visitor.id", "visit.id"].contains(&field.name)).collect();
    if !counted.is_empty() && random.percent(20) {
        let field = random.pick(&counted);
        return Map::from_iter([("field".into(), json!(field.name)), ("operator".into(), json!("cardinality"))]);
    }
    // Arrays are the difficult case, so half of the measures use them.
    let nested: Vec<_> = fields.iter().copied().filter(|field| field.array().is_some()).collect();
    let field = *random.pick_either(50, &nested, &fields);
    let operator = *random.pick(field.operators);
    Map::from_iter([("field".into(), json!(field.name)), ("operator".into(), json!(name_of(operator)))])
}

fn breakdown(random: &mut Random, resource: &'static Resource, outer: Option<&'static Field>, depth: usize) -> Value {
    let is_possible = |field: &&&'static Field| {
        field.grouping != Grouping::No && resource.computes(field) && outer.is_none_or(|outer| outer.can_contain(field))
    };
    let fields: Vec<_> = resource.fields.iter().filter(is_possible).collect();
    let nested: Vec<_> = fields.iter().copied().filter(|field| field.array().is_some()).collect();
    let by = *random.pick_either(50, &nested, &fields);
    let mut query = measure(random, resource);
    query.insert("by".into(), json!(by.name));
    let is_single = !["stats", "percentiles"].contains(&query["operator"].as_str().unwrap());
    if is_single && random.percent(30) {
        let numbers: Vec<_> =
            INTEGERS.iter().take(4).map(|&number| json!(number)).chain(AMOUNTS.iter().map(|number| json!(number))).collect();
        query.insert("condition".into(), comparison(random, &numbers));
    }
    if random.percent(70) {
        query.insert("sort".into(), json!(random.pick(&["asc", "desc"])));
    }
    if random.percent(70) {
        query.insert("limit".into(), json!(1 + random.below(8)));
    }
    if depth < 2 && random.percent(60) {
        query.insert("breakdown".into(), breakdown(random, resource, Some(by), depth + 1));
    }
    Value::Object(query)
}

fn date_breakdown(random: &mut Random, resource: &'static Resource) -> Value {
    let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_by_date && resource.computes(field)).collect();
    let mut query = measure(random, resource);
    query.insert("by".into(), json!(random.pick(&dates).name));
    if random.percent(80) {
        query.insert("interval".into(), json!(random.pick(&["hour", "day", "week", "month", "year"])));
    }
    if random.percent(60) {
        query.insert("breakdown".into(), breakdown(random, resource, None, 1));
    }
    Value::Object(query)
}

fn search(random: &mut Random, resource: &Resource) -> Value {
    let shown: Vec<_> = resource.fields.iter().filter(|field| field.is_shown).collect();
    let name = |random: &mut Random| {
        let field = random.pick(&shown);
        if random.percent(30) { format!("{}.*", field.owner()) } else { field.name.to_owned() }
    };
    let fields: Vec<_> = (0..1 + random.below(6)).map(|_| name(random)).collect();
    let mut query = Map::from_iter([("fields".into(), json!(fields)), ("limit".into(), json!(1 + random.below(12)))]);
    if random.percent(80) {
        let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_date_filter).collect();
        let name = format!("{}.{}", random.pick(&[resource.main, resource.alias]), random.pick(&dates).attribute());
        query.insert("sort_by".into(), json!(name));
    }
    if random.percent(70) {
        query.insert("sort".into(), json!(random.pick(&["asc", "desc"])));
    }
    if random.percent(20) {
        query.insert("cursor".into(), Value::Null);
    }
    Value::Object(query)
}

fn filter(random: &mut Random, resource: &Resource) -> Value {
    let mut filter = json!({});
    if random.percent(85) {
        let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_date_filter).collect();
        let group = &mut filter[resource.main];
        group["date_from"] = json!(random.pick(&["2019-01-01T00:00:00Z", "2021-12-31T23:59:59Z", "2022-01-01T00:00:00Z"]));
        group["date_to"] = json!(random.pick(&["2022-06-30T23:59:59Z", "2022-06-27T06:01:32Z", "2022-12-31T23:59:59Z"]));
        if random.percent(50) {
            group["date_field"] = json!(random.pick(&dates).attribute());
        }
    }
    let filterable: Vec<_> = resource.fields.iter().filter(|field| field.filter.is_some() && resource.computes(field)).collect();
    let nested: Vec<_> = filterable.iter().copied().filter(|field| field.array().is_some()).collect();
    for _ in 0..random.below(4) {
        let field = *random.pick_either(60, &nested, &filterable);
        let mut group = &mut filter;
        for step in field.owner().split('.') {
            group = &mut group[step];
        }
        group[field.filter.unwrap()] = condition(random, field);
    }
    filter
}

fn condition(random: &mut Random, field: &Field) -> Value {
    match (field.filter_kind, field.kind) {
        (FilterKind::Query, _) => {
            json!({ "query": random.pick(&["a", "placed + b", "-cancelled", "\"ß z\" | (10 + NOT 9)", "o'n*l", "p*d", "日*"]) })
        }
        (FilterKind::Choice(_), _) if random.percent(50) => json!(random.pick(MODES)),
        (FilterKind::Choice(_), _) => list(random, MODES),
        (FilterKind::Among(values), _) => list(random, values),
        (FilterKind::Numbers, _) if random.percent(30) => json!({ "in": [10, "9"] }),
        (_, FieldType::Bool) => json!(random.percent(50)),
        (_, FieldType::Text | FieldType::Texts | FieldType::Organization) => match field.name {
            "order.status" => list(random, STATUSES),
            "line_items.item_type" => list(random, ITEM_TYPES),
            "customer.segment" => list(random, &["prospect", "lost", "at_risk", "new", "loyal"]),
            "customer.cohort" => list(random, &["2021-12", "2022-06", "2022-07"]),
            name if name.ends_with(".channel") => list(random, &["direct", "search", "referral", "campaign", "paid"]),
            _ => list(random, TEXTS),
        },
        (_, FieldType::Timestamp) => comparison(random, &TIMES.iter().map(|time| json!(time)).collect::<Vec<_>>()),
        _ => {
            let mut values: Vec<_> = (0..4).map(|_| value(random, field)).collect();
            values.extend([json!(0.25), json!(1)]);
            comparison(random, &values)
        }
    }
}

fn list(random: &mut Random, texts: &[&str]) -> Value {
    let values: Vec<_> = (0..1 + random.below(3)).map(|_| *random.pick(texts)).collect();
    json!({ *random.pick(&["in", "in", "not_in"]): values })
}

fn comparison(random: &mut Random, values: &[Value]) -> Value {
    if random.percent(60) {
        return json!({ *random.pick(&["eq", "ne", "gt", "gte", "lt", "lte"]): random.pick(values) });
    }
    json!({ *random.pick(&["gt_lt", "gte_lt", "gt_lte", "gte_lte"]): [random.pick(values), random.pick(values)] })
}
