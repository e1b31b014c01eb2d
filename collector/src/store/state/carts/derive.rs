//! Derives the carts of a person from their events. A pure function.
//!
//! The rules, each with a test below:
//! - `basket_add` and `basket_remove` change quantities until the page sends a snapshot of the cart. From then on only snapshots change the
//!   lines, so a shop that sends both counts nothing twice.
//! - An order ends the cart, and so does an empty snapshot or the removal of the last line. An empty snapshot with the id of another cart ends
//!   that cart instead.
//! - A snapshot with another basket id continues the cart if it arrives within [`SESSION_TIMEOUT_MS`] of the last change: a shop may assign a
//!   new id when the customer logs in. Otherwise the earlier cart is abandoned and stays as it was.

use serde::{Deserialize, Serialize};
use serde_json::Number;
use tillroll_protocol::visitor_context::SESSION_TIMEOUT_MS;

use crate::store::state::state_events::StateEvent;

/// Whether and how a cart ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::state) enum CartState {
    Open,
    Placed,
    Emptied,
}

/// A cart.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store::state) struct Cart {
    /// The id of the event that opened it.
    pub(in crate::store::state) cart_id: [u8; 16],
    pub(in crate::store::state) state: CartState,
    /// When it was last changed or ended, in milliseconds since 1970.
    pub(in crate::store::state) updated_at: u64,
    pub(in crate::store::state) content: Content,
}

/// The content of a cart, as the table stores it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store::state) struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) basket_id: Option<String>,
    pub(in crate::store::state) created_at: u64,
    pub(in crate::store::state) updated_at: u64,
    /// Whether the lines come from a snapshot.
    pub(in crate::store::state) from_snapshot: bool,
    pub(in crate::store::state) lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) total: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) store: Option<String>,
}

/// A line of a cart, with the names of the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store::state) struct Line {
    pub(in crate::store::state) product_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) variant_id: Option<String>,
    pub(in crate::store::state) quantity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store::state) price: Option<Number>,
}

/// The parameters of the three cart events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Params {
    product_id: String,
    quantity: f64,
    basket_id: Option<String>,
    total: Option<Number>,
    currency: Option<String>,
    lines: Vec<Line>,
}

/// Returns all carts of a person, oldest first. `events` are the cart events and `orders` the times of the orders, both in the order of time.
pub(in crate::store::state) fn derive(events: &[StateEvent], orders: &[u64]) -> Vec<Cart> {
    let mut carts = Carts::default();
    let mut orders = orders.iter().copied().peekable();
    for event in events {
        while let Some(time) = orders.next_if(|time| *time < event.time) {
            carts.place_order(time);
        }
        carts.apply(event);
    }
    orders.for_each(|time| carts.place_order(time));
    carts.all
}

/// Returns the time since which the events of these carts are needed, if `first_in_log` is the time of the first event that is still in the
/// log. A cart that changed after that needs all of its events, and so do the carts that changed between them. If no event is in the log, no
/// event is needed: the result is `u64::MAX`.
pub(in crate::store::state) fn needed_since(carts: &[Cart], first_in_log: Option<u64>) -> u64 {
    let Some(mut needed) = first_in_log else { return u64::MAX };
    let created_at = |cart: &Cart| cart.content.created_at;
    while let Some(earlier) = carts.iter().filter(|cart| cart.updated_at >= needed).map(created_at).min().filter(|time| *time < needed) {
        needed = earlier;
    }
    needed
}

#[derive(Default)]
struct Carts {
    all: Vec<Cart>,
    /// The index of the cart in use.
    current: Option<usize>,
}

impl Carts {
    fn apply(&mut self, event: &StateEvent) {
        let Ok(params) = serde_json::from_str::<Params>(&event.params) else { return };
        match event.event_type.as_str() {
            "basket_update" => self.apply_snapshot(event, params),
            event_type => self.change_quantity(event, &params, event_type == "basket_add"),
        }
    }

