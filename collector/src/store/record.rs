//! How events stand in a row of the log: a list of places on end, each of which begins with its length in four bytes.
//!
//! A place of the length 0 is empty: its event was a duplicate, or was erased. Else [`Record`] says what stands in it; a text is its length
//! and its bytes, and numbers are LEB128.

use rusqlite::types::Type;
use tillroll_protocol::event::{Page, Visitor};
use uuid::Uuid;

/// What the length of a place takes.
const LENGTH: usize = 4;

/// What may stand in a place, and what is true of its event.
mod flag {
    pub(super) const VISITOR: u8 = 1;
    pub(super) const EMAIL: u8 = 2;
    pub(super) const SESSION: u8 = 4;
    pub(super) const STORE: u8 = 8;
    pub(super) const BOT: u8 = 16;
    pub(super) const STEP: u8 = 32;
}

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
    /// Appends a place with this in it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0; LENGTH]);
        out.extend_from_slice(self.key.as_bytes());
        number(out, self.time);
        number(out, self.received_at);
        let (who, names) = match self.who {
            Some(Visitor::Id(id)) => (Some(id), flag::VISITOR),
            Some(Visitor::Email(email)) => (Some(email), flag::EMAIL),
            None => (None, 0),
        };
        let flags = [(self.session.is_some(), flag::SESSION), (self.store.is_some(), flag::STORE)];
        let flags = flags.into_iter().chain([(self.is_bot, flag::BOT), (self.is_step, flag::STEP)]);
        out.push(flags.filter(|(is_set, _)| *is_set).fold(names, |all, (_, flag)| all | flag));
        let Page { url, referrer, title } = self.page;
        for text in [Some(self.kind), Some(self.api), who, self.session, self.store].into_iter().flatten() {
            write_text(out, text);
        }
        [url, referrer, title, self.params].into_iter().for_each(|text| write_text(out, text));
        let length = out.len() - begin - LENGTH;
        // An event is 64 KB at most.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(begin..begin + LENGTH) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Reads a place without its length.
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let rest = &mut rest;
        let key = Uuid::from_bytes(*rest.split_off(..16)?.first_chunk()?);
        let (time, received_at) = (read_number(rest)?, read_number(rest)?);
        let flags = *rest.split_off_first()?;
        let (kind, api) = (read_text(rest)?, read_text(rest)?);
        let mut read_if = |flag: u8| if flags & flag == 0 { Some(None) } else { read_text(rest).map(Some) };
        let (visitor, email) = (read_if(flag::VISITOR)?, read_if(flag::EMAIL)?);
        let (session, store) = (read_if(flag::SESSION)?, read_if(flag::STORE)?);
        let page = Page { url: read_text(rest)?, referrer: read_text(rest)?, title: read_text(rest)? };
        let params = read_text(rest)?;
        let who = visitor.map(Visitor::Id).or(email.map(Visitor::Email));
        let (is_bot, is_step) = (flags & flag::BOT != 0, flags & flag::STEP != 0);
        Some(Self { key, time, received_at, kind, api, who, session, store, page, params, is_bot, is_step })
    }
}

/// Appends an empty place.
pub(super) fn write_empty(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; LENGTH]);
}

/// A place of a pack that is read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The number of the event in the log.
    pub(super) seq: i64,
    /// As it stands there, its length included.
    pub(super) bytes: &'a [u8],
}

impl<'a> Place<'a> {
    /// Returns whether nothing stands in it.
    pub(super) fn is_empty(self) -> bool {
        self.bytes.len() <= LENGTH
    }

    /// Returns what stands in it, if it is not empty.
    pub(super) fn record(self) -> rusqlite::Result<Option<Record<'a>>> {
        let bytes = self.bytes.get(LENGTH..).filter(|bytes| !bytes.is_empty());
        bytes.map(|bytes| Record::read(bytes).ok_or_else(damaged)).transpose()
    }
}

/// Returns the places of a pack whose last event has the number `last`.
pub(super) fn places(body: &[u8], last: i64, count: i64) -> rusqlite::Result<Vec<Place<'_>>> {
    let mut places = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let mut rest = body;
    for seq in last - count + 1..=last {
        let length = rest.first_chunk().map(|length| u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
        let bytes = rest.split_off(..LENGTH + length).ok_or_else(damaged)?;
        places.push(Place { seq, bytes });
    }
    if rest.is_empty() { Ok(places) } else { Err(damaged()) }
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
        number |= u64::from(byte & 0x7f).checked_shl(7 * at)?;
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

    proptest! {
        #[test]
        fn a_damaged_pack_is_an_error_and_no_panic(body: Vec<u8>, count in 0_i64..9) {
            for place in places(&body, 9, count).into_iter().flatten() {
                let _ = place.record();
            }
        }
    }

    #[test]
    fn an_empty_place_has_a_number_and_nothing_else() {
        let mut body = Vec::new();
        write_empty(&mut body);
        let places = places(&body, 7, 1).unwrap();
        assert_eq!((places[0].seq, places[0].record().unwrap()), (7, None));
    }
}
