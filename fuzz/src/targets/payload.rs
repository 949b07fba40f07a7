//! Arguments and results, in both formats, as types of every shape. What can be read is written again and read as the
//! same; nothing makes the reader ask for more memory than the bytes could fill, or nest without a bound.

use std::{collections::BTreeMap, fmt::Debug};

use resonate_runtime::{
    codec::Format,
    testing::{read_payload, write_payload},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Nests as deep as the bytes say.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Nested {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Inside(Box<Self>),
    Maybe(Option<Box<Self>>),
    Both { one: Box<Self>, other: Vec<u8> },
}

/// What a function could take.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    items: Vec<(String, u32)>,
    total: u128,
    paid: Option<bool>,
    note: Option<char>,
}

pub(super) fn json(data: &[u8]) -> bool {
    all(Format::Json, data)
}

pub(super) fn bincode(data: &[u8]) -> bool {
    all(Format::Bincode, data)
}

fn all(format: Format, data: &[u8]) -> bool {
    let Some((which, data)) = data.split_first() else {
        return false;
    };
    match which % 8 {
        0 => same::<Nested>(format, data),
        1 => same::<(Order, u64)>(format, data),
        2 => same::<Vec<u64>>(format, data),
        3 => same::<String>(format, data),
        4 => same::<BTreeMap<String, Vec<u8>>>(format, data),
        5 => same::<(i8, Option<Option<bool>>, [u16; 3])>(format, data),
        6 => same::<Vec<Option<Nested>>>(format, data),
        _ => same::<Result<String, Nested>>(format, data),
    }
}

fn same<T: Serialize + DeserializeOwned + Debug + PartialEq>(format: Format, data: &[u8]) -> bool {
    let Ok(value) = read_payload::<T>(format, data) else {
        return false;
    };
    let Ok(written) = write_payload(format, &value) else {
        panic!("{value:?} was read and cannot be written");
    };
    let again = read_payload::<T>(format, &written).expect("what was written is read");
    // An inner `None` is `null` as well.
    if format == Format::Bincode {
        assert_eq!(again, value);
    }
    true
}
