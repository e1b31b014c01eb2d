//! Reads changes from the store's change feed.

use crate::Error;
use crate::metrics::catalog::Family;
use crate::projection::Document;
use crate::projection::sync::{BATCH, Goods, Part, Place, Source};
use crate::resource::Resource;
use crate::store::{ChangeFeed, ChangePage, ChangedProducts, ChangedRecord};

impl Source for ChangeFeed {
    fn changes(&mut self, after: i64, head: i64) -> Result<Part, Error> {
        let ChangePage { records, complete } = ChangeFeed::changes(self, after, head, BATCH)?;
        Ok(Part { documents: documents(records), complete })
    }

    fn goods(&mut self, after: i64, head: i64) -> Result<Goods, Error> {
        let ChangedProducts { items, complete } = self.products(after, head)?;
        Ok(Goods { items, complete })
    }

    fn again(&mut self, keys: &[(i64, String)]) -> Result<Vec<Document>, Error> {
        Ok(documents(self.reload(keys)?))
    }

    fn returns(&mut self, goods: &[(i64, String)], after: &Place, limit: usize) -> Result<(Vec<Document>, Option<Place>), Error> {
        let (records, last) = ChangeFeed::returns(self, goods, after, limit)?;
        Ok((documents(records), last))
    }
}

fn documents(records: Vec<ChangedRecord>) -> Vec<Document> {
    let document = |ChangedRecord { project, resource, key, change, json }: ChangedRecord| {
        let family = if resource == Resource::Returns { Family::Returns } else { Family::Orders };
        Document { project, family, key, change, json }
    };
    records.into_iter().map(document).collect()
}
