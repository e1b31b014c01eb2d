//! Random questions about random records, answered twice: by the engine, and by a slow evaluator that is written as the documentation
//! reads. The answers must be equal, to the last digit.
//!
//! A failure prints its seed, and `METRICS_SEED=N` asks the questions of that seed alone.
#![cfg(feature = "duckdb")]

mod ask;
mod dice;
mod evaluate;
mod select;
mod world;

use serde_json::{Value, json};
use tillroll_collector::metrics::catalog::Resource;
use tillroll_collector::metrics::parse::{self, Context, MAX_RANGE_DAYS, QueryType};
use tillroll_collector::metrics::response;
use tillroll_collector::metrics::rows::Scope;
use tillroll_collector::projection::AnalyticsEngine;
use tillroll_collector::projection::duckdb::DuckDbEngine;
use tillroll_collector::time;

use dice::Dice;
use world::World;

const WORLDS: u64 = 8;
const QUESTIONS: usize = 120;
const PROJECT: i64 = 1;

/// The time at which all questions are asked.
fn now() -> i64 {
    time::parse_rfc3339("2022-07-01T12:00:00Z").unwrap().millis
}

#[test]
fn the_engine_answers_as_the_slow_evaluator() {
    let chosen = std::env::var("METRICS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = chosen.map_or(0..WORLDS, |seed| seed..seed + 1);
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let engine = DuckDbEngine::open(folder.path(), 0).unwrap();
        let world = World::new(&mut dice);
        world.put_into(&engine, &mut dice);
        for _ in 0..QUESTIONS {
            let question = ask::question(&mut dice);
            compare(&engine, &world, &question).unwrap_or_else(|report| panic!("seed {seed}: {report}"));
        }
    }
}

/// A question, and who asks it.
pub(crate) struct Question {
    resource: &'static str,
    kind: QueryType,
    markets: Vec<String>,
    body: Value,
}

fn compare(engine: &DuckDbEngine, world: &World, question: &Question) -> Result<(), String> {
    let records = select::records(world, question);
    if question.kind == QueryType::Search {
        return compare_pages(engine, &evaluate::search(&records, question), question);
    }
    let (found, _) = ask_engine(engine, question, &question.body)?;
    let expected = evaluate::data(&records, question);
    if found == expected { Ok(()) } else { Err(report(question, &found, &expected)) }
}

/// Follows the cursors to the end.
fn compare_pages(engine: &DuckDbEngine, expected: &[Value], question: &Question) -> Result<(), String> {
    let mut body = question.body.clone();
    let mut all = Vec::new();
    let limit = usize::try_from(body["search"]["limit"].as_u64().unwrap_or(50)).unwrap();
    loop {
        let (found, pagination) = ask_engine(engine, question, &body)?;
        let page = found.as_array().cloned().unwrap_or_default();
        if pagination["record_count"] != json!(expected.len()) {
            return Err(report(question, &pagination, &json!(expected.len())));
        }
        let is_full = page.len() == limit;
        all.extend(page);
        if pagination["cursor"].is_null() || !is_full {
            break;
        }
        body["search"]["cursor"] = pagination["cursor"].clone();
    }
    if all == expected { Ok(()) } else { Err(report(question, &json!(all), &json!(expected))) }
}

fn ask_engine(engine: &DuckDbEngine, question: &Question, body: &Value) -> Result<(Value, Value), String> {
    let context = Context { organization: "shop", now: now(), max_range_days: MAX_RANGE_DAYS };
    let resource = Resource::find(question.resource).unwrap();
    let query = parse::parse(resource, question.kind, body, context).map_err(|refusal| format!("{refusal:?}\n{body}"))?;
    let scope = Scope { project: PROJECT, organization: "shop".into(), markets: question.markets.clone() };
    let results = engine.query(&query, &scope).map_err(|error| format!("{error:?}\n{body}"))?;
    let answer = response::shape(&query, &scope, &results);
    Ok((answer.data, answer.pagination.unwrap_or_default()))
}

fn report(question: &Question, found: &Value, expected: &Value) -> String {
    let Question { resource, kind, markets, body } = question;
    format!("{resource} {kind:?} {markets:?}\n{body}\nfound    {found}\nexpected {expected}")
}
