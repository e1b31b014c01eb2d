//! Writes the carts of a person where they differ from the stored rows.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::derive::{Cart, CartState, derive};
use crate::store::state::person::Person;
use crate::store::state::state_events;
use crate::store::state::updater::StateUpdater;

/// The state of a row whose cart was merged into another one or erased.
const REMOVED: &str = "removed";

impl StateUpdater<'_> {
    /// Derives all carts of a person again, except those that are compacted.
    pub(in crate::store::state) fn derive_carts(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let owner = person.to_text();
        let mut stored = self.cart_rows(project, &owner)?;
        let events = state_events::of_carts(self.connection, project, person)?;
        let orders = if events.is_empty() { Vec::new() } else { self.order_times(project, person)? };
        for cart in derive(&events, &orders) {
            let row = CartRow::of(&cart)?;
            if stored.remove(&cart.cart_id).as_ref() != Some(&row) {
                self.write_cart(project, &owner, &cart.cart_id, &row)?;
            }
        }
        for (cart_id, row) in stored {
            self.write_cart(project, &owner, &cart_id, &CartRow { state: REMOVED.into(), ..row })?;
        }
        Ok(())
    }

    /// Marks the newest carts with a basket id as changed: an imported record stands for them, or no longer does.
    pub(in crate::store) fn bump_carts_of_basket(&mut self, project: i64, basket_id: &str) -> rusqlite::Result<()> {
        let update = "UPDATE cart SET change = ?1 WHERE project = ?2 AND cart_id IN
                          (SELECT cart_id FROM cart INDEXED BY cart_by_basket WHERE project = ?2 AND basket_id = ?3
                           ORDER BY updated_at DESC LIMIT 100)";
        self.bump_change(update, project, basket_id)
    }

    fn cart_rows(&self, project: i64, owner: &str) -> rusqlite::Result<BTreeMap<[u8; 16], CartRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT cart_id, state, basket_id, updated_at, content FROM cart INDEXED BY cart_by_owner
             WHERE project = ?1 AND owner = ?2 AND state IN ('open', 'placed', 'emptied') AND is_compacted IS NULL",
        )?;
        let row = |row: &Row<'_>| {
            let cart = CartRow { state: row.get(1)?, basket_id: row.get(2)?, updated_at: row.get(3)?, content: row.get(4)? };
            Ok((row.get(0)?, cart))
        };
        statement.query_map(params![project, owner], row)?.collect()
    }

    /// A cart that moves to another owner keeps its row. The newest carts with the same basket id are marked as changed, because only
    /// the latest of them is exported.
    fn write_cart(&mut self, project: i64, owner: &str, cart_id: &[u8; 16], row: &CartRow) -> rusqlite::Result<()> {
        if let Some(basket_id) = &row.basket_id {
            let change = self.next_change();
            self.connection
                .prepare_cached(
                    "UPDATE cart SET change = ?1 WHERE project = ?2 AND cart_id <> ?4 AND cart_id IN
                         (SELECT cart_id FROM cart INDEXED BY cart_by_basket WHERE project = ?2 AND basket_id = ?3
                          ORDER BY updated_at DESC LIMIT 100)",
                )?
                .execute(params![change, project, basket_id, cart_id])?;
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO cart (project, cart_id, owner, state, basket_id, updated_at, content, change)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (project, cart_id) DO UPDATE SET owner = ?3, state = ?4, basket_id = ?5, updated_at = ?6, content = ?7,
                     change = ?8, is_compacted = NULL",
            )?
            .execute(params![project, cart_id, owner, row.state, row.basket_id, row.updated_at, row.content, change])?;
        Ok(())
    }
}

/// The stored columns of a cart, without its owner.
#[derive(PartialEq)]
struct CartRow {
    state: String,
    basket_id: Option<String>,
    updated_at: i64,
    content: String,
}

impl CartRow {
    fn of(cart: &Cart) -> rusqlite::Result<Self> {
        let state = match cart.state {
            CartState::Open => "open",
            CartState::Placed => "placed",
            CartState::Emptied => "emptied",
        };
        let content = serde_json::to_string(&cart.content).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self { state: state.into(), basket_id: cart.content.basket_id.clone(), updated_at: cart.updated_at.cast_signed(), content })
    }
}
