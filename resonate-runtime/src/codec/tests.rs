//! What was written is read; what is hostile is an error in time, never an end of the process.

use std::{cell::Cell, collections::BTreeMap, time::Instant};

use bytes::Bytes;
use resonate_core::{Encoding, Payload};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, ser::SerializeSeq};

use super::*;
use crate::{Error, ErrorKind, function::Parameter, limits};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    card: String,
    cents: u64,
    items: Vec<Option<Item>>,
    notes: BTreeMap<String, (i8, char)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Item {
    Nothing,
    One(String),
    Pair(u8, f64),
    Boxed { of: Box<Self> },
}

fn order() -> Order {
    let boxed = Item::Boxed {
        of: Box::new(Item::Pair(1, -0.5)),
    };
    Order {
        card: "größe".to_owned(),
        cents: u64::MAX,
        items: vec![
            None,
            Some(Item::Nothing),
            Some(Item::One("x".to_owned())),
            Some(boxed),
        ],
        notes: BTreeMap::from([("a".to_owned(), (-1, 'ß'))]),
    }
}

fn codecs() -> Codecs {
    Codecs::default()
}

fn bincode(data: impl Into<Vec<u8>>) -> Payload {
    let mut bytes = vec![1];
    bytes.extend(data.into());
    Payload::new(Encoding::BINCODE, bytes)
}

/// Reads hostile bytes: an error, soon.
#[track_caller]
fn refused<T: serde::de::DeserializeOwned>(payload: &Payload) -> String {
    #[expect(clippy::disallowed_methods, reason = "a real limit on real work")]
    let began = Instant::now();
    let error = codecs().decode::<T>(payload).map(|_| ()).unwrap_err();
    assert!(
        began.elapsed().as_secs() < 10,
        "it took {:?}",
        began.elapsed()
    );
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.is_terminal());
    error.to_string()
}

#[test]
fn either_side_reads_what_the_other_writes() {
    let bincode_writer = Codecs::new(Bincode.into(), vec![]);
    for (writer, label) in [(codecs(), "json"), (bincode_writer, "bincode")] {
        let payload = writer.encode(None, &order()).unwrap();
        assert_eq!(payload.encoding.0, label);
        assert_eq!(codecs().decode::<Order>(&payload).unwrap(), order());
    }
    let by_name = codecs().encode(Some("bincode"), &order()).unwrap();
    assert_eq!(by_name.encoding, Encoding::BINCODE);
}

#[test]
fn json_lets_a_new_field_with_a_default_in() {
    #[derive(Deserialize)]
    struct Newer {
        card: String,
        #[serde(default)]
        currency: Option<String>,
    }
    let payload = codecs().encode(None, &order()).unwrap();
    let newer: Newer = codecs().decode(&payload).unwrap();
    assert_eq!((newer.card.as_str(), newer.currency), ("größe", None));
}

#[test]
fn lengths_that_lie_ask_for_no_memory() {
    // 252 and 253 stand before lengths of 4 and 8 bytes.
    let long = [&[253][..], &u64::MAX.to_le_bytes()].concat();
    refused::<Vec<u64>>(&bincode(long.clone()));
    refused::<String>(&bincode(long.clone()));
    refused::<BTreeMap<u64, String>>(&bincode(long.clone()));
    refused::<Vec<Vec<String>>>(&bincode([&[2][..], &long].concat()));
    let large = [&[252][..], &0x4000_0000u32.to_le_bytes()].concat();
    refused::<Vec<u64>>(&bincode(large.clone()));
    refused::<Vec<u8>>(&bincode(large));
}

#[test]
fn endless_sequences_of_nothing_end() {
    let long = [&[253][..], &u64::MAX.to_le_bytes()].concat();
    assert!(refused::<Vec<()>>(&bincode(long)).contains("elements"));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nested(Vec<Self>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Self>),
}

fn nested(depth: usize) -> Nested {
    (0..depth).fold(Nested(vec![]), |inner, _| Nested(vec![inner]))
}

