//! How events stand in a row of the log, one after the other.
//!
//! They stand in parts, each of which begins with the number of its places, a byte. A place begins with what is true of its event, and an
//! empty one, whose event was a duplicate or was erased, has nothing else. A text that is the one of the event before is not written again:
//! most of what a page tells together is of one visitor on one page. A part is made by one sender and knows nothing of those before it, so
//! parts are put together as they are. A text is its length and its bytes, and numbers are LEB128.

use std::ops::Range;

use rusqlite::types::Type;
use tillroll_protocol::event::{Page, Visitor};
use uuid::Uuid;

/// The most places of a part; a byte holds their number.
const PLACES: u8 = 64;

/// From so many bytes on a part takes no further event.
const FULL: usize = 16 * 1024;

/// What is true of an event.
mod flag {
    pub(super) const VISITOR: u8 = 1;
    pub(super) const EMAIL: u8 = 2;
    pub(super) const SESSION: u8 = 4;
    pub(super) const STORE: u8 = 8;
    pub(super) const BOT: u8 = 16;
    pub(super) const STEP: u8 = 32;
    pub(super) const EMPTY: u8 = 128;
}

/// How many texts of an event may be those of the one before it.
const TEXTS: usize = 8;

/// An event as it stands in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) key: Uuid,
    /// In milliseconds since 1970, as the next one.
    pub(super) time: u64,
    pub(super) received_at: u64,
    pub(super) kind: &'a str,
    pub(super) api: &'a str,
    /// Who did it, as far as the event says.
    pub(super) who: Option<Visitor<&'a str>>,
    pub(super) session: Option<&'a str>,
    pub(super) store: Option<&'a str>,
    pub(super) page: Page<&'a str>,
    /// A JSON object.
    pub(super) params: &'a str,
    pub(super) is_bot: bool,
    /// Whether the event is a step of somebody's history, too.
    pub(super) is_step: bool,
}

impl<'a> Record<'a> {
    fn flags(&self) -> u8 {
        let who = match self.who {
            Some(Visitor::Id(_)) => flag::VISITOR,
            Some(Visitor::Email(_)) => flag::EMAIL,
            None => 0,
        };
        let flags = [(self.session.is_some(), flag::SESSION), (self.store.is_some(), flag::STORE)];
        let flags = flags.into_iter().chain([(self.is_bot, flag::BOT), (self.is_step, flag::STEP)]);
        flags.filter(|(is_set, _)| *is_set).fold(who, |all, (_, flag)| all | flag)
    }

    /// What is missing is taken for the text of the event before.
    fn texts(&self) -> [Option<&'a str>; TEXTS] {
        let who = self.who.map(|(Visitor::Id(name) | Visitor::Email(name))| name);
        let Page { url, referrer, title } = self.page;
        [Some(self.kind), Some(self.api), who, self.session, self.store, Some(url), Some(referrer), Some(title)]
    }

    /// Reads what stands in a place that is not empty. `seen` are the texts of the event before, and then those of this one.
    fn read(rest: &mut &'a [u8], flags: u8, seen: &mut [&'a str; TEXTS]) -> Option<Self> {
        let same = *rest.split_off_first()?;
        let key = Uuid::from_bytes(*rest.split_off(..16)?.first_chunk()?);
        let (time, received_at) = (read_number(rest)?, read_number(rest)?);
        for (at, text) in seen.iter_mut().enumerate() {
            if same & 1 << at == 0 {
                *text = read_text(rest)?;
            }
        }
        let params = read_text(rest)?;
        let [kind, api, name, session, store, url, referrer, title] = *seen;
        let is = |flag: u8| flags & flag != 0;
        let who = if is(flag::VISITOR) { Some(Visitor::Id(name)) } else { is(flag::EMAIL).then_some(Visitor::Email(name)) };
        Some(Self {
            key,
            time,
            received_at,
            kind,
            api,
            who,
            session: is(flag::SESSION).then_some(session),
            store: is(flag::STORE).then_some(store),
            page: Page { url, referrer, title },
            params,
            is_bot: is(flag::BOT),
            is_step: is(flag::STEP),
        })
    }
}

/// Writes parts.
#[derive(Debug, Default)]
pub(super) struct Writer {
    body: Vec<u8>,
    /// Where each part begins, and how many places it has.
    parts: Vec<(usize, u8)>,
    /// Where the texts of the event before stand.
    seen: [Range<usize>; TEXTS],
}

impl Writer {
    /// Makes room for so many bytes.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.body.reserve(bytes);
    }

    /// Returns how many bytes were written.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// Adds a place with an event in it.
    pub(super) fn push(&mut self, record: &Record<'_>) {
        self.begin_place();
        let texts = record.texts();
        let mut same = 0;
        for (at, (text, seen)) in texts.iter().zip(&self.seen).enumerate() {
            if text.is_none_or(|text| self.body.get(seen.clone()) == Some(text.as_bytes())) {
                same |= 1 << at;
            }
        }
        self.body.extend_from_slice(&[record.flags(), same]);
        self.body.extend_from_slice(record.key.as_bytes());
        number(&mut self.body, record.time);
        number(&mut self.body, record.received_at);
        for (at, (text, seen)) in texts.iter().zip(&mut self.seen).enumerate() {
            if let Some(text) = text.filter(|_| same & 1 << at == 0) {
                write_text(&mut self.body, text);
                *seen = self.body.len() - text.len()..self.body.len();
            }
        }
        write_text(&mut self.body, record.params);
    }

    /// Adds an empty place.
    pub(super) fn leave_out(&mut self) {
        self.begin_place();
        self.body.push(flag::EMPTY);
    }

    fn begin_place(&mut self) {
        match self.parts.last_mut() {
            Some((begin, count)) if *count < PLACES && self.body.len() - *begin < FULL => {
                *count += 1;
                if let Some(head) = self.body.get_mut(*begin) {
                    *head = *count;
                }
            }
            _ => self.begin_part(),
        }
    }

    fn begin_part(&mut self) {
        self.parts.push((self.body.len(), 1));
        self.body.push(1);
        self.seen = Default::default();
    }

    /// Returns each part, and how many places it has.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let ends = self.parts.iter().skip(1).map(|(begin, _)| *begin).chain([self.body.len()]);
        self.parts.iter().zip(ends).map(|((begin, count), end)| (self.body.get(*begin..end).unwrap_or_default(), usize::from(*count)))
    }
}

