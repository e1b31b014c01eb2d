//! Where the attributes of a record stand: in which of its rows, and in which column.
//!
//! A record is one row, and one more for each element of its arrays. The attributes of an object that is not in an array are columns of the
//! row that contains it.

use std::sync::LazyLock;

use crate::metrics::catalog::{Field, FieldType, RecordKind, parent};

/// How many members are compared with a name before the name is searched among all.
const NEAR_MEMBERS: usize = 8;

/// The rows of a kind of record.
pub(super) struct RecordSchema {
    pub(super) root: ObjectSchema,
    /// The number of columns: of the record itself, then of each array of the kind.
    pub(super) widths: Vec<usize>,
}

/// The members of an object, sorted by name.
#[derive(Default)]
pub(super) struct ObjectSchema {
    pub(super) members: Vec<(&'static str, Member)>,
}

/// A member of an object.
pub(super) enum Member {
    /// A value, and its column.
    Attribute(&'static Field, usize),
    /// An object with columns of the same row.
    Object(ObjectSchema),
    /// An array of objects, with the place of its rows.
    Array(ObjectSchema, usize),
}

/// Returns the columns of a record itself, or of the elements of one of its arrays.
pub fn columns(kind: RecordKind, array: Option<&str>) -> impl Iterator<Item = &'static Field> {
    kind.fields().filter(move |field| field.array() == array && field.kind != FieldType::Organization && !field.is_derived)
}

impl RecordSchema {
    /// Returns the schema of a kind of record; without members if such records are not documents.
    pub(super) fn of(kind: RecordKind) -> &'static Self {
        static ORDERS: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema::new(RecordKind::Orders));
        static RETURNS: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema::new(RecordKind::Returns));
        static NONE: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema { root: ObjectSchema::default(), widths: vec![0] });
        match kind {
            RecordKind::Orders => &ORDERS,
            RecordKind::Returns => &RETURNS,
            RecordKind::Events | RecordKind::Visits | RecordKind::Customers => &NONE,
        }
    }

    fn new(kind: RecordKind) -> Self {
        let arrays: Vec<_> = std::iter::once(None).chain(kind.arrays().map(Some)).collect();
        let mut schema = Self { root: ObjectSchema::default(), widths: Vec::new() };
        for array in &arrays {
            let mut width = 0;
            for (column, field) in columns(kind, *array).enumerate() {
                let path = if field.owner() == kind.main() { field.attribute() } else { field.name };
                schema.root.add(path, 0, &arrays, (field, column));
                width = column + 1;
            }
            schema.widths.push(width);
        }
        schema.root.sort();
        schema
    }

    /// Returns the column of the record itself that has the attribute at a path such as `customer.email`.
    pub(super) fn column(&self, path: &str) -> Option<usize> {
        let (last, before) = path.rsplit_once('.').map_or((path, None), |(before, last)| (last, Some(before)));
        let owner = before.into_iter().flat_map(|before| before.split('.')).try_fold(&self.root, |object, name| match object.find(name) {
            Some((_, Member::Object(inner))) => Some(inner),
            _ => None,
        });
        if let (_, Member::Attribute(_, column)) = owner?.find(last)? { Some(*column) } else { None }
    }
}

impl ObjectSchema {
    /// Returns the member with this name.
    pub(super) fn find(&self, name: &str) -> Option<&(&'static str, Member)> {
        self.place(name, 0).and_then(|place| self.members.get(place))
    }

    /// Returns the place of the member with this name. It is found soonest if it is one of the first from `start` on: the members of a stored
    /// record are in the order of their names.
    pub(super) fn place(&self, name: &str, start: usize) -> Option<usize> {
        let near = self.members.iter().skip(start).take(NEAR_MEMBERS).position(|(member, _)| *member == name);
        near.map(|step| start + step).or_else(|| self.members.binary_search_by(|(member, _)| (*member).cmp(name)).ok())
    }

    /// Adds the attribute at `path`. The part of the path before `start` leads to this object.
    fn add(&mut self, path: &'static str, start: usize, arrays: &[Option<&str>], attribute: (&'static Field, usize)) {
        let rest = &path[start..];
        let Some((name, _)) = rest.split_once('.') else {
            return self.members.push((rest, Member::Attribute(attribute.0, attribute.1)));
        };
        let end = start + name.len();
        let at = self.members.iter().position(|(member, _)| *member == name).unwrap_or_else(|| {
            let table = arrays.iter().position(|array| *array == Some(&path[..end]));
            let member = table.map_or_else(|| Member::Object(Self::default()), |table| Member::Array(Self::default(), table));
            self.members.push((name, member));
            self.members.len() - 1
        });
        if let (_, Member::Object(inner) | Member::Array(inner, _)) = &mut self.members[at] {
            inner.add(path, end + 1, arrays, attribute);
        }
    }

    fn sort(&mut self) {
        self.members.sort_by_key(|(name, _)| *name);
        for (_, member) in &mut self.members {
            if let Member::Object(inner) | Member::Array(inner, _) = member {
                inner.sort();
            }
        }
    }
}

/// Returns the places of the arrays within the array at this place.
pub(super) fn inner_arrays(kind: RecordKind, table: usize) -> impl Iterator<Item = usize> {
    let outer = kind.arrays().nth(table - 1);
    (1..).zip(kind.arrays()).filter(move |(_, array)| outer.is_some() && parent(array) == outer).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::ARRAYS;

    #[test]
    fn every_array_of_the_catalog_has_rows_of_a_kind() {
        let of_kinds: Vec<_> = [RecordKind::Orders, RecordKind::Returns].into_iter().flat_map(RecordKind::arrays).collect();
        assert!(ARRAYS.iter().all(|array| of_kinds.contains(array)), "{of_kinds:?}");
        assert_eq!(RecordSchema::of(RecordKind::Orders).widths.len(), 1 + RecordKind::Orders.arrays().count());
    }
}