#[test]
fn nesting_has_an_end_in_both_formats() {
    assert!(refused::<Nested>(&bincode(vec![1; 1 << 20])).contains("nested deeper"));
    assert!(refused::<Chain>(&bincode(vec![1; 1 << 20])).contains("nested deeper"));
    let deep = Payload::json("[".repeat(1 << 20));
    assert!(refused::<Nested>(&deep).contains("nested deeper than 127"));
    for label in ["json", "bincode"] {
        let payload = codecs()
            .encode(Some(label), &nested(limits::DEPTH / 4))
            .unwrap();
        assert_eq!(
            codecs().decode::<Nested>(&payload).unwrap(),
            nested(limits::DEPTH / 4)
        );
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Pair(u8, Box<Self>),
    Named { below: Box<Self> },
}

/// What is written can be read, and the deepest of it is one less deep than what is refused.
#[track_caller]
fn deepest<T: Serialize + DeserializeOwned>(
    label: &'static str,
    nest: impl Fn(usize) -> T,
) -> usize {
    for depth in 0..limits::DEPTH + 2 {
        match codecs().encode(Some(label), &nest(depth)) {
            Ok(payload) => drop(codecs().decode::<T>(&payload).unwrap()),
            Err(error) => {
                assert_eq!(
                    (error.kind(), error.message(), error.is_terminal()),
                    (
                        ErrorKind::Decode,
                        "a value could not be written: it is nested deeper than 127",
                        true
                    )
                );
                return depth - 1;
            }
        }
    }
    panic!("nothing is refused")
}

#[test]
fn what_is_nested_too_deep_to_be_read_is_not_written() {
    let pairs = |depth| (0..depth).fold(Tree::Leaf, |inner, _| Tree::Pair(1, Box::new(inner)));
    let named = |depth| {
        (0..depth).fold(Tree::Leaf, |inner, _| Tree::Named {
            below: Box::new(inner),
        })
    };
    let chain = |depth| (0..depth).fold(Chain::End, |inner, _| Chain::Link(Box::new(inner)));
    for (label, levels) in [("json", 2), ("bincode", 1)] {
        assert_eq!(deepest(label, nested), 62, "a newtype and a sequence each");
        assert_eq!(deepest(label, chain), 126);
        assert_eq!(deepest(label, pairs), 126 / levels);
        assert_eq!(deepest(label, named), 126 / levels);
    }
}

#[test]
fn headers_of_a_codec_have_a_limit() {
    let codecs = Codecs::new(Talkative.into(), vec![]);
    let error = codecs.encode(None, &1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error
            .message()
            .contains("the headers that the codec `talkative` writes have 20"),
        "{error}"
    );
}

struct Talkative;

impl Codec for Talkative {
    fn label(&self) -> &'static str {
        "talkative"
    }
    fn seal(&self, plain: Vec<u8>, headers: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        headers.insert("x".to_owned(), "y".repeat(20_000));
        Ok(plain)
    }
    fn open(&self, sealed: &[u8], _: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        Ok(sealed.to_vec())
    }
}

#[test]
fn every_byte_is_read() {
    let payload = codecs().encode(Some("bincode"), &7u64).unwrap();
    let longer = Payload {
        data: Bytes::from([&payload.data[..], &[0]].concat()),
        ..payload.clone()
    };
    assert!(refused::<u64>(&longer).contains("left over"));
    refused::<(u64, String)>(&payload);
    assert!(refused::<u64>(&Payload::json("7 8")).contains("trailing"));
}

#[test]
fn every_prefix_and_every_flipped_bit_is_a_value_or_an_error() {
    for label in ["json", "bincode"] {
        let payload = codecs().encode(Some(label), &order()).unwrap();
        for length in 0..payload.data.len() {
            let cut = Payload {
                data: payload.data.slice(..length),
                ..payload.clone()
            };
            refused::<Order>(&cut);
        }
        for at in 0..payload.data.len() * 8 {
            let mut data = payload.data.to_vec();
            data[at / 8] ^= 1 << (at % 8);
            let flipped = Payload {
                data: data.into(),
                ..payload.clone()
            };
            if let Err(error) = codecs().decode::<Order>(&flipped) {
                assert_eq!(error.kind(), ErrorKind::Decode);
            }
        }
    }
}

#[test]
fn another_format_number_says_so() {
    let payload = Payload::new(Encoding::BINCODE, vec![2, 7]);
    assert!(refused::<u64>(&payload).contains("its format is 2, this library reads 1"));
    refused::<u64>(&Payload::new(Encoding::BINCODE, vec![]));
}

#[test]
fn a_deserialize_that_panics_is_an_error() {
    #[derive(Debug)]
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("not today")
        }
    }
    assert!(refused::<Panics>(&Payload::json("1")).contains("panicked: not today"));
}

