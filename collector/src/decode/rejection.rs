//! Rejected events: why the collector never stores an event, and what the sender gets to read about it.
//!
//! A [`RejectReason`] has a stable code for programs and a message for people. The message names the field and repeats nothing that a
//! visitor typed.

use tillroll_protocol::batch_response::Rejection;
use tillroll_protocol::limits;
use tillroll_protocol::params::InvalidParam;
use tillroll_protocol::unchecked_event::EventError;

/// Why an event is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// The event is a JSON value of another type.
    #[error("an event must be an object, found {0}")]
    NotAnObject(&'static str),
    /// The event is not valid JSON, or names a field twice; the text of the parser's error.
    #[error("the event cannot be read: {0}")]
    Malformed(String),
    /// The event's text is longer than [`limits::MAX_EVENT_BYTES`]; its length.
    #[error("the event is {0} bytes long, the limit is {limit}", limit = limits::MAX_EVENT_BYTES)]
    EventTooLarge(usize),
    /// A string is longer than [`limits::MAX_STRING_BYTES`].
    #[error("`{field}` is {bytes} bytes long, the limit is {limit}", limit = limits::MAX_STRING_BYTES)]
    StringTooLong {
        /// The path of the string.
        field: String,
        /// Its length.
        bytes: usize,
    },
    /// A list has too many elements.
    #[error("`{field}` has more than {limit} elements; send fewer")]
    TooManyElements {
        /// The path of the list.
        field: String,
        /// How many it may have.
        limit: usize,
    },
    /// The record has too many values: elements of lists and members of objects.
    #[error("the record has more than {limit} values; send fewer")]
    TooManyValues {
        /// How many it may have.
        limit: usize,
    },
    /// The customer has no room for the tags of the record.
    #[error("the customer has too many tags: the limit is {limit}, and 32 KB for those that came unsigned; remove some first")]
    TooManyTags {
        /// How many a customer may have.
        limit: usize,
    },
    /// The value at this path is nested too deeply.
    #[error("`{0}` nests too deep")]
    TooDeep(String),
    /// A field is missing or has an invalid value.
    #[error("`{field}` must be {wanted}, found {found}")]
    BadField {
        /// The path of the field.
        field: String,
        /// What the field must be.
        wanted: &'static str,
        /// The type of the value found instead; [`MISSING`] if there is none.
        found: &'static str,
    },
    /// The event type does not exist; the beginning of its name.
    #[error("`type` is not known: {0}")]
    UnknownType(String),
    /// The API does not exist; the beginning of its name.
    #[error("`api` is not known: {0}")]
    UnknownApi(String),
    /// The API belongs to an endpoint of its own.
    #[error("`api` must not be `headless` here; send such events to `POST /api/track`")]
    HeadlessFromPage,
    /// The event names a visitor id and an e-mail.
    #[error("`visitorId` and `visitorEmail` exclude each other, found both")]
    TwoVisitors,
}

/// The `found` of a field that is missing.
pub const MISSING: &str = "nothing";

impl RejectReason {
    /// The reason for a record whose tags the store has refused.
    pub const TOO_MANY_TAGS: Self = Self::TooManyTags { limit: limits::MAX_TAGS };

    /// Returns the reason for an invalid parameter. `object` is the path of the parameters, and `name` its name on the wire.
    pub fn bad_param(object: &str, name: &str, param: InvalidParam, found: &'static str) -> Self {
        if let Some(limit) = param.limit {
            return Self::TooManyElements { field: format!("{object}.{name}"), limit };
        }
        Self::BadField { field: format!("{object}.{name}"), wanted: param.expected, found }
    }

    /// Returns the path of the invalid field, if a single field is invalid.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::BadField { field, .. }
            | Self::StringTooLong { field, .. }
            | Self::TooManyElements { field, .. }
            | Self::TooDeep(field) => Some(field),
            Self::UnknownType(_) => Some("type"),
            Self::UnknownApi(_) | Self::HeadlessFromPage => Some("api"),
            Self::TwoVisitors => Some("visitorId"),
            Self::NotAnObject(_) | Self::Malformed(_) | Self::EventTooLarge(_) | Self::TooManyValues { .. } | Self::TooManyTags { .. } => {
                None
            }
        }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject(_) | Self::Malformed(_) => "invalid_event",
            Self::EventTooLarge(_) => "event_too_large",
            Self::StringTooLong { .. } => "string_too_long",
            Self::TooManyElements { .. } => "too_many_elements",
            Self::TooManyValues { .. } => "too_many_values",
            Self::TooManyTags { .. } => "too_many_tags",
            Self::TooDeep(_) => "too_deep",
            Self::BadField { found: MISSING, .. } => "missing_field",
            Self::BadField { .. } => "invalid_field",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownApi(_) => "unknown_api",
            Self::HeadlessFromPage => "headless_from_page",
            Self::TwoVisitors => "two_visitors",
        }
    }
}

/// The reason by the field names of `POST /v2/batch`. A decoder with other names, or with the value at hand, replaces single reasons.
impl From<EventError> for RejectReason {
    fn from(error: EventError) -> Self {
        let bad_field = |field: &str, wanted, found| Self::BadField { field: field.into(), wanted, found };
        match error {
            EventError::UnknownType => Self::UnknownType(String::new()),
            EventError::UnknownApi => Self::UnknownApi(String::new()),
            EventError::TimeTooGreat => bad_field("time", "an integer of milliseconds", "a number"),
            EventError::MissingVisitor => bad_field("visitorId", "there, or `visitorEmail`", MISSING),
            EventError::EmptyVisitorId => bad_field("visitorId", "1 to 128 characters", "an empty string or a placeholder"),
            EventError::VisitorIdTooLong => bad_field("visitorId", "1 to 128 characters", "a longer string"),
            EventError::InvalidVisitorEmail => bad_field("visitorEmail", "an e-mail address", "another string"),
            EventError::StringTooLong { field, bytes } => Self::StringTooLong { field: field.into(), bytes },
            EventError::ParamsNotObject => bad_field("params", "an object", "another value"),
            EventError::Param(param) => Self::bad_param("params", param.name, param, MISSING),
        }
    }
}

/// A rejected event, with what could be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    /// Its id, as sent.
    pub id: Option<String>,
    /// Its type, as sent.
    pub kind: Option<String>,
    /// Its time in milliseconds since 1970, if valid.
    pub time: Option<u64>,
    /// Why it is rejected.
    pub reason: RejectReason,
}

impl RejectedEvent {
    /// Returns the rejection of an event of which nothing could be read.
    pub fn unnamed(reason: RejectReason) -> Self {
        Self { id: None, kind: None, time: None, reason }
    }

    /// Returns the rejection as the sender receives it.
    pub fn rejection(&self) -> Rejection {
        Rejection { id: self.id.clone(), code: self.reason.code().into(), message: self.reason.to_string() }
    }
}
