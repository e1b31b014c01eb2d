//! Erasing a person: nothing that is kept tells of them any more.
//!
//! Somebody is found by their e-mail, by the visitors that gave it, by the visitors that reported an order which the back end says is
//! theirs, and by every event in whose text the address stands. Finding walks through the whole log, on a connection that reads, away from
//! everybody who waits to be stored. What leads to the events (links, orders) goes last and in one transaction, so an erasure that was cut
//! short is completed by asking for it again.

use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, Row, ToSql, params_from_iter};
use serde::Serialize;

use super::identity::known_as;
use super::shop::{self, Keeper};
use super::{Store, imported};
use crate::Error;

/// How many places of the log are looked at in one go.
const WALK: i64 = 20_000;

/// How many events are taken out in one transaction: shoppers wait no longer than that takes.
const STRIKE: usize = 1_000;

/// How many events may be left to look at in the last transaction.
const REST: i64 = 1_000;

/// What an erasure removed, and from what it removed the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Events of the person, or with their address in them, taken out of the log.
    pub events: u64,
    /// Visitors that were known as the person.
    pub visitors: u64,
    /// The customer's record.
    pub customers: u64,
    /// Carts, imported ones too.
    pub carts: u64,
    /// Orders that stay, without the person.
    pub orders: u64,
    /// Returns that stay, without the person.
    pub returns: u64,
}

/// Somebody who is to be erased.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) project: i64,
    /// The normalised address.
    pub(super) email: String,
    spellings: Vec<String>,
}

impl Subject {
    pub(super) fn new(project: i64, email: String) -> Self {
        let encoded: String = email.bytes().map(percent_encoded).collect();
        let mut spellings = vec![email.clone(), email.replace('@', "%40"), encoded.clone(), encoded.replace('%', "%25")];
        spellings.sort_unstable();
        spellings.dedup();
        Self { project, email, spellings }
    }

    /// Whether the address stands in a text, as it is or as addresses of pages have it, and not as a part of a longer one.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.spellings.iter().any(|spelling| {
            let mut found = text.match_indices(spelling.as_str());
            found.any(|(at, _)| begins_here(&text[..at]) && ends_here(&text[at + spelling.len()..]))
        })
    }
}

/// As `encodeURIComponent` does it, in lower case.
fn percent_encoded(byte: u8) -> String {
    let plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    if plain { char::from(byte).to_string() } else { format!("%{byte:02x}") }
}

fn begins_here(before: &str) -> bool {
    // Behind an escape of an address (but for that of a plus) or of JSON begins something new.
    match before.as_bytes() {
        [.., b'%', b'2', b'b'] | [.., b'%', b'2', b'5', b'2', b'b'] => false,
        [.., b'%', _, _] | [.., b'%', b'2', b'5', _, _] | [.., b'\\', _] | [] => true,
        [.., last] => !last.is_ascii_alphanumeric() && last.is_ascii() && !b"._%+-".contains(last),
    }
}

fn ends_here(behind: &str) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    match behind.as_bytes() {
        [b'.', next, ..] => !name(next),
        [next, ..] => !name(next) && !b"-_".contains(next),
        [] => true,
    }
}

/// An event that goes.
#[derive(Debug)]
pub(super) struct Found {
    seq: i64,
    /// Somebody else whose event it is and of whom something has to be derived again without it.
    of: Option<shop::Person>,
}

/// The last step of an erasure.
#[derive(Debug)]
pub(super) struct Forgetting {
    pub(super) subject: Arc<Subject>,
    /// The place up to which the log was looked through.
    after: i64,
    /// The imported records to look at again, and the change up to which they were looked through.
    imported: (Vec<imported::Key>, i64),
    /// Told when it is done.
    told: Arc<OnceLock<Erased>>,
}

impl Store {
    /// Erases a person by their normalised address, and says what was removed. An error means that something may still be there.
    pub async fn erase(&self, project: i64, email: String) -> Result<Erased, Error> {
        let subject = Arc::new(Subject::new(project, email));
        let (mut after, mut events) = (0, 0);
        loop {
            let head = self.head.borrow().0;
            if head - after <= REST {
                break;
            }
            let until = head.min(after + WALK);
            let wanted = Arc::clone(&subject);
            let mut found = self.readers.with(move |connection| find(connection, &wanted, after, until)).await?;
            (after, events) = (until, events + found.len() as u64);
            while !found.is_empty() {
                let rest = found.split_off(found.len().min(STRIKE));
                self.queue()?.strike(project, std::mem::replace(&mut found, rest)).await?;
            }
        }
        let wanted = Arc::clone(&subject);
        let imported = self.readers.with(move |connection| imported::naming(connection, &wanted, 0)).await?;
        let told = Arc::new(OnceLock::new());
        self.queue()?.forget(Forgetting { subject, after, imported, told: Arc::clone(&told) }).await?;
        let mut erased = told.get().cloned().unwrap_or_default();
        erased.events += events;
        Ok(erased)
    }
}

