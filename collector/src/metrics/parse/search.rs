//! Reading searches.

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, Resource};
use crate::metrics::cursor;
use crate::metrics::parse::breakdown::read_sort;
use crate::metrics::parse::values::Part;
use crate::metrics::parse::{Context, ValidationErrors};
use crate::metrics::query::Search;
use crate::metrics::query::SearchPosition;

const DEFAULT_LIMIT: u32 = 50;

pub(super) fn read(
    resource: &'static Resource,
    query: &Map<String, Value>,
    context: Context<'_>,
    faults: &mut ValidationErrors,
) -> Option<(Search, Value)> {
    let part = Part { field: "search", path: "", object: query };
    part.only(&["fields", "limit", "sort", "sort_by", "cursor"], faults);
    let fields = read_fields(resource, &part, faults);
    let limit = part.limit(DEFAULT_LIMIT, faults);
    let (sort, sort_name) = read_sort(&part, faults);
    let (sort_by, sort_by_name) = read_sort_by(resource, &part, faults)?;
    let fingerprint = cursor::fingerprint(context.organization, resource.name, sort_by.name, sort);
    let after = read_cursor(&part, &fingerprint, faults);
    let mut filled = Map::from_iter([
        ("fields".into(), query.get("fields").cloned().unwrap_or_default()),
        ("limit".into(), json!(limit)),
        ("sort".into(), json!(sort_name)),
        ("sort_by".into(), json!(sort_by_name)),
    ]);
    filled.extend(query.get("cursor").map(|cursor| ("cursor".into(), cursor.clone())));
    Some((Search { fields: fields?, limit, sort, sort_by, after }, Value::Object(filled)))
}

fn read_fields(resource: &'static Resource, part: &Part<'_>, faults: &mut ValidationErrors) -> Option<Vec<&'static Field>> {
    let names = match part.object.get("fields") {
        None => {
            part.fault(faults, "fields", "is missing");
            return None;
        }
        Some(Value::Array(names)) if !names.is_empty() => names,
        Some(_) => {
            part.fault(faults, "fields", "must be a list of at least one field");
            return None;
        }
    };
    let mut fields = Vec::new();
    for name in names {
        let found = name.as_str().map_or_else(Vec::new, |name| shown(resource, name));
        if found.is_empty() {
            part.fault(faults, "fields", format!("{name} is not a field of {}", resource.name));
        }
        fields.extend(found);
    }
    Some(fields)
}

/// `x.*` stands for every attribute of x, and not for the relations of x.
fn shown(resource: &'static Resource, name: &str) -> Vec<&'static Field> {
    let is_meant = |field: &&Field| match name.strip_suffix(".*") {
        Some(owner) => field.owner() == owner,
        None => field.name == name,
    };
    resource.fields.iter().copied().filter(|field| field.is_shown).filter(is_meant).collect()
}

/// Carts are sorted by `cart.*` in the reference and by `order.*` in the examples, so both are understood.
fn read_sort_by(resource: &'static Resource, part: &Part<'_>, faults: &mut ValidationErrors) -> Option<(&'static Field, String)> {
    let name = match part.object.get("sort_by") {
        None => format!("{}.current_date", resource.alias),
        Some(_) => part.text("sort_by", faults)?.to_owned(),
    };
    let plain = name.split_once('.').filter(|(first, _)| [resource.alias, resource.main].contains(first));
    let found =
        plain.and_then(|(_, attribute)| resource.field(&format!("{}.{attribute}", resource.main))).filter(|field| field.is_date_filter);
    if found.is_none() {
        part.fault(faults, "sort_by", format!("{name} is not a date to sort {} by", resource.name));
    }
    found.map(|field| (field, name))
}

/// Clients send `null` for the first page.
fn read_cursor(part: &Part<'_>, fingerprint: &str, faults: &mut ValidationErrors) -> Option<SearchPosition> {
    let read = match part.object.get("cursor") {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => cursor::read(text, fingerprint),
        Some(_) => None,
    };
    if read.is_none() {
        part.fault(faults, "cursor", "is not a cursor of this search");
    }
    read
}
