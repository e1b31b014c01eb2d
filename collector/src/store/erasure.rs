//! Erasing a person: nothing that is kept tells of them any more.
//!
//! Somebody is found by their e-mail, by the visitors that gave it, by the visitors that reported an order which the back end says is
//! theirs, and by every event in whose text the address stands. Finding walks through the whole log, on a connection that reads, away from
//! everybody who waits to be stored. What leads to the events (links, orders) goes last and in one transaction, so an erasure that was cut
//! short is completed by asking for it again.

use std::sync::{Arc, OnceLock};

use rusqlite::Connection;
use serde::Serialize;
use tillroll_protocol::event::Visitor;
use uuid::Uuid;

use super::identity::known_as;
use super::record::{self, Record};
use super::shop::{self, Keeper};
use super::{Store, imported, log, packer, step, trim};
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
        // Every spelling has one of the two, and hardly any text has.
        if !text.contains(['@', '%']) {
            return false;
        }
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
    /// Its id.
    key: Uuid,
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
            // In one transaction: what leaves the log meanwhile is seen in its place there, or among the steps, and in one of both.
            let look = move |connection: &Connection| find(&*connection.unchecked_transaction()?, &wanted, after, until);
            let mut found = self.readers.with(look).await?;
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

/// Takes events out of the log, and what was kept of them for the state.
pub(super) fn strike(connection: &Connection, shop: &mut Keeper<'_>, project: i64, found: &[Found]) -> rusqlite::Result<()> {
    for Found { seq, key, of } in found {
        step::drop(connection, project, *seq, key)?;
        shop.mark_all(project, of.clone());
    }
    if found.iter().any(|found| found.of.is_some()) {
        trim::settle_anew(connection)?;
    }
    let mut places: Vec<i64> = found.iter().map(|found| found.seq).collect();
    places.sort_unstable();
    log::empty(connection, project, &places)
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
    let search = Search { connection, subject, strangers, visitors };
    let mut found = Vec::new();
    let mut steps = connection.prepare_cached(
        "SELECT seq, time, visitor, email, id, params FROM step
         WHERE +project = ?1 AND seq > ?2 AND seq <= MIN(?3, (SELECT trimmed FROM head)) ORDER BY seq",
    )?;
    // A row of the log that reached beyond the end of the part before this one was left to this one, and may have gone since.
    let mut rows = steps.query([subject.project, after - packer::PLACES, until])?;
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get_ref(at).and_then(|value| Ok(value.as_str_or_null()?));
        let who = text(2)?.map(Visitor::Id).or(text(3)?.map(Visitor::Email));
        let key = Uuid::from_bytes(row.get(4)?);
        let time = row.get::<_, i64>(1)?.cast_unsigned();
        found.extend(search.judge(&Trace { seq: row.get(0)?, key, time, who, is_step: true, texts: &[text(5)?.unwrap_or_default()] })?);
    }
    let mut packs =
        connection.prepare_cached("SELECT last, count, body FROM pack WHERE +project = ?1 AND last > ?2 AND last <= ?3 ORDER BY last")?;
    let mut rows = packs.query([subject.project, after, until])?;
    while let Some(row) = rows.next()? {
        for (seq, Record { key, time, who, page, params, is_step, .. }) in
            record::events(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)?
        {
            let texts = &[page.url, page.referrer, page.title, params];
            found.extend(search.judge(&Trace { seq, key, time, who, is_step, texts })?);
        }
    }
    Ok(found)
}

/// Who is looked for.
struct Search<'a> {
    connection: &'a Connection,
    subject: &'a Subject,
    /// Visitors who never said who they are, but are known to be the person.
    strangers: Vec<String>,
    /// They, and those who ever said that they are the person.
    visitors: Vec<String>,
}

/// What is looked at of an event.
struct Trace<'a> {
    seq: i64,
    key: Uuid,
    time: u64,
    who: Option<Visitor<&'a str>>,
    is_step: bool,
    texts: &'a [&'a str],
}

