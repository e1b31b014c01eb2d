//! The body of `POST /v2/calls`: the calls of a page, as it recorded and keeps them. The collector makes their events.
//!
//! The body is one object in the [flat format](crate::flat_format). `token` is its first property, so that a collector can refuse an unknown
//! one before it reads on.
//!
//! | property | value |
//! |---|---|
//! | `token` | the project's public token |
//! | `form` | [`FORM`]; a collector that does not read the form responds with 400, and the page keeps its calls |
//! | `sentAt` | when the page sent the body, in milliseconds since 1970 by the page's clock |
//! | `dropped` | how many calls the page has dropped since the last acknowledged request; may be missing |
//! | `visitor`, `session`, `notes`, `made` | the saved state of the browser, the first two as the cookies have it; only for calls without decisions |
//! | `queue` | the list of entries, in the order in which their events are stored |
//!
//! An entry is one of these:
//!
//! | entry | value |
//! |---|---|
//! | a decided call | a list of the [recorded call](crate::call) and the [decisions](crate::decisions) about it |
//! | a call without decisions | the recorded call. Its page closed before the core had loaded; the collector decides as the next page would |
//! | an event | a string: the JSON of an event as in `POST /v2/batch`, which version 0.1 of the library kept |
//!
//! The first form has neither `form` nor `queue`, and names no project in `session`; its list `calls` has only calls without decisions. Version 0.1
//! of the library sends it, and the other calls as `POST /v2/batch` does.

use std::borrow::Cow;

use uuid::Uuid;

use crate::apis;
use crate::call::Call;
use crate::call_check::LAND;
use crate::decisions::Decisions;
use crate::dyn_value::{ReadValue, ValueKind};
use crate::event::Visitor;
use crate::flat_format::{Entries, FlatValue, TERMINATOR, push_key, push_text};
use crate::placeholder::is_placeholder;
use crate::unchecked_event::UncheckedEvent;
use crate::visitor_context::{Identity, VisitorContext};
use crate::{id, number_text};

/// The number of the form that this version writes.
pub const FORM: u32 = 2;

/// How each body starts.
const TOKEN_PREFIX: &[u8] = b"{:token\x1f$";

/// Why a body is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsError {
    /// The form is none that this version reads.
    UnknownForm,
    /// There is no list of calls.
    NoCalls,
}

/// The calls of a page.
#[derive(Clone, Debug)]
pub struct CallsRequest<'a> {
    /// When the page sent the body, in milliseconds since 1970 by the page's clock.
    pub sent_at: Option<u64>,
    /// How many calls the page has dropped.
    pub dropped: u64,
    context: VisitorContext,
    entries: Entries<'a>,
}

/// What a request contains.
#[derive(Debug)]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::large_enum_variant, reason = "each value is made and used once; a box would cost every event an allocation")
)]
pub enum RecordedEvent<'a> {
    /// An event of a call.
    Call {
        /// The event id.
        id: Uuid,
        /// The event.
        event: UncheckedEvent<Cow<'a, str>, FlatValue<'a>>,
    },
    /// The JSON of an event, as in a batch.
    Json(&'a str),
    /// An entry that is no call: it lacks what every call has, or its time is no integer of milliseconds.
    NoCall,
    /// An entry whose text is too long to be read.
    TooLarge {
        /// The length of its text, in bytes.
        bytes: usize,
    },
}

/// Returns the token of a body, or of the beginning of one; None if the body starts otherwise. Reads nothing behind the token.
pub fn token(body: &[u8]) -> Option<&str> {
    let rest = body.strip_prefix(TOKEN_PREFIX)?;
    let end = rest.iter().position(|byte| *byte == TERMINATOR)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// Returns the session of a cookie, `project=<token>&<session>`; empty if it is that of another project on the same origin. `js/core/host.js` has
/// the same rule.
fn own_session<'a>(cookie: &'a str, token: &str) -> &'a str {
    let rest = cookie.strip_prefix("project=").and_then(|rest| rest.strip_prefix(token));
    rest.and_then(|rest| rest.strip_prefix('&')).unwrap_or_default()
}

