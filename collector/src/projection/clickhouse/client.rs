//! Statements over the HTTP interface of ClickHouse.
//!
//! Every response is complete when it begins, so a statement either succeeds or fails as a whole, with a status.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use ureq::Agent;

use crate::metrics::rows::{Cell, Row, Rows};
use crate::projection::clickhouse::address::ClickHouseAddress;
use crate::projection::error::ProjectionError;
use crate::projection::sql::Bound;

/// How long a statement may take. The database stops it after this time too.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long it may take to request that statements are stopped. Their results wait meanwhile.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections stay open between statements.
const MAX_IDLE_CONNECTIONS: usize = 32;
/// The longest response.
const MAX_RESPONSE_BYTES: u64 = 1 << 30;

/// Settings of every statement, so that the server's own do not matter. They make ClickHouse follow the SQL standard, which all engines share.
const SETTINGS: &[(&str, &str)] = &[
    ("join_use_nulls", "1"),
    ("cast_keep_nullable", "1"),
    ("prefer_column_name_to_alias", "1"),
    ("allow_experimental_analyzer", "1"),
    ("async_insert", "0"),
    ("max_query_size", "100000000"),
    ("max_execution_time", "300"),
    ("mutations_sync", "0"),
    ("allow_nondeterministic_mutations", "1"),
    ("output_format_json_quote_64bit_integers", "0"),
    ("output_format_json_quote_denormals", "0"),
    ("http_write_exception_in_output_format", "0"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
    // The tables have no projections, and to look for one takes long with many columns.
    ("optimize_use_projections", "0"),
    // A step for each condition takes longer than to read all their columns at once.
    ("enable_multiple_prewhere_read_steps", "0"),
];
/// Further settings of replicated tables: a statement sees what earlier ones have written to any replica.
const REPLICATED: &[(&str, &str)] = &[("insert_quorum", "auto"), ("insert_quorum_parallel", "0"), ("select_sequential_consistency", "1")];

/// Codes of errors that an operator must correct, or that pass: of users, databases, limits and resources.
const UNAVAILABLE: &[&str] = &["81", "192", "193", "194", "202", "209", "210", "241", "242", "243", "425", "497", "516"];

/// The code of the error that a table does not exist. Only the collector creates and deletes tables.
const UNKNOWN_TABLE: &str = "60";

/// A client of one database.
pub(super) struct Client {
    agent: Agent,
    address: ClickHouseAddress,
    password: String,
    is_replicated: bool,
}

impl Client {
    pub(super) fn new(address: ClickHouseAddress, password: String, is_replicated: bool) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.timeout_connect(Some(CONNECT_TIMEOUT));
        let config = config.max_idle_connections(MAX_IDLE_CONNECTIONS).max_idle_connections_per_host(MAX_IDLE_CONNECTIONS);
        Self { agent: config.build().into(), address, password, is_replicated }
    }

    /// Runs a statement without a result.
    pub(super) fn execute(&self, sql: &str) -> Result<(), ProjectionError> {
        self.send(&[], "", sql.to_owned(), STATEMENT_TIMEOUT).map(drop)
    }

    /// Runs a statement with bound values, and returns its rows. `id` identifies the running statement.
    pub(super) fn query(&self, sql: &str, values: &[Bound], id: &str) -> Result<Rows, ProjectionError> {
        let names: Vec<_> = (1..=values.len()).map(|number| format!("param_p{number}")).collect();
        let texts: Vec<_> = values.iter().map(escaped).collect();
        let mut parameters = vec![("default_format", "JSONCompactEachRowWithNamesAndTypes")];
        parameters.extend(Some(("query_id", id)).filter(|_| !id.is_empty()));
        parameters.extend(names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)));
        parse(&self.send(&parameters, "", sql.to_owned(), STATEMENT_TIMEOUT)?)
    }

    /// Inserts rows, each a list in JSON, one a line.
    pub(super) fn insert(&self, table: &str, columns: &str, rows: String) -> Result<(), ProjectionError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.send(&[], &format!("INSERT INTO {table} ({columns}) FORMAT JSONCompactEachRow"), rows, STATEMENT_TIMEOUT).map(drop)
    }

    /// Requests that the database stops statements.
    pub(super) fn kill(&self, ids: &[String]) {
        // They may have ended meanwhile.
        let _ = self.send(&[], "", format!("KILL QUERY WHERE query_id IN ('{}') ASYNC", ids.join("', '")), KILL_TIMEOUT);
    }

    fn send(&self, parameters: &[(&str, &str)], query: &str, body: String, timeout: Duration) -> Result<String, ProjectionError> {
        let mut request = self.agent.post(&self.address.url).config().timeout_global(Some(timeout)).build();
        request = request.header("x-clickhouse-user", &self.address.user);
        if !self.password.is_empty() {
            request = request.header("x-clickhouse-key", &self.password);
        }
        request = request.query("database", &self.address.database).query("wait_end_of_query", "1");
        let replicated = if self.is_replicated { REPLICATED } else { &[] };
        let query = Some(("query", query)).filter(|(_, text)| !text.is_empty());
        for (name, value) in SETTINGS.iter().chain(replicated).chain(parameters).chain(query.as_ref()) {
            request = request.query(*name, *value);
        }
        let unavailable = |cause: &dyn std::fmt::Display| ProjectionError::Unavailable(format!("{}: {cause}", self.address.url));
        let mut response = request.send(body).map_err(|error| unavailable(&error))?;
        let code = response.headers().get("x-clickhouse-exception-code").and_then(|code| Some(code.to_str().ok()?.to_owned()));
        let text = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_string().map_err(|error| unavailable(&error))?;
        match (response.status().is_success(), code) {
            (true, None) => Ok(text),
            (_, Some(code)) if code == UNKNOWN_TABLE => Err(ProjectionError::Emptied(text)),
            (_, Some(code)) if !UNAVAILABLE.contains(&code.as_str()) => Err(ProjectionError::Engine(text)),
            (_, _) => Err(unavailable(&text.trim())),
        }
    }
}