#[test]
fn a_payload_over_the_limit_is_not_written() {
    let codecs = codecs();
    codecs.limit(1_000);
    assert!(codecs.encode(None, &"x".repeat(998)).is_ok());
    let error = codecs.encode(None, &"x".repeat(999)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let says = "a payload has more than 1000 bytes; at most 1000 are allowed;";
    assert!(error.to_string().starts_with(says), "{error}");
}

/// A list of a million numbers that counts those that were asked of it, and does not heed errors.
#[derive(Default)]
struct Long {
    asked: Cell<usize>,
    is_stubborn: bool,
}

impl Serialize for Long {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(1_000_000))?;
        for _ in 0..1_000_000 {
            self.asked.set(self.asked.get() + 1);
            if let Err(error) = list.serialize_element(&7u8)
                && !self.is_stubborn
            {
                return Err(error);
            }
        }
        list.end()
    }
}

#[test]
fn what_is_too_large_is_written_only_as_far_as_it_may_be() {
    let parameters = ["first", "second", "third"].map(|name| Parameter { name, ty: "Long" });
    let wrapping = Codecs::new(Reversed(Format::Json).into(), vec![]);
    for label in ["json", "bincode"] {
        let codecs = codecs();
        codecs.limit(1_000);
        let arguments = ("small", Long::default(), 1);
        let error = codecs.encode_parts(Some(label), &arguments, &parameters);
        let says = "a payload has more than 1000 bytes with `second`; at most 1000 are allowed; store it elsewhere and pass \
                    a reference";
        assert_eq!(error.unwrap_err().message(), says, "{label}");
        assert!(
            arguments.1.asked.get() <= 1_000,
            "{}",
            arguments.1.asked.get()
        );
        let stubborn = Long {
            is_stubborn: true,
            ..Long::default()
        };
        let error = codecs.encode(Some(label), &stubborn).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{label}: {error}");
    }
    // What is sealed may become smaller, so it is measured then.
    wrapping.limit(1_000);
    let error = wrapping.encode(None, &vec![7u8; 2_000]).unwrap_err();
    let says = "a payload has 4015 bytes; at most 1000 are allowed";
    assert!(error.message().starts_with(says), "{error}");
}

struct Reversed(Format);

impl Codec for Reversed {
    fn label(&self) -> &'static str {
        "reversed"
    }
    fn format(&self) -> Format {
        self.0
    }
    fn seal(
        &self,
        mut plain: Vec<u8>,
        headers: &mut BTreeMap<String, String>,
    ) -> crate::Result<Vec<u8>> {
        headers.insert("key".to_owned(), "7".to_owned());
        plain.reverse();
        Ok(plain)
    }
    fn open(&self, sealed: &[u8], headers: &BTreeMap<String, String>) -> crate::Result<Vec<u8>> {
        if headers.get("key").map(String::as_str) != Some("7") {
            return Err(Error::new("no such key"));
        }
        Ok(sealed.iter().rev().copied().collect())
    }
}

#[test]
fn a_codec_of_the_users_wraps_around_either_format() {
    for format in Format::ALL {
        let writer = Codecs::new(Reversed(format).into(), vec![]);
        let payload = writer.encode(None, &order()).unwrap();
        assert_eq!(payload.encoding.0, "reversed");
        // The reader's own choice of a format does not matter.
        let reader = Codecs::new(Json.into(), vec![Reversed(Format::Json).into()]);
        assert_eq!(reader.decode::<Order>(&payload).unwrap(), order());
        assert!(refused::<Order>(&payload).contains("`reversed`, which nobody reads here"));
        let other_key = Payload {
            headers: BTreeMap::new(),
            ..payload
        };
        assert!(
            reader
                .decode::<Order>(&other_key)
                .unwrap_err()
                .to_string()
                .contains("no such key")
        );
    }
}

#[test]
fn a_function_names_a_format() {
    let error = codecs().encode(Some("zip"), &1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misused);
    assert!(error.to_string().contains("`zip` is no format"), "{error}");
    // What seals seals that too.
    let codecs = Codecs::new(Reversed(Format::Json).into(), vec![]);
    let payload = codecs.encode(Some("bincode"), &order()).unwrap();
    assert_eq!(
        (
            payload.encoding.0.as_ref(),
            payload.headers["format"].as_str()
        ),
        ("reversed", "bincode")
    );
    assert_eq!(codecs.decode::<Order>(&payload).unwrap(), order());
}
