//! The carts of a person, written where they differ from what stands in the store.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::Keeper;
use super::carts::{self, Cart, State};
use super::history::{self, About};
use super::person::Person;

impl Keeper<'_> {
    /// Derives all carts of a person again, but for those that are settled.
    pub(super) fn derive_carts(&mut self, project: i64, person: &Person) -> rusqlite::Result<()> {
        let owner = person.to_text();
        let mut before = self.rows_of(project, &owner)?;
        let steps = history::steps(self.connection, project, person, About::Carts)?;
        let orders = if steps.is_empty() { Vec::new() } else { self.orders_of(project, person)? };
        for cart in carts::derive(&steps, &orders) {
            let row = CartRow::from(&cart)?;
            if before.remove(&cart.opened).as_ref() != Some(&row) {
                self.write_cart(project, &owner, &cart.opened, &row)?;
            }
        }
        for (opened, row) in before.into_iter().filter(|(_, row)| row.state != "gone") {
            self.write_cart(project, &owner, &opened, &CartRow { state: "gone".into(), ..row })?;
        }
        Ok(())
    }

    fn rows_of(&self, project: i64, owner: &str) -> rusqlite::Result<BTreeMap<[u8; 16], CartRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT opened, state, basket, touched, content FROM cart INDEXED BY cart_of_owner
             WHERE project = ?1 AND owner = ?2 AND settled IS NULL",
        )?;
        let row = |row: &Row<'_>| {
            let read = CartRow { state: row.get(1)?, basket: row.get(2)?, touched: row.get(3)?, content: row.get(4)? };
            Ok((row.get(0)?, read))
        };
        statement.query_map(params![project, owner], row)?.collect()
    }

    /// A cart that joins another owner's keeps its row. A cart of another owner under the same basket id may now be seen or not.
    fn write_cart(&mut self, project: i64, owner: &str, opened: &[u8; 16], row: &CartRow) -> rusqlite::Result<()> {
        if let Some(basket) = &row.basket {
            let change = self.next_change();
            self.connection
                .prepare_cached(
                    "UPDATE cart INDEXED BY cart_of_basket SET change = ?1 WHERE project = ?2 AND basket = ?3 AND opened <> ?4",
                )?
                .execute(params![change, project, basket, opened])?;
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO cart (project, opened, owner, state, basket, touched, content, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (project, opened) DO UPDATE SET owner = ?3, state = ?4, basket = ?5, touched = ?6, content = ?7, change = ?8,
                     settled = NULL",
            )?
            .execute(params![project, opened, owner, row.state, row.basket, row.touched, row.content, change])?;
        Ok(())
    }
}

/// What stands in the store of a cart, but for whose it is.
#[derive(PartialEq)]
struct CartRow {
    state: String,
    basket: Option<String>,
    touched: i64,
    content: String,
}

impl CartRow {
    fn from(cart: &Cart) -> rusqlite::Result<Self> {
        let state = match cart.state {
            State::Open => "open",
            State::Placed => "placed",
            State::Emptied => "emptied",
        };
        let content = serde_json::to_string(&cart.content).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self { state: state.into(), basket: cart.content.basket.clone(), touched: cart.touched.cast_signed(), content })
    }
}
