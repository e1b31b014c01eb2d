//! Parses searches.

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, Resource};
use crate::metrics::cursor;
use crate::metrics::parse::breakdown::read_sort;
use crate::metrics::parse::context::Context;
use crate::metrics::parse::errors::ValidationErrors;
use crate::metrics::parse::values::RequestObject;
use crate::metrics::query::{Search, SearchPosition};

const DEFAULT_LIMIT: u32 = 50;

pub(super) fn read(
    resource: &'static Resource,
    query: &Map<String, Value>,
    context: Context<'_>,
    errors: &mut ValidationErrors,
) -> Option<(Search, Value)> {
    let request = RequestObject { field: "search", path: "", object: query };
    request.allow_only(&["fields", "limit", "sort", "sort_by", "cursor"], errors);
    let fields = read_fields(resource, &request, errors);
    let limit = request.limit(DEFAULT_LIMIT, errors);
    let (sort, sort_name) = read_sort(&request, errors);
    let (sort_by, sort_by_name) = read_sort_by(resource, &request, errors)?;
    let fingerprint = cursor::fingerprint(context.organization, resource.name, sort_by.name, sort);
    let after = read_cursor(&request, &fingerprint, errors);
    let mut filled = Map::from_iter([
        ("fields".into(), query.get("fields").cloned().unwrap_or_default()),
        ("limit".into(), json!(limit)),
        ("sort".into(), json!(sort_name)),
        ("sort_by".into(), json!(sort_by_name)),
    ]);
    filled.extend(query.get("cursor").map(|cursor| ("cursor".into(), cursor.clone())));
    Some((Search { fields: fields?, limit, sort, sort_by, after }, Value::Object(filled)))
}

fn read_fields(resource: &'static Resource, request: &RequestObject<'_>, errors: &mut ValidationErrors) -> Option<Vec<&'static Field>> {
    let names = match request.object.get("fields") {
        None => {
            request.add_error(errors, "fields", "is missing");
            return None;
        }
        Some(Value::Array(names)) if !names.is_empty() => names,
        Some(_) => {
            request.add_error(errors, "fields", "must be a list of at least one field");
            return None;
        }
    };
    let mut fields: Vec<&'static Field> = Vec::new();
    for name in names {
        let found = name.as_str().map_or_else(Vec::new, |name| selected_fields(resource, name));
        if found.is_empty() {
            request.add_error(errors, "fields", format!("{name} is not a field of {}", resource.name));
        }
        // A field that is named twice is one column of the statement.
        for field in found {
            if !fields.iter().any(|other| other.name == field.name) {
                fields.push(field);
            }
        }
    }
    Some(fields)
}

/// Returns the fields that a name selects. `x.*` selects every attribute of x, but not the relations of x.
fn selected_fields(resource: &'static Resource, name: &str) -> Vec<&'static Field> {
    let is_selected = |field: &&Field| match name.strip_suffix(".*") {
        Some(owner) => field.owner() == owner,
        None => field.name == name,
    };
    resource.fields.iter().copied().filter(|field| field.is_shown).filter(is_selected).collect()
}

/// Accepts `cart.*` and `order.*` for carts: the upstream reference uses the first, its examples the second.
fn read_sort_by(
    resource: &'static Resource,
    request: &RequestObject<'_>,
    errors: &mut ValidationErrors,
) -> Option<(&'static Field, String)> {
    let name = match request.object.get("sort_by") {
        None => resource.default_date.replacen(resource.main, resource.alias, 1),
        Some(_) => request.text("sort_by", errors)?.to_owned(),
    };
    let qualified = name.split_once('.').filter(|(first, _)| [resource.alias, resource.main].contains(first));
    let found =
        qualified.and_then(|(_, attribute)| resource.field(&format!("{}.{attribute}", resource.main))).filter(|field| field.is_date_filter);
    if found.is_none() {
        request.add_error(errors, "sort_by", format!("{name} is not a date to sort {} by", resource.name));
    }
    found.map(|field| (field, name))
}

/// Returns the position in the cursor. Clients send `null` for the first page.
fn read_cursor(request: &RequestObject<'_>, fingerprint: &str, errors: &mut ValidationErrors) -> Option<SearchPosition> {
    let read = match request.object.get("cursor") {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => cursor::decode(text, fingerprint),
        Some(_) => None,
    };
    if read.is_none() {
        request.add_error(errors, "cursor", "is not a cursor of this search");
    }
    read
}
