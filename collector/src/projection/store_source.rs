//! The store's change feed as the projection's source.

use crate::Error;
use crate::metrics::catalog::RecordKind;
use crate::projection::document::Document;
use crate::projection::source::{ChangeSource, ChangedProducts, Changes, MAX_BATCH, ReturnKey, ReturnPage};
use crate::resource::Resource;
use crate::store::{self, ChangeFeed, ChangePage, ChangedRecord};

impl ChangeSource for ChangeFeed {
    fn changes(&mut self, after: i64, head: i64) -> Result<Changes, Error> {
        let ChangePage { records, complete } = ChangeFeed::changes(self, after, head, MAX_BATCH)?;
        Ok(Changes { documents: documents(records), complete })
    }

    fn changed_products(&mut self, after: i64, head: i64) -> Result<ChangedProducts, Error> {
        let store::ChangedProducts { items, complete } = self.products(after, head)?;
        Ok(ChangedProducts { products: items, complete })
    }

    fn reload(&mut self, keys: &[(i64, String)]) -> Result<Vec<Document>, Error> {
        Ok(documents(ChangeFeed::reload(self, keys)?))
    }

    fn returns_with_products(&mut self, products: &[(i64, String)], after: &ReturnKey, limit: usize) -> Result<ReturnPage, Error> {
        let (records, last) = ChangeFeed::returns(self, products, after, limit)?;
        Ok((documents(records), last))
    }
}

fn documents(records: Vec<ChangedRecord>) -> Vec<Document> {
    let document = |ChangedRecord { project, resource, key, change, json }: ChangedRecord| {
        let kind = if resource == Resource::Returns { RecordKind::Returns } else { RecordKind::Orders };
        Document { project, record_kind: kind, key, change, json }
    };
    records.into_iter().map(document).collect()
}
