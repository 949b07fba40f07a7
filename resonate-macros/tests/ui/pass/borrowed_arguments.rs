use resonate::prelude::*;
use std::{borrow::Cow, collections::BTreeMap, path::Path};

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    id: u64,
}

#[durable]
async fn ship(item: &str, to: &[Order], order: &Order, by: &(u8, String), at: &Path) -> usize {
    item.len() + to.len() + order.id as usize + by.1.len() + at.components().count()
}

#[derive(Serialize, Deserialize)]
struct NotClone;

#[durable]
async fn count(
    parcels: &[NotClone],
    names: &Vec<String>,
    stock: &BTreeMap<String, u64>,
    _: &u8,
    text: Cow<'static, str>,
) -> usize {
    text.len() + names.len() + stock.len() + parcels.len()
}

pub(crate) fn main() {
    let order = Order { id: 7 };
    let _call = ship(
        "book",
        &[order.clone()],
        &order,
        &(1, "x".into()),
        Path::new("/"),
    );
    let _call = count(&[NotClone], &vec![], &BTreeMap::new(), &1, "t".into());
}
