//! What a test puts in place of functions, and how often each of them began.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use resonate_core::{Address, Payload};
use serde::de::DeserializeOwned;

use crate::{
    Call, Error, ErrorKind,
    function::{Definition, Running},
    plumbing::{Decoder, Ended, Input, run},
    registry::{DuplicateFunction, Registry},
};

/// What a test puts in place of functions. Clones are the same.
#[derive(Clone, Default)]
pub struct Stage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mocks: BTreeMap<Address, Mock>,
    runs: BTreeMap<Address, u64>,
}

type Mock = Arc<dyn Fn(Input) -> Running + Send + Sync>;

impl Stage {
    /// From now on `body` runs instead of the function that `call` calls. The arguments of `call` do not matter.
    ///
    /// # Panics
    /// The call was polled already.
    pub fn mock<A, R, Fut>(&self, call: &Call<R>, body: impl Fn(A) -> Fut + Send + Sync + 'static)
    where
        A: DeserializeOwned + 'static,
        R: 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let (definition, output) = call
            .prototype()
            .expect("a call that names a function to mock is fresh: it was not polled");
        let body = Arc::new(body);
        let mock = move |input: Input| {
            let body = Arc::clone(&body);
            run(input, Decoder::new(), output, move |arguments| {
                body(arguments)
            })
        };
        self.state()
            .mocks
            .insert(definition.address(), Arc::new(mock));
    }

    /// How often a body of this function, or its mock, began to run: again for each attempt and each replay.
    #[must_use]
    pub fn runs(&self, address: &Address) -> u64 {
        self.state().runs.get(address).copied().unwrap_or(0)
    }

    /// The body, or what is in its place.
    pub(crate) fn play(
        &self,
        definition: &'static Definition,
        run: fn(Input) -> Running,
        input: Input,
    ) -> Running {
        let stage = self.clone();
        Box::pin(async move {
            let address = definition.address();
            let mock = {
                let mut state = stage.state();
                let mock = state.mocks.get(&address).cloned();
                *state.runs.entry(address).or_default() += 1;
                mock
            };
            let Some(mock) = mock else {
                return run(input).await;
            };
            // A mock of a function without parameters takes `()`, which is written otherwise than no arguments.
            let input = if definition.parameters.is_empty() {
                input.with(Payload::json("null"))
            } else {
                input
            };
            mock(input).await
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All functions that are linked in, and those that are only declared: they are served, too, by their mocks.
///
/// # Errors
/// Two different functions with the same address.
pub(crate) fn registry() -> Result<Registry, DuplicateFunction> {
    // Declarations get a body for the life of the process, so they get it once.
    static STAGED: OnceLock<Result<Registry, DuplicateFunction>> = OnceLock::new();
    let staged = || Registry::of(Registry::linked()?.iter().map(with_body));
    STAGED.get_or_init(staged).clone()
}

fn with_body(definition: &'static Definition) -> &'static Definition {
    if definition.run.is_some() {
        return definition;
    }
    Box::leak(Box::new(Definition {
        run: Some(unmocked),
        ..*definition
    }))
}

fn unmocked(input: Input) -> Running {
    let message = format!(
        "{} is only declared in this program; say with `world.mock(..)` what it does in this test",
        input.definition().address()
    );
    let error = Error::of(ErrorKind::NoSuchFunction, message);
    Box::pin(std::future::ready(Ended::in_vain(error)))
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Stage")
            .field("mocks", &state.mocks.keys())
            .field("runs", &state.runs)
            .finish()
    }
}