    fn change_quantity(&mut self, event: &StateEvent, params: &Params, is_add: bool) {
        let Some(cart) = self.current(event, is_add) else { return };
        cart.touch(event);
        if cart.content.from_snapshot {
            return;
        }
        if params.currency.is_some() {
            cart.content.currency.clone_from(&params.currency);
        }
        let lines = &mut cart.content.lines;
        let index = lines.iter().position(|line| line.product_id == params.product_id);
        match (index.and_then(|index| lines.get_mut(index)), is_add) {
            (Some(line), true) => line.quantity = round(line.quantity + params.quantity),
            (None, true) => {
                lines.push(Line { product_id: params.product_id.clone(), variant_id: None, quantity: params.quantity, price: None });
            }
            (Some(line), false) => line.quantity = round(line.quantity - params.quantity),
            (None, false) => {}
        }
        lines.retain(|line| line.quantity > 0.0);
        if lines.is_empty() {
            self.end(CartState::Emptied, event.time);
        }
    }

    fn apply_snapshot(&mut self, event: &StateEvent, params: Params) {
        let in_use = self.current;
        self.select(event, params.basket_id.as_deref());
        if params.lines.is_empty() {
            return self.empty_selected(event.time, in_use);
        }
        let Some(cart) = self.current(event, true) else { return };
        cart.touch(event);
        let content = &mut cart.content;
        content.from_snapshot = true;
        content.lines = params.lines;
        content.total = params.total;
        content.basket_id = params.basket_id.or(content.basket_id.take());
        content.currency = params.currency.or(content.currency.take());
    }

    /// Empties the selected cart. If another cart was in use, that one stays in use.
    fn empty_selected(&mut self, time: u64, in_use: Option<usize>) {
        let selected = self.current;
        self.end(CartState::Emptied, time);
        self.current = in_use.filter(|_| in_use != selected);
    }

    /// Selects the open cart with this basket id. If there is none, a cart with another id is abandoned after the session timeout.
    fn select(&mut self, event: &StateEvent, basket_id: Option<&str>) {
        let Some(basket_id) = basket_id else { return };
        let has_id = |cart: &Cart| cart.state == CartState::Open && cart.content.basket_id.as_deref() == Some(basket_id);
        if let Some(index) = self.all.iter().rposition(has_id) {
            self.current = Some(index);
        } else if let Some(cart) = self.current.and_then(|index| self.all.get(index)) {
            let has_other_id = cart.content.basket_id.as_deref().is_some_and(|other| other != basket_id);
            if has_other_id && event.time.saturating_sub(cart.updated_at) > SESSION_TIMEOUT_MS {
                self.current = None;
            }
        }
    }

    /// Returns the cart in use. With `open`, a new one is opened if there is none.
    fn current(&mut self, event: &StateEvent, open: bool) -> Option<&mut Cart> {
        if self.current.is_none() && open {
            let content = Content { created_at: event.time, updated_at: event.time, ..Content::default() };
            self.all.push(Cart { cart_id: event.id, state: CartState::Open, updated_at: event.time, content });
            self.current = Some(self.all.len() - 1);
        }
        self.all.get_mut(self.current?)
    }

    /// An order pays for the cart in use, and for other carts that changed within the session timeout.
    fn place_order(&mut self, time: u64) {
        self.end(CartState::Placed, time);
        let recent = |cart: &&mut Cart| cart.state == CartState::Open && cart.updated_at.saturating_add(SESSION_TIMEOUT_MS) >= time;
        for cart in self.all.iter_mut().filter(recent) {
            cart.state = CartState::Placed;
            cart.updated_at = time;
        }
    }

    fn end(&mut self, state: CartState, time: u64) {
        if let Some(cart) = self.current.take().and_then(|index| self.all.get_mut(index)) {
            cart.state = state;
            cart.updated_at = time;
        }
    }
}

