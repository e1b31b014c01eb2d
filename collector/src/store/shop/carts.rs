//! What is in somebody's cart, derived from what they did; pure.
//!
//! The rules, each a test below:
//! - Adding and removing count one by one until the page sends a snapshot of the whole cart. From then on the snapshots alone tell what is
//!   in it, so a shop that sends both counts nothing twice.
//! - An order ends the cart, and so does an empty snapshot or the removal of the last line. An empty snapshot that names another cart ends
//!   that one instead.
//! - A snapshot under another basket id continues the cart if it comes within [`SESSION_TIMEOUT_MS`] of it: so does a shop that gives the cart a new id
//!   when its owner logs in. Otherwise the cart before it is abandoned and stays as it was.

use serde::{Deserialize, Serialize};
use serde_json::Number;
use tillroll_protocol::visitor_context::SESSION_TIMEOUT_MS;

use super::history::Step;

/// How a cart ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Placed,
    Emptied,
}

/// A cart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cart {
    /// The id of the event that opened it.
    pub(super) opened: [u8; 16],
    pub(super) state: State,
    /// When it was last changed, or ended.
    pub(super) touched: u64,
    pub(super) content: Content,
}

/// What is in a cart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) basket: Option<String>,
    pub(super) created_at: u64,
    pub(super) updated_at: u64,
    /// Whether a snapshot told the lines.
    pub(super) whole: bool,
    pub(super) lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<String>,
}

/// A line of a cart, under the names of the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) product_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) variant_id: Option<String>,
    pub(super) quantity: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Number>,
}

/// The parameters of the three types of event.
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

/// Returns all carts of a person, oldest first: `steps` is what they did and `orders` when they ordered, both in the order of time.
pub(super) fn derive(steps: &[Step], orders: &[u64]) -> Vec<Cart> {
    let mut carts = Carts::default();
    let mut orders = orders.iter().copied().peekable();
    for step in steps {
        while let Some(time) = orders.next_if(|time| *time < step.time) {
            carts.place(time);
        }
        carts.take(step);
    }
    orders.for_each(|time| carts.place(time));
    carts.all
}

/// Returns the time from which on the steps of these carts are needed, if those from `young` on are: a cart that is touched then needs all of
/// its own, and so do the carts that were touched meanwhile. Without any young step none is.
pub(super) fn needed(carts: &[Cart], young: Option<u64>) -> u64 {
    let Some(mut needed) = young else { return u64::MAX };
    let begun = |cart: &Cart| cart.content.created_at;
    while let Some(earlier) = carts.iter().filter(|cart| cart.touched >= needed).map(begun).min().filter(|begun| *begun < needed) {
        needed = earlier;
    }
    needed
}

#[derive(Default)]
struct Carts {
    all: Vec<Cart>,
    /// Which of them is in use.
    current: Option<usize>,
}

impl Carts {
    fn take(&mut self, step: &Step) {
        let Ok(params) = serde_json::from_str::<Params>(&step.params) else { return };
        match step.kind.as_str() {
            "basket_update" => self.snapshot(step, params),
            kind => self.count(step, &params, kind == "basket_add"),
        }
    }

    fn count(&mut self, step: &Step, params: &Params, add: bool) {
        let Some(cart) = self.current(step, add) else { return };
        cart.saw(step);
        if cart.content.whole {
            return;
        }
        let lines = &mut cart.content.lines;
        let at = lines.iter().position(|line| line.product_id == params.product_id);
        match (at.and_then(|at| lines.get_mut(at)), add) {
            (Some(line), true) => line.quantity = exact(line.quantity + params.quantity),
            (None, true) => {
                lines.push(Line { product_id: params.product_id.clone(), variant_id: None, quantity: params.quantity, price: None });
            }
            (Some(line), false) => line.quantity = exact(line.quantity - params.quantity),
            (None, false) => {}
        }
        lines.retain(|line| line.quantity > 0.0);
        if lines.is_empty() {
            self.end(State::Emptied, step.time);
        }
    }

    fn snapshot(&mut self, step: &Step, params: Params) {
        let in_use = self.current;
        self.turn_to(step, params.basket_id.as_deref());
        if params.lines.is_empty() {
            return self.empty(step.time, in_use);
        }
        let Some(cart) = self.current(step, true) else { return };
        cart.saw(step);
        let content = &mut cart.content;
        content.whole = true;
        content.lines = params.lines;
        content.total = params.total;
        content.basket = params.basket_id.or(content.basket.take());
        content.currency = params.currency.or(content.currency.take());
    }

