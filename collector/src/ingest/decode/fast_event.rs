//! An event as a page prints it, read at a glance.
//!
//! Only what may be stored is read here, and only where every field is what the page's core makes it. Anything else comes to nothing and is
//! read at length, where the reasons of refusals are.

use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::{apis, email, event_types, params};
use uuid::Uuid;

use crate::ingest::decode::event::{DecodedEvent, LAST_TIME, Text, VISITOR_CHARACTERS};
use crate::ingest::decode::fast_json::{FastReader, fill};

/// The names of the fields, in the order in which a page prints them.
const FIELDS: &[&str] = &["id", "type", "api", "time", "visitorId", "visitorEmail", "sessionId", "storeId", "page", "params"];

/// The names of what a page is known by.
const OF_PAGE: &[&str] = &["url", "referrer", "title"];

/// How much room parameters are given at first: enough for nearly all.
const PARAMS_BYTES: usize = 256;

/// The fields of an event, those that are there.
#[derive(Debug, Default)]
pub(super) struct Plain<'a> {
    id: Option<&'a str>,
    kind: Option<&'a str>,
    api: Option<&'a str>,
    time: Option<&'a str>,
    visitor_id: Option<&'a str>,
    visitor_email: Option<&'a str>,
    session_id: Option<&'a str>,
    store_id: Option<&'a str>,
    page: Option<Page<Option<Text<'a>>>>,
    params: Option<DynValue<&'a str>>,
}

impl<'a> Plain<'a> {
    /// Reads the fields of the object that comes next.
    pub(super) fn fill(&mut self, glance: &mut FastReader<'a>) -> Option<()> {
        glance.object(FIELDS, |glance, field| match field {
            0 => glance.text(&mut self.id),
            1 => glance.text(&mut self.kind),
            2 => glance.text(&mut self.api),
            3 => glance.digits(&mut self.time),
            4 => glance.text(&mut self.visitor_id),
            5 => glance.text(&mut self.visitor_email),
            6 => glance.text(&mut self.session_id),
            7 => glance.text(&mut self.store_id),
            8 => {
                let page = fill(&mut self.page, Page::default())?;
                glance.object(OF_PAGE, |glance, field| match field {
                    0 => glance.words(&mut page.url),
                    1 => glance.words(&mut page.referrer),
                    2 => glance.words(&mut page.title),
                    _ => glance.pass_inner(),
                })
            }
            9 => glance.value(fill(&mut self.params, DynValue::Null)?),
            _ => glance.value(&mut DynValue::Null),
        })
    }