impl<'a> CallsRequest<'a> {
    /// Parses the body of a request, whose [`token`] is known.
    pub fn parse(body: &'a str) -> Result<Self, CallsError> {
        let fields = FlatValue::new(body);
        let session = fields.text("session");
        let (list, session) = match integer(fields, "form") {
            None if fields.get("form").kind() == ValueKind::Null => (fields.get("calls"), session),
            Some(form) if form == u64::from(FORM) => (fields.get("queue"), own_session(session, fields.text("token"))),
            _ => return Err(CallsError::UnknownForm),
        };
        if list.kind() != ValueKind::List {
            return Err(CallsError::NoCalls);
        }
        let context = VisitorContext::load(fields.text("made"), fields.text("visitor"), session, fields.text("notes"));
        Ok(Self { sent_at: integer(fields, "sentAt"), dropped: integer(fields, "dropped").unwrap_or(0), context, entries: list.entries() })
    }

    /// Returns how many entries there are.
    pub fn count(&self) -> usize {
        self.entries.clone().count()
    }

    /// Passes the events of the calls to `take`, in order, until it returns false. Entries above `max_bytes` are not read. Calls without
    /// decisions that are invalid or duplicate have no event.
    pub fn for_each_event(mut self, max_bytes: usize, mut take: impl FnMut(RecordedEvent<'_>) -> bool) {
        self.context.session.limit_activity(self.sent_at.unwrap_or(u64::MAX));
        for (_, entry) in self.entries {
            let bytes = entry.as_str().len();
            let goes_on =
                if bytes > max_bytes { take(RecordedEvent::TooLarge { bytes }) } else { pass_entry(&mut self.context, entry, &mut take) };
            if !goes_on {
                return;
            }
        }
    }
}

/// Passes the events of an entry to `take`. Returns false if `take` does.
fn pass_entry(context: &mut VisitorContext, entry: FlatValue<'_>, take: &mut impl FnMut(RecordedEvent<'_>) -> bool) -> bool {
    if let ValueKind::Text(json) = entry.kind() {
        return take(RecordedEvent::Json(json));
    }
    let is_decided = entry.kind() == ValueKind::List;
    let mut parts = entry.entries().map(|(_, part)| part);
    let record = if is_decided { parts.next().unwrap_or_default() } else { entry };
    let Some(call) = Call::from_flat(record) else { return take(RecordedEvent::NoCall) };
    if is_decided {
        return pass_events(&call, &Decisions::parse(parts.next().unwrap_or_default()), take);
    }
    let Ok(outcome) = context.decide(&call) else { return true };
    pass_events(&call, &Decisions::parse(FlatValue::new(&outcome.decisions)), take)
}

