//! The part of the log that says what people put into carts and told of themselves, found by person.
//!
//! An index holds these few types of event only. The newest of a person's events are enough: a person with more than
//! [`STEPS`] of them is a machine, and must not be able to keep the store busy.

use rusqlite::{Connection, Row, params};

use super::person::Person;

/// The most events of one visitor that are looked at, the newest ones.
const STEPS: i64 = 1_000;

/// The most links of a visitor or an e-mail that are looked at, the newest ones.
const LINKS: i64 = 256;

/// Returns which part of a person's history an event of this type belongs to, if to any.
pub(super) fn step_of(kind: &str) -> Option<i64> {
    match kind {
        "basket_add" | "basket_remove" | "basket_update" => Some(About::Carts as i64),
        "customer_details" | "tag" | "identify" => Some(About::Profile as i64),
        _ => None,
    }
}

/// Whether a step is one of carts.
pub(super) fn is_of_carts(step: i64) -> bool {
    step == About::Carts as i64
}

/// What a part of a person's history is about; its number stands in the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    Carts = 1,
    Profile = 2,
}

/// An event of somebody's history.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// Its place in the log.
    pub(super) seq: i64,
    pub(super) time: u64,
    pub(super) id: [u8; 16],
    pub(super) kind: String,
    pub(super) store: Option<String>,
    pub(super) params: String,
}

impl Step {
    /// Reads the columns `time, id, type, store, params`, the first of which is at `at`, of a row that begins with its place.
    pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            time: row.get::<_, i64>(at)?.cast_unsigned(),
            id: row.get(at + 1)?,
            kind: row.get(at + 2)?,
            store: row.get(at + 3)?,
            params: row.get(at + 4)?,
        })
    }
}

/// An e-mail that a visitor gave.
#[derive(Clone, Debug)]
pub(super) struct Link {
    time: u64,
    pub(super) email: String,
}

/// Returns the e-mails that a visitor gave, in the order of time.
pub(super) fn links(connection: &Connection, project: i64, visitor: &str) -> rusqlite::Result<Vec<Link>> {
    let mut statement = connection
        .prepare_cached("SELECT time, email FROM link WHERE project = ?1 AND visitor = ?2 ORDER BY time DESC, event DESC LIMIT ?3")?;
    let link = |row: &Row<'_>| Ok(Link { time: row.get::<_, i64>(0)?.cast_unsigned(), email: row.get(1)? });
    let mut links = statement.query_map(params![project, visitor, LINKS], link)?.collect::<rusqlite::Result<Vec<_>>>()?;
    links.reverse();
    Ok(links)
}

/// Returns who a visitor with these links was at `time`: the last one by then, else the first one ever.
pub(super) fn known(links: &[Link], time: u64) -> Option<&str> {
    links.iter().rfind(|link| link.time <= time).or(links.first()).map(|link| link.email.as_str())
}

/// Returns who a person of a table turned out to be.
pub(super) fn resolve(connection: &Connection, project: i64, person: Person, time: u64) -> rusqlite::Result<Person> {
    let Person::Visitor(visitor) = &person else { return Ok(person) };
    let links = links(connection, project, visitor)?;
    Ok(known(&links, time).map_or(person.clone(), |email| Person::Email(email.into())))
}

/// Returns the visitors that gave this e-mail.
pub(super) fn visitors(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT visitor FROM (SELECT visitor FROM link INDEXED BY link_of_email WHERE project = ?1 AND email = ?2
         ORDER BY time DESC, visitor DESC, event DESC LIMIT ?3)",
    )?;
    statement.query_map(params![project, email, LINKS], |row| row.get(0))?.collect()
}

/// Returns the events that are a person's, in the order of time.
pub(super) fn steps(connection: &Connection, project: i64, person: &Person, about: About) -> rusqlite::Result<Vec<Step>> {
    let mut steps = match person {
        Person::Visitor(visitor) if links(connection, project, visitor)?.is_empty() => of_visitor(connection, project, visitor, about)?,
        Person::Visitor(_) => Vec::new(),
        Person::Email(email) => {
            let mut steps = of_email(connection, project, email, about)?;
            for visitor in visitors(connection, project, email)? {
                let links = links(connection, project, &visitor)?;
                let theirs = of_visitor(connection, project, &visitor, about)?;
                steps.extend(theirs.into_iter().filter(|step| known(&links, step.time) == Some(email)));
            }
            steps
        }
    };
    steps.sort_by_key(|step| (step.time, step.id));
    let machine = steps.len().saturating_sub(STEPS as usize);
    steps.drain(..machine);
    Ok(steps)
}

fn of_visitor(connection: &Connection, project: i64, visitor: &str, about: About) -> rusqlite::Result<Vec<Step>> {
    let query = "SELECT seq, time, id, type, store, params FROM step INDEXED BY step_of_visitor
                 WHERE project = ?1 AND visitor = ?2 AND step = ?3 ORDER BY time DESC LIMIT ?4";
    ask(connection, project, visitor, about, query)
}

fn of_email(connection: &Connection, project: i64, email: &str, about: About) -> rusqlite::Result<Vec<Step>> {
    let query = "SELECT seq, time, id, type, store, params FROM step INDEXED BY step_of_email
                 WHERE project = ?1 AND email = ?2 AND step = ?3 ORDER BY time DESC LIMIT ?4";
    ask(connection, project, email, about, query)
}

fn ask(connection: &Connection, project: i64, name: &str, about: About, query: &'static str) -> rusqlite::Result<Vec<Step>> {
    connection.prepare_cached(query)?.query_map(params![project, name, about as i64, STEPS], |row| Step::read(row, 1))?.collect()
}
