//! The schemas of stored events, made from the table of event types.

use serde_json::{Map, Value, json};
use tillroll_protocol::apis::APIS;
use tillroll_protocol::event_types::{EVENT_TYPES, EventType, Param, ParamType};

/// Returns the schemas by name: the event as it is exported, one for each type, and the names of types and APIs.
pub(super) fn schemas() -> Map<String, Value> {
    let names: Vec<&str> = EVENT_TYPES.iter().map(|kind| kind.name).collect();
    let references: Vec<Value> = names.iter().map(|name| json!({"$ref": reference(name)})).collect();
    let mapping: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), reference(name).into())).collect();
    let mut schemas: Map<String, Value> = EVENT_TYPES.iter().map(|kind| (schema_name(kind.name), event(kind))).collect();
    schemas.insert("EventType".into(), json!({"enum": names}));
    schemas.insert("Api".into(), json!({"enum": APIS, "description": "The interface that the page or the sender called."}));
    let discriminator = json!({"propertyName": "type", "mapping": mapping});
    schemas.insert("ExportedEvent".into(), json!({"oneOf": references, "discriminator": discriminator}));
    schemas
}

fn schema_name(kind: &str) -> String {
    format!("ExportedEvent_{kind}")
}

fn reference(kind: &str) -> String {
    format!("#/components/schemas/{}", schema_name(kind))
}

fn event(kind: &EventType) -> Value {
    let nullable = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "properties": {
            "cursor": {"type": "string", "description": "Where the event is in the log. An event within other data has none."},
            "id": {"type": "string", "format": "uuid"},
            "type": {"const": kind.name},
            "api": {"$ref": "#/components/schemas/Api"},
            "time": {"$ref": "#/components/schemas/Milliseconds"},
            "received_at": {"$ref": "#/components/schemas/Milliseconds"},
            "visitor_id": nullable,
            "email": {"type": ["string", "null"], "description": "The address that the visitor has now, also if the event was sent before."},
            "session_id": nullable,
            "store_id": nullable,
            "page": {"$ref": "#/components/schemas/Page"},
            "params": object(kind.params, kind.requires_any),
            "bot": {"const": true, "description": "The sender was a bot."},
            "device": {
                "type": "object",
                "description": "The known parts of the sender's device.",
                "properties": {"type": {"type": "string"}, "browser": {"type": "string"}, "system": {"type": "string"}},
                "additionalProperties": false
            },
            "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "The country of the sender's address, if it is known."},
        },
        "required": ["id", "type", "api", "time", "received_at", "visitor_id", "email", "session_id", "store_id", "page", "params"],
        "additionalProperties": false,
    })
}

fn object(params: &[Param], requires_any: bool) -> Value {
    let properties: Map<String, Value> = params.iter().map(|param| (param.name.to_owned(), value(&param.param_type))).collect();
    let required: Vec<&str> = params.iter().filter(|param| param.is_required).map(|param| param.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    if requires_any {
        schema["minProperties"] = 1.into();
    }
    schema
}

fn value(param_type: &ParamType) -> Value {
    match param_type {
        ParamType::Text | ParamType::PersonId | ParamType::OrderId | ParamType::Email | ParamType::Currency => {
            json!({"type": "string", "minLength": 1})
        }
        ParamType::TextOrEmpty | ParamType::PageUrl | ParamType::Url | ParamType::SourceUrl => json!({"type": "string"}),
        ParamType::Quantity | ParamType::ChangedQuantity | ParamType::LineQuantity => json!({"type": "number", "exclusiveMinimum": 0}),
        ParamType::Money => json!({"type": "number"}),
        ParamType::Bool => json!({"type": "boolean"}),
        ParamType::Tags => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        ParamType::Any => json!({}),
        ParamType::Lines(line) => json!({"type": "array", "items": object(line.params(), false)}),
    }
}