impl Search<'_> {
    fn judge(&self, trace: &Trace<'_>) -> rusqlite::Result<Option<Found>> {
        let &Trace { seq, key, time, who, is_step, texts } = trace;
        let among = |visitors: &[String]| matches!(who, Some(Visitor::Id(id)) if visitors.iter().any(|visitor| visitor == id));
        let is_candidate = among(&self.visitors) || who == Some(Visitor::Email(self.subject.email.as_str()));
        let is_named = texts.iter().any(|text| self.subject.is_named_in(text));
        if !is_candidate && !is_named {
            return Ok(None);
        }
        let known = known_as(self.connection, self.subject.project, who, time)?;
        if known.as_ref().map_or_else(|| among(&self.strangers), |email| *email == self.subject.email) {
            return Ok(Some(Found { seq, key, of: None }));
        }
        let visitor = if let Some(Visitor::Id(id)) = who { Some(shop::Person::Visitor(id.to_owned())) } else { None };
        let of = visitor.or(known.map(shop::Person::Email)).filter(|_| is_step);
        Ok(is_named.then_some(Found { seq, key, of }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pack::Pack;
    use super::super::queue::Entries;
    use super::super::schema;
    use super::super::shop::Voucher;
    use super::*;
    use std::ops::Range;
    use std::time::Duration;
    use tillroll_protocol::event::{Event, Page};
    use tillroll_protocol::params::EventParams;

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

    /// A store in which somebody puts things into a cart.
    struct Shop {
        _folder: tempfile::TempDir,
        connection: Connection,
        subject: Subject,
    }

    impl Shop {
        fn open() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            let mut connection = schema::connect(&path, Duration::ZERO).unwrap();
            schema::migrate(&mut connection, &path).unwrap();
            let project = schema::project(&connection, "t").unwrap();
            Self { _folder: folder, connection, subject: Subject::new(project, "a@x.com".into()) }
        }

        /// Stores events with these ids, which come at a time, and returns how many were new.
        fn add(&self, ids: Range<u128>, received_at: u64) -> u64 {
            let mut pack = Pack::new(received_at, Voucher::Page);
            for id in ids {
                let key = Uuid::from_u128(id);
                let visitor = Visitor::Email("a@x.com".to_owned());
                let params = r#"{"product_id":"1","quantity":1}"#.to_owned();
                let (kind, api) = ("basket_add".to_owned(), "shop".to_owned());
                let event = Event {
                    id: String::new(),
                    kind,
                    api,
                    time: 1,
                    visitor,
                    session_id: None,
                    store_id: None,
                    page: Page::default(),
                    params: EventParams::from_stored(params),
                };
                pack.push(key, &event);
            }
            let entries = Entries { project: self.subject.project, pack };
            let mut shop = Keeper::begin(&self.connection).unwrap();
            let mut log = log::Appender::begin(&self.connection).unwrap();
            let appended = log.append(&[&entries], &mut shop).unwrap();
            shop.finish().unwrap();
            log.finish().unwrap();
            appended[0].accepted
        }

        fn find(&self, after: i64, until: i64) -> Vec<Found> {
            find(&self.connection, &self.subject, after, until).unwrap()
        }

        fn strike(&self, found: &[Found]) {
            let mut shop = Keeper::begin(&self.connection).unwrap();
            strike(&self.connection, &mut shop, self.subject.project, found).unwrap();
        }
    }

    #[test]
    fn what_leaves_the_log_between_two_looks_is_seen_by_one_of_them() {
        let shop = Shop::open();
        shop.add(0..10, 1);
        shop.add(10..11, 9);
        // The end of the first look lies within the first row, which is left to the second.
        let first = shop.find(0, 5);
        shop.strike(&first);
        let trimmed = trim::trim(&shop.connection, &mut Keeper::begin(&shop.connection).unwrap(), 5, 500).unwrap();
        let second = shop.find(5, i64::MAX);
        assert_eq!((trimmed.gone, first.len() + second.len()), (10, 11));
    }

    #[test]
    fn what_was_sent_again_while_two_erasures_went_on_is_known() {
        let shop = Shop::open();
        shop.add(0..3, 1);
        let found = shop.find(0, 3);
        shop.strike(&found);
        assert_eq!(shop.add(0..3, 2), 3);
        shop.strike(&found);
        assert_eq!(shop.add(0..3, 3), 0);
    }
}