/// Returns a value as the HTTP interface reads those of parameters.
fn escaped(value: &Bound) -> String {
    match value {
        Bound::Text(text) => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r").replace('\0', "\\0"),
        Bound::Integer(number) | Bound::Timestamp(number) => number.to_string(),
        Bound::Number(number) => number.to_string(),
    }
}

/// Parses rows that follow a line of names and one of types.
fn parse(text: &str) -> Result<Rows, ProjectionError> {
    let mut lines = text.lines().skip(1);
    let Some(types) = lines.next() else { return Ok(Vec::new()) };
    let malformed = |error: serde_json::Error| ProjectionError::Engine(format!("malformed rows: {error}"));
    let types: Vec<String> = serde_json::from_str(types).map_err(malformed)?;
    let row = |line: &str| {
        let values: Vec<&RawValue> = serde_json::from_str(line)?;
        values.into_iter().zip(&types).map(|(value, kind)| cell(value.get(), kind)).collect::<serde_json::Result<Row>>()
    };
    lines.map(row).collect::<serde_json::Result<Rows>>().map_err(malformed)
}

fn cell(json: &str, kind: &str) -> serde_json::Result<Cell> {
    // Sums may exceed the numbers of JSON.
    if kind.contains("Int128") {
        return Ok(json.trim_matches('"').parse().map_or(Cell::Null, Cell::Integer));
    }
    Ok(match serde_json::from_str(json)? {
        Value::Bool(is_true) => Cell::Bool(is_true),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, |number| Cell::Integer(number.into())),
        Value::String(text) => Cell::Text(text),
        Value::Array(values) if kind.contains("String") => {
            Cell::Texts(values.into_iter().filter_map(|value| if let Value::String(text) = value { Some(text) } else { None }).collect())
        }
        Value::Array(values) => Cell::Numbers(values.iter().filter_map(Value::as_f64).collect()),
        Value::Null | Value::Object(_) => Cell::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let rows = parse(
            "[\"a\",\"b\",\"c\"]\n[\"Nullable(Int128)\",\"Int128\",\"Int64\"]\n[18400000000000000000,\"-18400000000000000001\",7]\n[null,0,1]\n",
        );
        let integers = |numbers: [i128; 3]| numbers.map(Cell::Integer).to_vec();
        let expected =
            [integers([18_400_000_000_000_000_000, -18_400_000_000_000_000_001, 7]), vec![Cell::Null, Cell::Integer(0), Cell::Integer(1)]];
        assert_eq!(rows.unwrap(), expected);
    }
}
