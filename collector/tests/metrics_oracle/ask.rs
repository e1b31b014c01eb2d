//! Random questions, all of them valid.

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::catalog::{Field, FieldType, FilterKind, Grouping, Operator, Resource};
use tillroll_collector::metrics::parse::QueryType;

use super::Question;
use super::dice::Dice;
use super::world::{AMOUNTS, FULFILLMENTS, MODES, MOMENTS, STATUSES, TEXTS, TYPES, WHOLES, value};

pub(crate) fn question(dice: &mut Dice) -> Question {
    let names = ["orders", "orders", "returns", "carts"];
    let resource = Resource::find(names[dice.below(names.len())]).unwrap();
    let kinds = [
        QueryType::Breakdown,
        QueryType::Breakdown,
        QueryType::DateBreakdown,
        QueryType::Stats,
        QueryType::Search,
        QueryType::BoughtTogether,
    ];
    let kind = *dice.pick(&kinds);
    let (resource, kind) = if kind == QueryType::BoughtTogether { (Resource::find("orders").unwrap(), kind) } else { (resource, kind) };
    let mut body = Map::new();
    match kind {
        QueryType::Breakdown => drop(body.insert("breakdown".into(), breakdown(dice, resource, None, 1))),
        QueryType::DateBreakdown => drop(body.insert("date_breakdown".into(), date_breakdown(dice, resource))),
        QueryType::Stats => drop(body.insert("stats".into(), Value::Object(measure(dice, resource)))),
        QueryType::Search => drop(body.insert("search".into(), search(dice, resource))),
        QueryType::BoughtTogether => {}
    }
    let mut filter = filter(dice, resource);
    if kind == QueryType::BoughtTogether {
        let items: Vec<_> = (0..1 + dice.below(2)).map(|_| *dice.pick(TEXTS)).collect();
        filter["line_items"]["item_ids"] = json!({ "in": items });
    }
    if filter.as_object().is_some_and(|filter| !filter.is_empty()) {
        body.insert("filter".into(), filter);
    }
    let markets = if dice.percent(10) { vec![dice.pick(TEXTS).to_string(), dice.pick(TEXTS).to_string()] } else { Vec::new() };
    Question { resource: resource.name, kind, markets, body: Value::Object(body) }
}

fn name_of(operator: Operator) -> &'static str {
    Operator::NAMES.iter().find(|(_, other)| *other == operator).unwrap().0
}

fn measure(dice: &mut Dice, resource: &Resource) -> Map<String, Value> {
    let fields: Vec<_> = resource.fields.iter().filter(|field| !field.operators.is_empty() && resource.computes(field)).collect();
    // Arrays are where the difficulties are.
    let nested: Vec<_> = fields.iter().copied().filter(|field| field.array().is_some()).collect();
    let field = *dice.pick_either(50, &nested, &fields);
    let operator = *dice.pick(field.operators);
    Map::from_iter([("field".into(), json!(field.name)), ("operator".into(), json!(name_of(operator)))])
}

fn breakdown(dice: &mut Dice, resource: &'static Resource, outer: Option<&'static Field>, depth: usize) -> Value {
    let may = |field: &&&'static Field| {
        field.grouping != Grouping::No && resource.computes(field) && outer.is_none_or(|outer| outer.may_hold(field))
    };
    let fields: Vec<_> = resource.fields.iter().filter(may).collect();
    let nested: Vec<_> = fields.iter().copied().filter(|field| field.array().is_some()).collect();
    let by = *dice.pick_either(50, &nested, &fields);
    let by: &'static Field = by;
    let mut query = measure(dice, resource);
    query.insert("by".into(), json!(by.name));
    let is_single = !["stats", "percentiles"].contains(&query["operator"].as_str().unwrap());
    if is_single && dice.percent(30) {
        let numbers: Vec<_> =
            WHOLES.iter().take(4).map(|&number| json!(number)).chain(AMOUNTS.iter().map(|number| json!(number))).collect();
        query.insert("condition".into(), comparison(dice, &numbers));
    }
    if dice.percent(70) {
        query.insert("sort".into(), json!(dice.pick(&["asc", "desc"])));
    }
    if dice.percent(70) {
        query.insert("limit".into(), json!(1 + dice.below(8)));
    }
    if depth < 2 && dice.percent(60) {
        query.insert("breakdown".into(), breakdown(dice, resource, Some(by), depth + 1));
    }
    Value::Object(query)
}

