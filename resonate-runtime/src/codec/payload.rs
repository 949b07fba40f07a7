//! The two formats that every process reads, and the codecs that are nothing but one of them.

use std::{cell::Cell, collections::BTreeMap};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Bounded, Codec, bincode,
    depth::{Guarding, TooDeep},
};
use crate::Result;

/// How a value is written before a codec seals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON text: readable in the page and the CLI, and a new field with a default is no break.
    Json,
    /// bincode 2: compact and fast; both sides must have exactly the same types.
    Bincode,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Bincode];

    /// Its label in payloads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Bincode => bincode::LABEL,
        }
    }

    pub(super) fn named(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.label() == label)
    }

    /// If the value is a tuple, `parts` says how many of its parts have been begun.
    pub(crate) fn write<T: Serialize + ?Sized>(
        self,
        value: &T,
        out: &mut Bounded,
        parts: &Cell<usize>,
    ) -> Result<()> {
        let value = Guarding::new(value, parts);
        match self {
            Self::Json => Ok(serde_json::to_writer(out, &value)?),
            Self::Bincode => bincode::write(value, out),
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(self, data: &[u8]) -> Result<T> {
        match self {
            Self::Json => Ok(serde_json::from_slice(data).map_err(named)?),
            Self::Bincode => bincode::read(data),
        }
    }
}

/// The error of a text that is nested too deep, as it is told everywhere.
fn named(error: serde_json::Error) -> serde_json::Error {
    if error.to_string().starts_with("recursion limit exceeded") {
        serde::de::Error::custom(TooDeep)
    } else {
        error
    }
}

/// Writes JSON; the default.
#[derive(Clone, Copy, Debug)]
pub struct Json;

/// Writes bincode 2, of limited size and nesting.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

impl Codec for Json {
    fn label(&self) -> &'static str {
        Format::Json.label()
    }

    fn seal(&self, plain: Vec<u8>, _: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        Ok(plain)
    }

    fn open(&self, sealed: &[u8], _: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        Ok(sealed.to_vec())
    }
}

impl Codec for Bincode {
    fn label(&self) -> &'static str {
        Format::Bincode.label()
    }

    fn format(&self) -> Format {
        Format::Bincode
    }

    fn seal(&self, plain: Vec<u8>, _: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        Ok(plain)
    }

    fn open(&self, sealed: &[u8], _: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        Ok(sealed.to_vec())
    }
}
