//! What pages told of customers, derived from the log; and how it meets what the back end told.
//!
//! Of each field the later word counts, and of two words of the same time the back end's. Tags are fields of their own, one each.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::Keeper;
use super::history::{self, About, Step};
use super::person::Person;
use super::registers::{Register, Registers, part};

/// The parameters of `customer_details`, and the names under which they are exported.
const DETAILS: &[(&str, &str)] =
    &[("first_name", "firstName"), ("last_name", "lastName"), ("phone_number", "phoneNumber"), ("subscribed", "subscribed")];

impl Keeper<'_> {
    /// Derives what pages told of a customer again.
    pub(super) fn derive_customer(&mut self, project: i64, email: &str) -> rusqlite::Result<()> {
        let steps = history::steps(self.connection, project, &Person::Email(email.into()), About::Profile)?;
        let linked: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(time) FROM link INDEXED BY link_of_email WHERE project = ?1 AND email = ?2")?
            .query_row(params![project, email], |row| row.get(0))?;
        let (remembered, since) = self.remembered(project, email)?;
        let seen = steps.first().map(|step| step.time.cast_signed()).into_iter().chain(linked).chain(since).min();
        let heard = heard(remembered, &steps);
        let known: Option<(Registers, Option<i64>)> = self
            .connection
            .prepare_cached("SELECT heard, seen FROM customer WHERE project = ?1 AND id = ?2")?
            .query_row(params![project, email], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if known.as_ref() == Some(&(heard.clone(), seen)) || known.is_none() && seen.is_none() {
            return Ok(());
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(
                "INSERT INTO customer (project, id, heard, seen, change) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (project, id) DO UPDATE SET heard = ?3, seen = ?4, change = ?5",
            )?
            .execute(params![project, email, heard, seen, change])?;
        Ok(())
    }
}

/// Returns what was heard before and what these events told.
pub(super) fn heard(mut heard: Registers, steps: &[Step]) -> Registers {
    for step in steps {
        let params: Value = serde_json::from_str(&step.params).unwrap_or_default();
        for (name, exported) in DETAILS {
            if let Some(value) = params.get(name) {
                heard.set(exported, 0, step.time, value.clone());
            }
        }
        for tag in params.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            heard.set(&part("tags", &tag.to_lowercase(), ""), 0, step.time, tag.into());
        }
    }
    heard
}

/// Returns the fields of a customer: what the back end told and what pages told, whichever was later.
pub(super) fn merged(told: Registers, heard: Registers) -> Registers {
    let mut fields: BTreeMap<String, Register> = heard.0;
    for (name, register) in told.0 {
        if fields.get(&name).is_none_or(|Register(_, time, _)| register.1 >= *time) {
            fields.insert(name, register);
        }
    }
    Registers(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_counts_and_the_back_ends_if_both_are_of_one_time() {
        let fields = |all: &[(&str, u64, &str)]| {
            let mut registers = Registers::default();
            for (name, time, value) in all {
                registers.set(name, 1, *time, (*value).into());
            }
            registers
        };
        let told = fields(&[("a", 2, "told"), ("b", 2, "told"), ("c", 2, "told"), ("d", 2, "told")]);
        let heard = fields(&[("a", 1, "heard"), ("b", 2, "heard"), ("c", 3, "heard"), ("e", 1, "heard")]);
        let merged = merged(told, heard);
        let texts: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|name| merged.text(name).unwrap()).collect();
        assert_eq!(texts, ["told", "told", "heard", "told", "heard"]);
    }
}
