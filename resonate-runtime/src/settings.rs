//! What a process decides once, at its start, and every execution in it needs.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use resonate_core::{Capabilities, Payload, PromiseId, RetryPolicy};
use serde::Serialize;

use crate::{
    Result,
    codec::Codecs,
    layer::{Bodies, Calls},
    objects::Kept,
    testing::{Stage, TurnPoint},
};

/// What a process decides once: codecs, default retry policy, what it provides to its functions.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) codecs: Codecs,
    pub(crate) retry: RetryPolicy,
    pub(crate) state: StateMap,
    /// What a test puts in place of functions.
    pub(crate) stage: Option<Stage>,
    /// The layers around functions.
    pub(crate) bodies: Option<Bodies>,
    /// The layers around calls outside of functions.
    pub(crate) calls: Option<Calls>,
    /// Where large payloads are kept.
    pub(crate) objects: Option<Kept>,
    /// A test's, called around every turn.
    pub(crate) on_turn: Option<fn(TurnPoint)>,
    pub(crate) urls: Urls,
}

impl Settings {
    /// Writes a value with the codec of this label, or the process's own.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        codec: Option<&'static str>,
        value: &T,
    ) -> Result<Payload> {
        self.codecs.encode(codec, value)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codecs: Codecs::default(),
            retry: RetryPolicy::DEFAULT,
            state: StateMap::default(),
            stage: None,
            bodies: None,
            calls: None,
            objects: None,
            on_turn: None,
            urls: Urls::default(),
        }
    }
}

/// What the URLs of promises are made with, as the server says when it welcomes the worker.
#[derive(Debug, Default)]
pub(crate) struct Urls(RwLock<Option<Capabilities>>);

impl Urls {
    /// The server has said it.
    pub(crate) fn are_made_with(&self, capabilities: Option<Capabilities>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = capabilities;
    }

    /// The URL of a promise; none before the server has said how they are made, or if it has none.
    pub(crate) fn of(&self, id: &PromiseId) -> Option<String> {
        let capabilities = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(capabilities.as_ref()?.url(id))
    }
}

/// What a process provides to its functions, one value per type.
#[derive(Clone, Default)]
pub(crate) struct StateMap(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl StateMap {
    /// Provides a value; an earlier one of the same type is replaced.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// The value of this type, if one is provided.
    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        value.downcast().ok()
    }
}

impl std::fmt::Debug for StateMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateMap({} types)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_found_by_its_type() {
        let mut state = StateMap::default();
        state.insert(1u32);
        state.insert(2u32);
        state.insert("pool".to_owned());
        assert_eq!(state.find::<u32>().as_deref(), Some(&2));
        assert_eq!(
            state.find::<String>().as_deref().map(String::as_str),
            Some("pool")
        );
        assert_eq!(state.find::<u64>(), None);
    }
}