/// Passes the events of a call to `take`: its `land` event, then its own. Returns false if `take` does.
fn pass_events(call: &Call<'_>, decisions: &Decisions<'_>, take: &mut impl FnMut(RecordedEvent<'_>) -> bool) -> bool {
    if !decisions.land.is_empty() {
        let mut params = String::from("{");
        push_text(&mut params, "source_url", call.page().referrer);
        let land = Call { kind: LAND, params: FlatValue::new(&params), ..*call };
        if !take(event(&land, apis::TILLROLL, id::LAND_SEED_START, decisions.land, decisions)) {
            return false;
        }
    }
    if decisions.visitor.is_empty() {
        return true;
    }
    let params = with_changes(call.params, decisions.changes);
    let call = Call { params: params.as_deref().map_or(call.params, FlatValue::new), ..*call };
    take(event(&call, call.api(), id::CALL_SEED_START, decisions.visitor, decisions))
}

fn event<'a>(call: &Call<'a>, api: &'a str, seed_start: usize, visitor: &'a str, decisions: &Decisions<'a>) -> RecordedEvent<'a> {
    let identity = Identity::load(visitor);
    let visitor = match identity.is_known() {
        true => Visitor::Email(identity.into_value().into()),
        // A shop's server may write such a cookie, on every page. Its visitors stay apart, at least by session.
        false if is_placeholder(visitor) => Visitor::Id(decisions.session.into()),
        false => Visitor::Id(visitor.into()),
    };
    let event = UncheckedEvent {
        kind: call.kind.into(),
        api: api.into(),
        time: call.time,
        visitor: Some(visitor),
        session_id: Some(decisions.session.into()),
        store_id: Some(decisions.store.into()),
        page: call.page().map(Cow::Borrowed),
        default_url: None,
        params: call.params,
    };
    RecordedEvent::Call { id: id::uuid_v7(call.time, call.seed, seed_start), event }
}

/// Returns the parameters of a basket with its changes, which precede what the page may have written under that name.
fn with_changes(params: FlatValue<'_>, changes: FlatValue<'_>) -> Option<String> {
    if changes.kind() != ValueKind::List {
        return None;
    }
    let mut text = String::from("{");
    push_key(&mut text, "changes");
    text.push_str(changes.as_str());
    text.push_str(params.as_str().strip_prefix('{').unwrap_or("}"));
    Some(text)
}

fn integer(fields: FlatValue<'_>, name: &str) -> Option<u64> {
    match fields.get(name).kind() {
        ValueKind::Number(number) => number_text::parse_integer(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: &str, seed: &str, params: &str) -> String {
        let texts = [("type", kind), ("seed", seed), ("api", apis::HEADLESS), ("url", "https://x/"), ("referrer", "https://y/")];
        let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
        format!("{{:time\u{1f}#1518004715732\u{1f}{members}:params\u{1f}{params}}}")
    }

    fn body(form: &str, list: &str, entries: &[String]) -> String {
        format!("{{:token\u{1f}$t\u{1f}{form}:visitor\u{1f}$5f2\u{1f}:{list}\u{1f}[{}]}}", entries.concat())
    }

    /// Returns the events of a body: id, type, visitor, parameters.
    fn events(body: &str) -> Vec<String> {
        let mut found = Vec::new();
        CallsRequest::parse(body).unwrap().for_each_event(1_000, |event| {
            found.push(match event {
                RecordedEvent::Call { id, event } => {
                    let event = event.validate(&crate::receipt::Receipt::of_page(1_518_004_715_732, None), String::new()).unwrap();
                    let session = event.session_id.clone().unwrap_or_default();
                    format!("{id} {} {:?} {session} {}", event.kind, event.visitor, event.params.as_str())
                }
                RecordedEvent::Json(text) => text.into(),
                RecordedEvent::NoCall => "no call".into(),
                RecordedEvent::TooLarge { bytes } => bytes.to_string(),
            });
            true
        });
        found
    }

    /// Returns a call with the decisions of a page that processes it first.
    fn decided(context: &mut VisitorContext, call: &str) -> String {
        let outcome = context.decide(&Call::parse(call).unwrap()).unwrap();
        format!("[{call}{}]", outcome.decisions)
    }

    #[test]
    fn decided_and_undecided_calls_give_the_same_events() {
        let basket = "{:lines\u{1f}[{:product_id\u{1f}#1\u{1f}}]:changes\u{1f}[]}";
        let calls = [call("land", "0a", "{}"), call("checkout", "0c", "{}"), call("basket_update", "0d", basket)];
        let mut page = VisitorContext::load("", "5f2", "", "");
        let decided: Vec<_> = calls.iter().map(|call| decided(&mut page, call)).collect();
        let made = events(&body(":form\u{1f}#2\u{1f}", "queue", &decided));
        assert_eq!(made.len(), 3);
        assert!(made[0].contains(" land Id(\"5f2\")") && made[0].ends_with(r#" {"current_url":"https://x/","source_url":"https://y/"}"#));
        assert!(made[2].ends_with(r#""changes":[{"product_id":"1","from":0,"to":1}]}"#), "{}", made[2]);
        for body in [body("", "calls", &calls), body(":form\u{1f}#2\u{1f}", "queue", &calls)] {
            assert_eq!(events(&body), made);
        }
    }

    #[test]
    fn session_of_another_project_and_id_that_stands_for_a_missing_one_do_not_count() {
        let saved = |visitor: &str, project: &str| {
            format!(":form\u{1f}#2\u{1f}:visitor\u{1f}${visitor}\u{1f}:session\u{1f}$project={project}&t=1518004715000&sid=s-1\u{1f}")
        };
        let made = |saved: &str| {
            let body = format!("{{:token\u{1f}$t\u{1f}{saved}:queue\u{1f}[{}]}}", call("checkout", "0c", "{}"));
            events(&body).iter().map(|event| event.split(' ').skip(1).take(3).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(made(&saved("5f2", "t")), ["checkout Id(\"5f2\") s-1"]);
        assert_eq!(made(&saved("undefined", "t")), ["checkout Id(\"s-1\") s-1"]);
        for project in ["other", "t2"] {
            let events = made(&saved("5f2", project));
            assert!(events.len() == 2 && events[0].starts_with("land ") && events.iter().all(|event| !event.contains("s-1")), "{events:?}");
        }
    }

    #[test]
    fn identify_belongs_to_the_anonymous_visitor_and_later_calls_to_the_email() {
        let mut page = VisitorContext::load("", "5f2", "", "");
        let identify = decided(&mut page, &call("identify", "0a", "{:email\u{1f}$A@x.com\u{1f}}"));
        let checkout = decided(&mut page, &call("checkout", "0b", "{}"));
        let other = decided(&mut page, &call("identify", "0c", "{:email\u{1f}$b@x.com\u{1f}}"));
        let made = events(&body(":form\u{1f}#2\u{1f}", "queue", &[identify, checkout, other]));
        for (event, visitor) in made.iter().zip(["Id(\"5f2\")", "Id(\"5f2\")", "Email(\"a@x.com\")", "Id(\"0c\")"]) {
            assert!(event.contains(visitor), "{event} {visitor}");
        }
    }

    #[test]
    fn calls_behind_a_reset_are_those_of_a_new_visitor() {
        let entries = [call("identify", "0a", "{:email\u{1f}$a@x.com\u{1f}}"), call("reset", "0b", "z"), call("checkout", "0c", "{}")];
        let made = events(&body(":form\u{1f}#2\u{1f}", "queue", &entries));
        assert_eq!(made.len(), 3, "{made:?}");
        assert!(made[1].contains("identify Id(\"5f2\")") && made[2].contains("checkout Id(\"0b\")"), "{made:?}");
    }

    #[test]
    fn entries_that_are_no_calls_are_named_and_others_stay() {
        let entries = [call("nonsense", "0b", "{}"), "$x\u{1f}".into(), "{}".into(), "[]".into(), "z".into(), call("checkout", "0c", "{}")];
        let made = events(&body(":form\u{1f}#2\u{1f}", "queue", &entries));
        assert_eq!((made.len(), &made[..4]), (6, &["x", "no call", "no call", "no call"].map(str::to_owned)[..]), "{made:?}");
        assert_eq!(events(&body("", "calls", &[call(&"x".repeat(2_000), "0c", "{}")])).len(), 1);
    }

    #[test]
    fn other_body_is_rejected() {
        for body in ["", "z", "{}", "{\"token\":\"t\",\"calls\":[]}", "{:calls\u{1f}{}}"] {
            assert_eq!(CallsRequest::parse(body).unwrap_err(), CallsError::NoCalls, "{body}");
            assert_eq!(token(body.as_bytes()), None);
        }
        for form in ["#3\u{1f}", "$2\u{1f}", "y", "#two\u{1f}"] {
            let body = body(&format!(":form\u{1f}{form}"), "queue", &[]);
            assert_eq!(CallsRequest::parse(&body).unwrap_err(), CallsError::UnknownForm, "{form}");
        }
        assert_eq!((token(b"{:token\x1f$t\x1f:fo"), token(b"{:token\x1f$t"), token(b"{:form\x1f#2\x1f")), (Some("t"), None, None));
    }
}
