//! The store's change feed as the projection's source.

use crate::metrics::catalog::RecordKind;
use crate::projection::document::{Document, RecordKey};
use crate::projection::error::ProjectionError;
use crate::projection::source::{ChangeSource, Changes, MAX_EVENTS, MAX_RECORDS, Origin, Position};
use crate::resource::Resource;
use crate::store::{ChangeFeed, ChangePage, ChangedRecord, PageLimits};

impl ChangeSource for ChangeFeed {
    fn origin(&mut self) -> Result<Origin, ProjectionError> {
        let (group, head) = ChangeFeed::origin(self)?;
        Ok(Origin { group: group.unwrap_or_default(), head })
    }

    fn changes(&mut self, after: Position, head: Position) -> Result<Changes, ProjectionError> {
        let limits = PageLimits { records: MAX_RECORDS, events: MAX_EVENTS };
        let ChangePage { records, products, tracked, complete } = ChangeFeed::changes(self, after, head, limits)?;
        Ok(Changes { documents: records.into_iter().map(document).collect(), products, tracked, complete })
    }

    fn reload(&mut self, keys: &[RecordKey]) -> Result<Vec<Document>, ProjectionError> {
        let mut documents = Vec::with_capacity(keys.len());
        for (kind, project, key) in keys {
            let resources: &[Resource] = match kind {
                RecordKind::Events | RecordKind::Visits | RecordKind::Customers => &[],
                RecordKind::Orders => &[Resource::Orders, Resource::Carts],
                RecordKind::Returns => &[Resource::Returns],
            };
            for resource in resources {
                documents.extend(ChangeFeed::reload(self, *resource, *project, key)?.map(document));
            }
        }
        Ok(documents)
    }
}

fn document(record: ChangedRecord) -> Document {
    let ChangedRecord { project, resource, key, change, json } = record;
    let record_kind = if resource == Resource::Returns { RecordKind::Returns } else { RecordKind::Orders };
    Document { project, record_kind, key, change, json }
}