impl Cart {
    fn touch(&mut self, event: &StateEvent) {
        self.updated_at = event.time;
        self.content.updated_at = event.time;
        if event.store.is_some() {
            self.content.store.clone_from(&event.store);
        }
    }
}

/// Removes the error of binary fractions, so that 0.1 + 0.2 is 0.3.
fn round(quantity: f64) -> f64 {
    (quantity * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn quantities(lines: &[Line]) -> BTreeMap<&str, f64> {
        let mut found = BTreeMap::new();
        for line in lines {
            *found.entry(line.product_id.as_str()).or_default() += line.quantity;
        }
        found
    }

    fn event(time: u64, event_type: &str, params: &serde_json::Value) -> StateEvent {
        let (id, event_type) = (u128::from(time).to_be_bytes(), event_type.into());
        StateEvent { seq: 0, time, id, event_type, store: None, params: params.to_string(), names_email: false }
    }

    fn add(time: u64, product: &str, quantity: f64) -> StateEvent {
        event(time, "basket_add", &json!({"product_id": product, "quantity": quantity}))
    }

    fn remove(time: u64, product: &str, quantity: f64) -> StateEvent {
        event(time, "basket_remove", &json!({"product_id": product, "quantity": quantity}))
    }

    fn update(time: u64, basket_id: Option<&str>, lines: &[(&str, f64)]) -> StateEvent {
        let lines: Vec<_> = lines.iter().map(|(product, quantity)| json!({"product_id": product, "quantity": quantity})).collect();
        event(time, "basket_update", &json!({"basket_id": basket_id, "lines": lines, "changes": []}))
    }

    /// Each cart as `state:basket product×quantity …`.
    fn derived(events: &[StateEvent], orders: &[u64]) -> Vec<String> {
        let cart = |cart: Cart| {
            let lines: Vec<String> =
                quantities(&cart.content.lines).iter().map(|(product, quantity)| format!(" {product}×{quantity}")).collect();
            format!("{:?}:{}{}", cart.state, cart.content.basket_id.unwrap_or_default(), lines.concat())
        };
        derive(events, orders).into_iter().map(cart).collect()
    }

    #[test]
    fn add_and_remove_change_quantities() {
        let events = [add(1, "a", 1.0), add(2, "b", 0.1), add(3, "a", 2.0), add(4, "b", 0.2), remove(5, "a", 1.0), remove(6, "x", 1.0)];
        assert_eq!(derived(&events, &[]), ["Open: a×2 b×0.3"]);
        assert_eq!(derived(&[remove(1, "a", 1.0)], &[]), [""; 0]);
        assert_eq!(derived(&[add(1, "a", 1.0), remove(2, "a", 5.0), add(3, "b", 1.0)], &[]), ["Emptied:", "Open: b×1"]);
    }

    #[test]
    fn after_a_snapshot_only_snapshots_change_the_lines() {
        assert_eq!(derived(&[add(1, "a", 1.0), update(2, None, &[("a", 1.0)])], &[]), ["Open: a×1"]);
        assert_eq!(derived(&[update(1, None, &[("a", 1.0)]), add(2, "a", 1.0), remove(3, "a", 1.0)], &[]), ["Open: a×1"]);
        assert_eq!(derived(&[update(1, None, &[("a", 1.0)]), update(2, None, &[])], &[]), ["Emptied: a×1"]);
    }

    #[test]
    fn an_order_ends_the_cart_and_a_later_event_opens_the_next() {
        let events = [add(1, "a", 1.0), add(5, "b", 1.0), remove(6, "x", 1.0)];
        assert_eq!(derived(&events, &[3]), ["Placed: a×1", "Open: b×1"]);
        assert_eq!(derived(&events, &[3, 3, 4]), ["Placed: a×1", "Open: b×1"]);
        assert_eq!(derived(&events, &[5]), ["Placed: a×1 b×1"]);
        assert_eq!(derived(&events, &[0]), ["Open: a×1 b×1"]);
    }

    #[test]
    fn a_new_basket_id_within_a_session_continues_the_cart() {
        let events = [update(1, Some("guest"), &[("a", 1.0)]), update(2, Some("login"), &[("a", 1.0)])];
        assert_eq!(derived(&events, &[]), ["Open:login a×1"]);
        assert_eq!(derived(&events, &[3]), ["Placed:login a×1"]);
    }

    #[test]
    fn an_abandoned_cart_stays_unchanged_until_its_id_returns() {
        let later = SESSION_TIMEOUT_MS + 10;
        let events = [update(1, Some("old"), &[("a", 1.0)]), update(later, Some("new"), &[("b", 1.0)])];
        assert_eq!(derived(&events, &[]), ["Open:old a×1", "Open:new b×1"]);
        assert_eq!(derived(&events, &[later + 5]), ["Open:old a×1", "Placed:new b×1"]);
        let back = [&events[..], &[update(later + 1, Some("old"), &[("c", 1.0)])]].concat();
        assert_eq!(derived(&back, &[]), ["Open:old c×1", "Open:new b×1"]);
        assert_eq!(derived(&back, &[later + 2]), ["Placed:old c×1", "Placed:new b×1"]);
    }

    #[test]
    fn an_empty_snapshot_empties_the_cart_with_its_basket_id() {
        let later = SESSION_TIMEOUT_MS + 10;
        let two = [update(1, Some("old"), &[("a", 1.0)]), update(later, Some("new"), &[("b", 1.0)])];
        let and = |more: &[StateEvent]| [&two[..], more].concat();
        let empty = |time, basket| update(time, Some(basket), &[]);
        assert_eq!(derived(&and(&[empty(later + 1, "old")]), &[]), ["Emptied:old a×1", "Open:new b×1"]);
        assert_eq!(derived(&and(&[empty(later + 1, "new")]), &[]), ["Open:old a×1", "Emptied:new b×1"]);
        assert_eq!(derived(&and(&[empty(2 * later, "other")]), &[]), ["Open:old a×1", "Open:new b×1"]);
        assert_eq!(derived(&and(&[empty(later + 1, "other")]), &[]), ["Open:old a×1", "Emptied:new b×1"]);
        assert_eq!(derived(&and(&[empty(later + 1, "old")]), &[2 * later]), ["Emptied:old a×1", "Placed:new b×1"]);
    }

    #[test]
    fn a_cart_in_use_needs_all_of_its_events_and_an_ended_cart_needs_none() {
        let visits = [add(1, "a", 1.0), add(2, "a", 1.0), add(10, "b", 1.0), add(20, "b", 1.0), add(30, "c", 1.0)];
        let all = derive(&visits, &[5, 25]);
        assert_eq!(
            [Some(30), Some(20), Some(10), Some(2), None].map(|first_in_log| needed_since(&all, first_in_log)),
            [30, 10, 10, 1, u64::MAX]
        );
        // The first cart is selected again, so all events in between are needed too.
        let (later, last) = (SESSION_TIMEOUT_MS + 10, SESSION_TIMEOUT_MS + 20);
        let back = [update(1, Some("x"), &[("a", 1.0)]), update(later, Some("y"), &[("b", 1.0)]), update(last, Some("x"), &[("a", 2.0)])];
        assert_eq!(needed_since(&derive(&back, &[]), Some(last)), 1);
        assert_eq!(needed_since(&derive(&back[..2], &[]), Some(later)), later);
    }

    #[test]
    fn the_needed_events_derive_the_same_open_carts() {
        let visits = [add(1, "a", 1.0), add(10, "b", 1.0), add(20, "b", 1.0), update(21, Some("x"), &[("b", 2.0)]), add(30, "c", 1.0)];
        let whole = derive(&visits, &[5]);
        let from = needed_since(&whole, Some(20));
        let rest: Vec<StateEvent> = visits.iter().filter(|event| event.time >= from).cloned().collect();
        assert_eq!(derive(&rest, &[5])[..], whole[1..]);
    }
}
