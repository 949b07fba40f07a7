//! Who has which key, as what is durable says; and that nobody shares one.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::{Key, PromiseId, Record, TaskState};

/// All keys that somebody has.
#[derive(Default)]
pub(crate) struct Keys {
    holders: BTreeMap<Key, BTreeSet<PromiseId>>,
    /// The token under which each holder was claimed last.
    tokens: BTreeMap<PromiseId, u64>,
    changed: BTreeSet<Key>,
}

impl Keys {
    /// One record became durable: a key is kept until the end, and what has merged never begins.
    pub(crate) fn may_follow(
        &mut self,
        before: Option<&Record>,
        after: &Record,
    ) -> Result<(), String> {
        let (Some(key), Some(task)) = (after.key(), &after.task) else {
            return Ok(());
        };
        let id = &after.promise.id;
        let had_key = before.is_some_and(Record::has_key);
        if had_key && after.promise.is_pending() && !after.has_key() {
            return Err("it lost its key, and is pending".to_owned());
        }
        let was = before.and_then(|before| before.task.as_ref());
        let had_merged = was.is_some_and(|task| matches!(task.state, TaskState::Merged { .. }));
        if had_merged && !matches!(task.state, TaskState::Merged { .. } | TaskState::Done) {
            return Err("it had merged, and goes on".to_owned());
        }
        let holders = self.holders.entry(key.clone()).or_default();
        if after.has_key() {
            holders.insert(id.clone());
            self.tokens.insert(id.clone(), task.version.0);
        } else {
            holders.remove(id);
        }
        self.changed.insert(key);
        Ok(())
    }

    /// A lane became durable as a whole: each key has one holder at most.
    pub(crate) fn committed(&mut self) -> Result<(), String> {
        for key in std::mem::take(&mut self.changed) {
            let holders = self.holders.get(&key);
            if let Some(holders) = holders.filter(|holders| holders.len() > 1) {
                return Err(format!("{key} is held by {holders:?}"));
            }
        }
        Ok(())
    }

    /// A body runs under this token: that claim is durable, and with it the key.
    pub(crate) fn may_run(&self, id: &PromiseId, version: u64) -> Result<(), String> {
        match self.tokens.get(id) {
            Some(newest) if version <= *newest => Ok(()),
            newest => Err(format!(
                "{id} runs under {version}, and got its key under {newest:?}"
            )),
        }
    }
}
