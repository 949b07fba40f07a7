//! What a data folder has on record.

use std::{collections::BTreeMap, path::Path};

use resonate::prelude::*;

use crate::{
    answers::{self, Outcome},
    books::{Books, Entry},
    effects::{self, Effect},
    shelf::{self, Label},
};

/// All that a verdict is made of.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) answers: BTreeMap<String, Outcome>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) labels: BTreeMap<String, Vec<Label>>,
    pub(crate) effects: Vec<Effect>,
}

impl Facts {
    /// Reads a data folder; none if books or labels are kept elsewhere.
    pub(crate) fn read(data_dir: &Path) -> Result<Option<Self>> {
        if !Books::are_in(data_dir) || !shelf::is_in(data_dir) {
            return Ok(None);
        }
        Ok(Some(Self {
            answers: answers::read(data_dir)?,
            entries: Books::open(data_dir)?.entries()?,
            labels: shelf::labels(data_dir)?,
            effects: effects::read(data_dir)?,
        }))
    }
}