    /// Reads the event.
    pub(super) fn read(&self) -> Option<DecodedEvent<Text<'a>>> {
        let id = self.id.filter(|id| id.len() == 36)?;
        let key = Uuid::try_parse(id).ok()?;
        let kind = event_types::find(self.kind?)?;
        let api = apis::find(self.api?)?;
        let time = self.time?.parse().ok().filter(|time| *time <= LAST_TIME)?;
        let visitor = self.visitor()?;
        let page = self.page.clone().unwrap_or_default();
        let [url, referrer, title] = [page.url, page.referrer, page.title].map(Option::unwrap_or_default);
        let params = self.params.as_ref().filter(|params| matches!(params, DynValue::Object(_)))?;
        let params = params::parse_into(String::with_capacity(PARAMS_BYTES), kind, params, &url).ok()?;
        let [session_id, store_id] = [self.session_id, self.store_id].map(|text| text.filter(|text| !text.is_empty()).map(Text::from));
        let (id, kind, api, page) = (String::new(), kind.name.into(), api.into(), Page { url, referrer, title });
        Some(DecodedEvent { key, event: Event { id, kind, api, time, visitor, session_id, store_id, params, page } })
    }

    fn visitor(&self) -> Option<Visitor<Text<'a>>> {
        match (self.visitor_id, self.visitor_email) {
            (Some(id), None) => {
                let is_one = !id.is_empty() && (id.len() <= VISITOR_CHARACTERS || id.chars().nth(VISITOR_CHARACTERS).is_none());
                is_one.then_some(Visitor::Id(id.into()))
            }
            (None, Some(text)) => email::normalise(text).map(|email| Visitor::Email(email.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodedEvent, RawEvent, batch, batch_at_length, event_at_length};
    use proptest::prelude::*;

    const EVENTS: &[&str] = &[
        r#"{"id":"01890A5D-0000-7000-8000-000000000000","type":"product_view","api":"headless","time":1518004715732,"visitorId":"ab","sessionId":"s","storeId":"x","page":{"url":"https://x/é","referrer":"https://y/","title":"A \"title\""},"params":{"product_id":"1234"}}"#,
        r#"{"id":"01890a5d-0000-7000-8000-000000000001","type":"basket_update","api":"tillroll","time":5,"visitorEmail":" A@x.com ","page":{"url":"https://x/"},"params":{"total":31.5,"currency":"EUR","lines":[{"product_id":"2","quantity":1,"price":10.5}],"changes":[]}}"#,
        r#"{"params":{"query":"","url":"/q"},"more":[1,{"a":null}],"api":"headless","visitorId":"ab","type":"search","sessionId":"","id":"01890a5d-0000-7000-8000-000000000002","time":0}"#,
    ];

    /// What a value of a member, or a part of it, is changed to.
    const PIECES: &[&str] = &[
        "null",
        "true",
        "1",
        "-1",
        "1.0",
        "1e3",
        "1518004715732",
        "9007199254740992",
        "\"\"",
        "\"a\"",
        "\"\\u0061\"",
        "\"\\/\"",
        "\"a@x.com\"",
        "\"order\"",
        "\"land\"",
        "\"headless\"",
        "[]",
        "{}",
        "[1,[2]]",
        "{\"url\":\"/\",\"url\":\"/b\"}",
        "{\"product_id\":2}",
        "{\"email\":\"a@x.com\"}",
        "\"id\"",
        "\"visitorId\"",
        "\"visitorEmail\"",
        "\"params\"",
        "\"01890a5d00007000800000000000000a\"",
        ",",
        ":",
        "}",
        "\"",
        "\\",
        " ",
        "\n",
        "\u{a0}",
        "é",
        "\u{0}",
    ];

    /// Where tokens begin or end.
    fn seams(text: &str) -> Vec<usize> {
        let marks = text.match_indices(|sign: char| "{}[]:,\"".contains(sign)).flat_map(|(at, _)| [at, at + 1]);
        marks.collect()
    }

    fn changed(mut text: String, changes: &[(prop::sample::Index, prop::sample::Index, prop::sample::Index)]) -> String {
        for (from, length, piece) in changes {
            let seams = seams(&text);
            if seams.is_empty() {
                break;
            }
            let from = from.index(seams.len());
            let to = (from + length.index(6)).min(seams.len() - 1);
            let (from, to) = (seams[from].min(seams[to]), seams[from].max(seams[to]));
            text.replace_range(from..to, PIECES[piece.index(PIECES.len())]);
        }
        text
    }

    fn same(text: &str) {
        assert_eq!(RawEvent::new(text).read().map(DecodedEvent::into_owned), event_at_length(text), "{text}");
    }

    #[test]
    fn what_a_page_prints_is_plain() {
        for event in EVENTS {
            assert!(RawEvent::new(event).read_plainly().is_some(), "{event}");
            same(event);
        }
        let body = format!(r#"{{"token":"t","sentAt":5,"dropped":2,"events":[{}]}}"#, EVENTS.join(","));
        let batch = batch(body.as_bytes()).unwrap();
        assert_eq!((batch.token.as_str(), batch.dropped, batch.events.len()), ("t", 2, 3));
        assert!(batch.events.iter().all(|sent| sent.read_plainly().is_some()));
    }

    #[test]
    fn a_bound_is_the_same_at_a_glance() {
        let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let events = [EVENTS[0], EVENTS[1], EVENTS[2]];
        for event in events {
            for depth in 20..26 {
                for place in ["\"url\"", "\"product_id\"", "\"query\"", "\"more\"", "\"currency\"", "\"lines\""] {
                    same(&event.replacen(place, &format!("\"deep\":{},{place}", deep(depth)), 1));
                }
            }
            for length in [127, 128, 129, 8 * 1024, 8 * 1024 + 1] {
                for letter in ["x", "é"] {
                    let long = format!("\"{}\"", letter.repeat(length));
                    same(&event.replace("\"ab\"", &long));
                    same(&event.replace("\"1234\"", &long));
                    same(&event.replace("\"query\"", &long));
                }
            }
            for length in [60, 70] {
                let many = vec![format!("\"{}\"", "x".repeat(1000)); length].join(",");
                same(&event.replacen('{', &format!("{{\"many\":[{many}],"), 1));
            }
            same(&format!(" {event}"));
            same(&format!("{event} \n"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_event_is_the_same_at_a_glance(at in 0..EVENTS.len(), changes: [(prop::sample::Index, prop::sample::Index, prop::sample::Index); 2]) {
            same(&changed(EVENTS[at].to_owned(), &changes));
        }

        #[test]
        fn a_batch_is_the_same_at_a_glance(changes: [(prop::sample::Index, prop::sample::Index, prop::sample::Index); 2]) {
            let body = format!(r#"{{"token":"t","dropped":2,"events":[{},5,[{{}}]],"sentAt":5}}"#, EVENTS[2]);
            let body = changed(body, &changes);
            let said = |read: Result<super::super::Batch<'_>, crate::Error>| match read {
                Ok(batch) => Ok((batch.token, batch.dropped, batch.events.iter().map(|sent| (sent.text().to_owned(), sent.read().map(DecodedEvent::into_owned))).collect::<Vec<_>>())),
                Err(error) => Err(error.to_string()),
            };
            prop_assert_eq!(said(batch(body.as_bytes())), said(batch_at_length(body.as_bytes())));
        }
    }
}
