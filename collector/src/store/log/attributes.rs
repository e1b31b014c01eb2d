//! The attributes of an event that the next one often has too. What equals the event before is not stored again.

use serde::{Deserialize, Serialize};
use tillroll_protocol::event::Visitor;

/// Where an event comes from. At most one of `visitor` and `email` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct Sender<'a> {
    pub(in crate::store) visitor: Option<&'a str>,
    pub(in crate::store) email: Option<&'a str>,
    pub(in crate::store) session: Option<&'a str>,
    pub(in crate::store) store: Option<&'a str>,
}

impl<'a> Sender<'a> {
    /// Returns the visitor, or None for an event that a back end sent without one.
    pub(in crate::store) fn visitor(&self) -> Option<Visitor<&'a str>> {
        self.visitor.map(Visitor::Id).or(self.email.map(Visitor::Email))
    }
}

/// The attributes that an event may share with the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shared<'a> {
    pub(super) event_type: &'a str,
    pub(super) api: &'a str,
    pub(super) sender: Sender<'a>,
    pub(super) page: [&'a str; 3],
}

/// A copy of the attributes of the event that was encoded last: its texts live only while it is encoded.
#[derive(Debug, Default)]
pub(super) struct PreviousEvent {
    event_type: String,
    api: String,
    sender: [Option<String>; 4],
    page: [String; 3],
}

impl PreviousEvent {
    /// Returns the attributes.
    pub(super) fn shared(&self) -> Shared<'_> {
        let [visitor, email, session, store] = self.sender.each_ref().map(Option::as_deref);
        let page = self.page.each_ref().map(String::as_str);
        Shared { event_type: &self.event_type, api: &self.api, sender: Sender { visitor, email, session, store }, page }
    }

    /// Replaces the attributes, and keeps the memory of most of them.
    pub(super) fn set(&mut self, Shared { event_type, api, sender, page }: Shared<'_>) {
        event_type.clone_into(&mut self.event_type);
        api.clone_into(&mut self.api);
        let Sender { visitor, email, session, store } = sender;
        self.sender = [visitor, email, session, store].map(|text| text.map(str::to_owned));
        self.page.iter_mut().zip(page).for_each(|(own, text)| text.clone_into(own));
    }
}