    /// Empties the cart that was turned to. If it is not the one in use, that one stays in use.
    fn empty(&mut self, time: u64, in_use: Option<usize>) {
        let turned_to = self.current;
        self.end(State::Emptied, time);
        self.current = in_use.filter(|_| in_use != turned_to);
    }

    /// Goes back to the open cart with this id, or leaves the current one where it was if it is another one.
    fn turn_to(&mut self, step: &Step, basket: Option<&str>) {
        let Some(basket) = basket else { return };
        let same = |cart: &Cart| cart.state == State::Open && cart.content.basket.as_deref() == Some(basket);
        if let Some(at) = self.all.iter().rposition(same) {
            self.current = Some(at);
        } else if let Some(cart) = self.current.and_then(|at| self.all.get(at)) {
            let other = cart.content.basket.as_deref().is_some_and(|known| known != basket);
            if other && step.time.saturating_sub(cart.touched) > SESSION_TIMEOUT_MS {
                self.current = None;
            }
        }
    }

    fn current(&mut self, step: &Step, open: bool) -> Option<&mut Cart> {
        if self.current.is_none() && open {
            let content = Content { created_at: step.time, updated_at: step.time, ..Content::default() };
            self.all.push(Cart { opened: step.id, state: State::Open, touched: step.time, content });
            self.current = Some(self.all.len() - 1);
        }
        self.all.get_mut(self.current?)
    }

    /// An order pays for the cart in use, and for whatever else was in use a moment ago.
    fn place(&mut self, time: u64) {
        self.end(State::Placed, time);
        let recent = |cart: &&mut Cart| cart.state == State::Open && cart.touched.saturating_add(SESSION_TIMEOUT_MS) >= time;
        for cart in self.all.iter_mut().filter(recent) {
            cart.state = State::Placed;
            cart.touched = time;
        }
    }

    fn end(&mut self, state: State, time: u64) {
        if let Some(cart) = self.current.take().and_then(|at| self.all.get_mut(at)) {
            cart.state = state;
            cart.touched = time;
        }
    }
}

impl Cart {
    fn saw(&mut self, step: &Step) {
        self.touched = step.time;
        self.content.updated_at = step.time;
        if step.store.is_some() {
            self.content.store.clone_from(&step.store);
        }
    }
}

