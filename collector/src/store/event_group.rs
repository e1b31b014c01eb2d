//! Which event types change the state.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A group of event types from which one part of the state is derived. The table `state_event` stores the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum EventGroup {
    /// Cart events.
    Carts = 1,
    /// Events with data of the customer.
    Profile = 2,
}

impl EventGroup {
    /// Returns the group of an event type.
    pub(in crate::store) fn of(event_type: &str) -> Option<Self> {
        match event_type {
            "basket_add" | "basket_remove" | "basket_update" => Some(Self::Carts),
            "customer_details" | "tag" | "identify" => Some(Self::Profile),
            _ => None,
        }
    }
}

impl ToSql for EventGroup {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

impl FromSql for EventGroup {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Self::Carts),
            2 => Ok(Self::Profile),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// Whether an event of this type changes the state.
pub(in crate::store) fn affects_state(event_type: &str) -> bool {
    EventGroup::of(event_type).is_some() || matches!(event_type, "order" | "order_cancel" | "order_return")
}