fn date_breakdown(dice: &mut Dice, resource: &'static Resource) -> Value {
    let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_by_date && resource.computes(field)).collect();
    let mut query = measure(dice, resource);
    query.insert("by".into(), json!(dice.pick(&dates).name));
    if dice.percent(80) {
        query.insert("interval".into(), json!(dice.pick(&["hour", "day", "week", "month", "year"])));
    }
    if dice.percent(60) {
        query.insert("breakdown".into(), breakdown(dice, resource, None, 1));
    }
    Value::Object(query)
}

fn search(dice: &mut Dice, resource: &Resource) -> Value {
    let shown: Vec<_> = resource.fields.iter().filter(|field| field.is_shown).collect();
    let name = |dice: &mut Dice| {
        let field = dice.pick(&shown);
        if dice.percent(30) { format!("{}.*", field.owner()) } else { field.name.to_owned() }
    };
    let fields: Vec<_> = (0..1 + dice.below(6)).map(|_| name(dice)).collect();
    let mut query = Map::from_iter([("fields".into(), json!(fields)), ("limit".into(), json!(1 + dice.below(12)))]);
    if dice.percent(80) {
        let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_date_filter).collect();
        let name = format!("{}.{}", dice.pick(&[resource.main, resource.alias]), dice.pick(&dates).attribute());
        query.insert("sort_by".into(), json!(name));
    }
    if dice.percent(70) {
        query.insert("sort".into(), json!(dice.pick(&["asc", "desc"])));
    }
    if dice.percent(20) {
        query.insert("cursor".into(), Value::Null);
    }
    Value::Object(query)
}

fn filter(dice: &mut Dice, resource: &Resource) -> Value {
    let mut filter = json!({});
    if dice.percent(85) {
        let dates: Vec<_> = resource.fields.iter().filter(|field| field.is_date_filter).collect();
        let group = &mut filter[resource.main];
        group["date_from"] = json!(dice.pick(&["2019-01-01T00:00:00Z", "2021-12-31T23:59:59Z", "2022-01-01T00:00:00Z"]));
        group["date_to"] = json!(dice.pick(&["2022-06-30T23:59:59Z", "2022-06-27T06:01:32Z", "2022-12-31T23:59:59Z"]));
        if dice.percent(50) {
            group["date_field"] = json!(dice.pick(&dates).attribute());
        }
    }
    let tested: Vec<_> = resource.fields.iter().filter(|field| field.filter.is_some() && resource.computes(field)).collect();
    let nested: Vec<_> = tested.iter().copied().filter(|field| field.array().is_some()).collect();
    for _ in 0..dice.below(4) {
        let field = *dice.pick_either(60, &nested, &tested);
        let mut place = &mut filter;
        for step in field.owner().split('.') {
            place = &mut place[step];
        }
        place[field.filter.unwrap()] = test(dice, field);
    }
    filter
}

fn test(dice: &mut Dice, field: &Field) -> Value {
    match (field.filter_kind, field.kind) {
        (FilterKind::Query, _) => {
            json!({ "query": dice.pick(&["a", "placed + b", "-cancelled", "\"ß z\" | (10 + NOT 9)", "o'n*l", "p*d", "日*"]) })
        }
        (FilterKind::Choice(_), _) if dice.percent(50) => json!(dice.pick(MODES)),
        (FilterKind::Choice(_), _) => list(dice, MODES),
        (FilterKind::Among(_), _) => list(dice, FULFILLMENTS),
        (FilterKind::Numbers, _) if dice.percent(30) => json!({ "in": [10, "9"] }),
        (_, FieldType::Bool) => json!(dice.percent(50)),
        (_, FieldType::Text | FieldType::Organization) => match field.name {
            "order.status" => list(dice, STATUSES),
            "line_items.item_type" => list(dice, TYPES),
            _ => list(dice, TEXTS),
        },
        (_, FieldType::Timestamp) => comparison(dice, &MOMENTS.iter().map(|moment| json!(moment)).collect::<Vec<_>>()),
        _ => {
            let mut values: Vec<_> = (0..4).map(|_| value(dice, field)).collect();
            values.extend([json!(0.25), json!(1)]);
            comparison(dice, &values)
        }
    }
}

fn list(dice: &mut Dice, texts: &[&str]) -> Value {
    let values: Vec<_> = (0..1 + dice.below(3)).map(|_| *dice.pick(texts)).collect();
    json!({ *dice.pick(&["in", "in", "not_in"]): values })
}

fn comparison(dice: &mut Dice, values: &[Value]) -> Value {
    if dice.percent(60) {
        return json!({ *dice.pick(&["eq", "ne", "gt", "gte", "lt", "lte"]): dice.pick(values) });
    }
    json!({ *dice.pick(&["gt_lt", "gte_lt", "gt_lte", "gte_lte"]): [dice.pick(values), dice.pick(values)] })
}