/// Halves and tenths of a kilogram add up as people expect.
fn exact(quantity: f64) -> f64 {
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

    fn step(time: u64, kind: &str, params: &serde_json::Value) -> Step {
        Step { seq: 0, time, id: u128::from(time).to_be_bytes(), kind: kind.into(), store: None, params: params.to_string() }
    }

    fn add(time: u64, product: &str, quantity: f64) -> Step {
        step(time, "basket_add", &json!({"product_id": product, "quantity": quantity}))
    }

    fn remove(time: u64, product: &str, quantity: f64) -> Step {
        step(time, "basket_remove", &json!({"product_id": product, "quantity": quantity}))
    }

    fn update(time: u64, basket: Option<&str>, lines: &[(&str, f64)]) -> Step {
        let lines: Vec<_> = lines.iter().map(|(product, quantity)| json!({"product_id": product, "quantity": quantity})).collect();
        step(time, "basket_update", &json!({"basket_id": basket, "lines": lines, "changes": []}))
    }

    /// Each cart as `state:basket product×quantity …`.
    fn told(steps: &[Step], orders: &[u64]) -> Vec<String> {
        let cart = |cart: Cart| {
            let lines: Vec<String> =
                quantities(&cart.content.lines).iter().map(|(product, quantity)| format!(" {product}×{quantity}")).collect();
            format!("{:?}:{}{}", cart.state, cart.content.basket.unwrap_or_default(), lines.concat())
        };
        derive(steps, orders).into_iter().map(cart).collect()
    }

    #[test]
    fn adding_and_removing_count() {
        let steps = [add(1, "a", 1.0), add(2, "b", 0.1), add(3, "a", 2.0), add(4, "b", 0.2), remove(5, "a", 1.0), remove(6, "x", 1.0)];
        assert_eq!(told(&steps, &[]), ["Open: a×2 b×0.3"]);
        assert_eq!(told(&[remove(1, "a", 1.0)], &[]), [""; 0]);
        assert_eq!(told(&[add(1, "a", 1.0), remove(2, "a", 5.0), add(3, "b", 1.0)], &[]), ["Emptied:", "Open: b×1"]);
    }

    #[test]
    fn a_snapshot_wins_over_what_was_counted_before_and_after() {
        assert_eq!(told(&[add(1, "a", 1.0), update(2, None, &[("a", 1.0)])], &[]), ["Open: a×1"]);
        assert_eq!(told(&[update(1, None, &[("a", 1.0)]), add(2, "a", 1.0), remove(3, "a", 1.0)], &[]), ["Open: a×1"]);
        assert_eq!(told(&[update(1, None, &[("a", 1.0)]), update(2, None, &[])], &[]), ["Emptied: a×1"]);
    }

    #[test]
    fn an_order_ends_the_cart_and_the_next_one_begins() {
        let steps = [add(1, "a", 1.0), add(5, "b", 1.0), remove(6, "x", 1.0)];
        assert_eq!(told(&steps, &[3]), ["Placed: a×1", "Open: b×1"]);
        assert_eq!(told(&steps, &[3, 3, 4]), ["Placed: a×1", "Open: b×1"]);
        assert_eq!(told(&steps, &[5]), ["Placed: a×1 b×1"]);
        assert_eq!(told(&steps, &[0]), ["Open: a×1 b×1"]);
    }

    #[test]
    fn a_new_id_in_the_middle_of_a_visit_is_the_same_cart() {
        let steps = [update(1, Some("guest"), &[("a", 1.0)]), update(2, Some("login"), &[("a", 1.0)])];
        assert_eq!(told(&steps, &[]), ["Open:login a×1"]);
        assert_eq!(told(&steps, &[3]), ["Placed:login a×1"]);
    }

    #[test]
    fn an_abandoned_cart_keeps_its_history() {
        let later = SESSION_TIMEOUT_MS + 10;
        let steps = [update(1, Some("old"), &[("a", 1.0)]), update(later, Some("new"), &[("b", 1.0)])];
        assert_eq!(told(&steps, &[]), ["Open:old a×1", "Open:new b×1"]);
        assert_eq!(told(&steps, &[later + 5]), ["Open:old a×1", "Placed:new b×1"]);
        let back = [&steps[..], &[update(later + 1, Some("old"), &[("c", 1.0)])]].concat();
        assert_eq!(told(&back, &[]), ["Open:old c×1", "Open:new b×1"]);
        assert_eq!(told(&back, &[later + 2]), ["Placed:old c×1", "Placed:new b×1"]);
    }

    #[test]
    fn an_empty_snapshot_empties_the_cart_that_it_names() {
        let later = SESSION_TIMEOUT_MS + 10;
        let two = [update(1, Some("old"), &[("a", 1.0)]), update(later, Some("new"), &[("b", 1.0)])];
        let and = |more: &[Step]| [&two[..], more].concat();
        let empty = |time, basket| update(time, Some(basket), &[]);
        assert_eq!(told(&and(&[empty(later + 1, "old")]), &[]), ["Emptied:old a×1", "Open:new b×1"]);
        assert_eq!(told(&and(&[empty(later + 1, "new")]), &[]), ["Open:old a×1", "Emptied:new b×1"]);
        assert_eq!(told(&and(&[empty(2 * later, "other")]), &[]), ["Open:old a×1", "Open:new b×1"]);
        assert_eq!(told(&and(&[empty(later + 1, "other")]), &[]), ["Open:old a×1", "Emptied:new b×1"]);
        assert_eq!(told(&and(&[empty(later + 1, "old")]), &[2 * later]), ["Emptied:old a×1", "Placed:new b×1"]);
    }

    #[test]
    fn a_cart_in_use_needs_all_of_its_steps_and_one_that_is_over_none() {
        let visits = [add(1, "a", 1.0), add(2, "a", 1.0), add(10, "b", 1.0), add(20, "b", 1.0), add(30, "c", 1.0)];
        let all = derive(&visits, &[5, 25]);
        assert_eq!([Some(30), Some(20), Some(10), Some(2), None].map(|young| needed(&all, young)), [30, 10, 10, 1, u64::MAX]);
        // The first cart is gone back to, so everything in between is needed as well.
        let (later, last) = (SESSION_TIMEOUT_MS + 10, SESSION_TIMEOUT_MS + 20);
        let back = [update(1, Some("x"), &[("a", 1.0)]), update(later, Some("y"), &[("b", 1.0)]), update(last, Some("x"), &[("a", 2.0)])];
        assert_eq!(needed(&derive(&back, &[]), Some(last)), 1);
        assert_eq!(needed(&derive(&back[..2], &[]), Some(later)), later);
    }

    #[test]
    fn what_is_needed_derives_the_carts_that_go_on() {
        let visits = [add(1, "a", 1.0), add(10, "b", 1.0), add(20, "b", 1.0), update(21, Some("x"), &[("b", 2.0)]), add(30, "c", 1.0)];
        let whole = derive(&visits, &[5]);
        let from = needed(&whole, Some(20));
        let rest: Vec<Step> = visits.iter().filter(|step| step.time >= from).cloned().collect();
        assert_eq!(derive(&rest, &[5])[..], whole[1..]);
    }
}