/// Returns parts without some of their events, of which the places are empty then. `stays` is asked by a place's number, from 0.
pub(super) fn without(body: &[u8], mut stays: impl FnMut(usize) -> bool) -> rusqlite::Result<Vec<u8>> {
    let (mut kept, mut first) = (Vec::with_capacity(body.len()), 0);
    for part in Parts(body) {
        let mut writer = Writer::default();
        let places = part?;
        for (at, place) in (first..).zip(&places) {
            match place {
                Some(record) if stays(at) => writer.push(record),
                _ => writer.leave_out(),
            }
        }
        first += places.len();
        kept.append(&mut writer.body);
    }
    Ok(kept)
}

/// Returns the events of a row, of which the last place has the number `last`.
pub(super) fn events(body: &[u8], last: i64, count: i64) -> rusqlite::Result<Vec<(i64, Record<'_>)>> {
    let mut events = Vec::new();
    let mut seq = last - count;
    for part in Parts(body) {
        for place in part? {
            seq += 1;
            events.extend(place.map(|record| (seq, record)));
        }
    }
    if seq == last { Ok(events) } else { Err(damaged()) }
}

/// The parts of a row.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn part(&mut self) -> Option<Vec<Option<Record<'a>>>> {
        let rest = &mut self.0;
        let count = usize::from(*rest.split_off_first()?);
        let (mut places, mut seen) = (Vec::with_capacity(count), [""; TEXTS]);
        for _ in 0..count {
            places.push(match *rest.split_off_first()? {
                flag::EMPTY => None,
                flags => Some(Record::read(rest, flags, &mut seen)?),
            });
        }
        Some(places)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = rusqlite::Result<Vec<Option<Record<'a>>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = self.part().ok_or_else(damaged);
        if part.is_err() {
            self.0 = &[];
        }
        Some(part)
    }
}

fn damaged() -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, "a pack of events is damaged".into())
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..10 {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn read_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(read_number(rest)?).ok()?;
    std::str::from_utf8(rest.split_off(..length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Texts = (String, Option<String>, Option<String>, Option<String>, String, String);

    fn any_texts() -> impl Strategy<Value = Vec<(u128, u64, Texts)>> {
        let some = || prop::option::of("[ab]{0,2}");
        let texts = ("[ab]", some(), some(), some(), "[ab]{0,2}", ".*");
        prop::collection::vec((any::<u128>(), any::<u64>(), texts), 0..150)
    }

    fn record((key, time, (kind, who, session, store, url, params)): &(u128, u64, Texts)) -> Record<'_> {
        let page = Page { url: url.as_str(), referrer: kind, title: "" };
        let who = who.as_deref().map(|who| if time % 2 == 0 { Visitor::Id(who) } else { Visitor::Email(who) });
        let (key, received_at, session, store) = (Uuid::from_u128(*key), time / 2, session.as_deref(), store.as_deref());
        let (is_bot, is_step) = (time % 3 == 0, time % 5 == 0);
        Record { key, time: *time, received_at, kind, api: "tillroll", who, session, store, page, params, is_bot, is_step }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_with_and_without_some_of_it(texts in any_texts(), every in 1_usize..5) {
            let records: Vec<Record<'_>> = texts.iter().map(record).collect();
            let mut writer = Writer::default();
            records.iter().for_each(|record| writer.push(record));
            let body: Vec<u8> = writer.parts().flat_map(|(part, _)| part).copied().collect();
            prop_assert_eq!(writer.parts().map(|(_, count)| count).sum::<usize>(), records.len());
            let last = records.len() as i64;
            let all: Vec<_> = (1..).zip(records).collect();
            prop_assert_eq!(&events(&body, last, last).unwrap(), &all);
            let fewer = without(&body, |at| at % every == 0).unwrap();
            let kept: Vec<_> = all.into_iter().step_by(every).collect();
            prop_assert_eq!(events(&fewer, last, last).unwrap(), kept);
        }

        #[test]
        fn a_damaged_row_is_an_error_and_no_panic(body: Vec<u8>, count in 0_i64..9) {
            let _ = events(&body, 9, count);
        }
    }

    #[test]
    fn what_is_as_before_is_not_written_again() {
        let texts = (0, 7, ("product_view".to_owned(), Some("ab".repeat(20)), None, None, "https://x/".repeat(9), "{}".to_owned()));
        let mut writer = Writer::default();
        writer.push(&record(&texts));
        let first = writer.len();
        writer.push(&record(&texts));
        assert_eq!(writer.len() - first, 2 + 16 + 2 + 3);
    }
}