/// Takes events out of the log.
pub(super) fn strike(connection: &Connection, shop: &mut Keeper<'_>, project: i64, found: &[Found]) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM event WHERE seq = ?1 AND project = ?2")?;
    for Found { seq, of } in found {
        delete.execute([*seq, project])?;
        shop.mark_all(project, of.clone());
    }
    Ok(())
}

/// Takes the rest of a person away, within the keeper's transaction.
pub(super) fn forget(connection: &Connection, shop: &mut Keeper<'_>, forgetting: &Forgetting) -> rusqlite::Result<()> {
    let Forgetting { subject, after, imported: (keys, change), told } = forgetting;
    let found = find(connection, subject, *after, i64::MAX)?;
    strike(connection, shop, subject.project, &found)?;
    let mut erased = shop.forget(subject)?;
    let (late, _) = imported::naming(connection, subject, *change)?;
    imported::forget(connection, shop, subject, keys.iter().chain(&late), &mut erased)?;
    erased.events += found.len() as u64;
    // Already told where the transaction is tried again, which it never is.
    let _ = told.set(erased);
    Ok(())
}

/// Returns the events of a part of the log that are the person's, or name them.
fn find(connection: &Connection, subject: &Subject, after: i64, until: i64) -> rusqlite::Result<Vec<Found>> {
    let strangers = shop::strangers(connection, subject.project, &subject.email)?;
    let mut visitors = shop::visitors_of(connection, subject.project, &subject.email)?;
    visitors.extend(strangers.iter().cloned());
    let names = serde_json::to_string(&visitors).unwrap_or_default();
    let spelled: String =
        (0..subject.spellings.len()).map(|at| format!(" OR instr(lower(page), ?{0}) OR instr(lower(params), ?{0})", at + 6)).collect();
    let query = format!(
        "SELECT seq, time, step, visitor, email, {}, page, params FROM event WHERE +project = ?1 AND seq > ?2 AND seq <= ?3
         AND (email = ?4 OR visitor IN (SELECT value FROM json_each(?5)){spelled})",
        known_as!()
    );
    let mut values: Vec<&dyn ToSql> = vec![&subject.project, &after, &until, &subject.email, &names];
    values.extend(subject.spellings.iter().map(|spelling| spelling as &dyn ToSql));
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(judge(row, subject, &strangers)?);
    }
    Ok(found)
}

fn judge(row: &Row<'_>, subject: &Subject, strangers: &[String]) -> rusqlite::Result<Option<Found>> {
    let (visitor, known): (Option<String>, Option<String>) = (row.get(3)?, row.get(5)?);
    let is_theirs = match &known {
        Some(email) => *email == subject.email,
        None => visitor.as_ref().is_some_and(|visitor| strangers.contains(visitor)),
    };
    let seq = row.get(0)?;
    if is_theirs {
        return Ok(Some(Found { seq, of: None }));
    }
    let named = subject.is_named_in(row.get_ref(6)?.as_str()?) || subject.is_named_in(row.get_ref(7)?.as_str()?);
    let counts = row.get::<_, Option<i64>>(2)?.is_some();
    let of = visitor.map(shop::Person::Visitor).or(known.map(shop::Person::Email)).filter(|_| counts);
    Ok(named.then_some(Found { seq, of }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_it_is_written_and_not_within_another() {
        let subject = Subject::new(1, "jo+b@x.com".into());
        for text in [
            "jo+b@x.com",
            r#"{"a":"JO+B@x.com."}"#,
            "?e=jo%2Bb%40x.com&x",
            "e%3Djo+b%40x.com",
            "?u=e%253Djo%252Bb%2540x.com",
            "mailto:jo+b@x.com",
            r#""\njo+b@x.com""#,
            "jo+b@x.com. Thanks",
        ] {
            assert!(subject.is_named_in(text), "{text}");
        }
        for text in ["mojo+b@x.com", "a.jo+b@x.com", "jo+b@x.com.au", "jo+b@x.community", "jo+b@x.com-x", "jo@x.com", "a%2Bjo%2Bb%40x.com"]
        {
            assert!(!subject.is_named_in(text), "{text}");
        }
    }
}
