//! Why one event of a batch was refused.

use tillroll_protocol::limits;

/// Why an event will never be stored.
///
/// The display text names the field and is for people; it repeats nothing that a visitor typed. [`RejectReason::code`] is for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// It is something else altogether.
    #[error("an event must be an object, found {0}")]
    NoObject(&'static str),
    /// It cannot be read.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
    /// Its text is too long.
    #[error("the event is {0} bytes long, the limit is {limit}", limit = limits::MAX_EVENT_BYTES)]
    EventTooLarge(usize),
    /// A string in it is too long.
    #[error("`{field}` is {bytes} bytes long, the limit is {limit}", limit = limits::MAX_STRING_BYTES)]
    StringTooLong {
        /// The path of the string.
        field: String,
        /// Its length.
        bytes: usize,
    },
    /// A value in it nests too deep.
    #[error("`{0}` nests too deep")]
    TooDeep(String),
    /// A field is missing, or not what it should be.
    #[error("`{field}` must be {wanted}, found {found}")]
    BadField {
        /// The path of the field.
        field: String,
        /// What would have been right.
        wanted: &'static str,
        /// The kind of value that was there instead.
        found: &'static str,
    },
    /// No such type of event.
    #[error("`type` is not known: {0}")]
    UnknownType(String),
    /// Nobody speaks so.
    #[error("`api` is not known: {0}")]
    UnknownApi(String),
    /// Two visitors are named.
    #[error("`visitorId` and `visitorEmail` exclude each other, found both")]
    TwoVisitors,
}

impl RejectReason {
    /// Returns the path of the field that is to blame, where one is.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::BadField { field, .. } | Self::StringTooLong { field, .. } | Self::TooDeep(field) => Some(field),
            Self::UnknownType(_) => Some("type"),
            Self::UnknownApi(_) => Some("api"),
            Self::TwoVisitors => Some("visitorId"),
            Self::NoObject(_) | Self::Unreadable(_) | Self::EventTooLarge(_) => None,
        }
    }

    /// Returns the reason's name for programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoObject(_) | Self::Unreadable(_) => "invalid_event",
            Self::EventTooLarge(_) => "event_too_large",
            Self::StringTooLong { .. } => "string_too_long",
            Self::TooDeep(_) => "too_deep",
            Self::BadField { found: "nothing", .. } => "missing_field",
            Self::BadField { .. } => "invalid_field",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownApi(_) => "unknown_api",
            Self::TwoVisitors => "two_visitors",
        }
    }
}
