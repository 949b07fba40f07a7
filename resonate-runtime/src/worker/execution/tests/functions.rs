//! The functions that are run here, and what a test sees and steers of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, future, stream::FuturesUnordered};
use tokio::sync::Notify;

use crate::{
    Error, Result, Retry,
    call::{Call, continue_as},
    function::{Definition, Options, Parameter, Running},
    ops::{execution, label, promise, random, sleep, state, step, timeout, uuid},
    plumbing::{Input, Output, Tag, probe::*, run},
    settings::{Settings, StateMap},
};

/// What a test sees and steers.
#[derive(Clone, Default)]
pub(super) struct Hooks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    seen: Mutex<Vec<String>>,
    bells: Mutex<BTreeMap<&'static str, Arc<Notify>>>,
}

impl Hooks {
    pub(super) fn settings(&self) -> Settings {
        let mut state = StateMap::default();
        state.insert(self.clone());
        Settings {
            urls: Default::default(),
            state,
            ..Settings::default()
        }
    }

    pub(super) fn saw(&self, what: impl std::fmt::Display) {
        self.0.seen.lock().unwrap().push(what.to_string());
    }

    /// What was seen since this was asked last.
    pub(super) fn seen(&self) -> String {
        std::mem::take(&mut *self.0.seen.lock().unwrap()).join(", ")
    }

    /// Something foreign that the test sets off.
    pub(super) fn bell(&self, name: &'static str) -> Arc<Notify> {
        Arc::clone(self.0.bells.lock().unwrap().entry(name).or_default())
    }
}

fn saw(what: impl std::fmt::Display) {
    state::<Hooks>().saw(what);
}

async fn rung(name: &'static str) {
    let bell = state::<Hooks>().bell(name);
    bell.notified().await;
}

/// Says so when it is dropped.
struct Dropped(Arc<Hooks>, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.saw(format_args!("{} dropped", self.1));
    }
}

fn guard(name: &'static str) -> Dropped {
    Dropped(state::<Hooks>(), name)
}

fn body<F: Future<Output = Result<u64>> + Send + 'static>(
    input: Input,
    body: fn(u64) -> F,
) -> Running {
    run(
        input,
        Tag::<(u64,)>::new().decoder(),
        Output::of_result(),
        move |(n,)| body(n),
    )
}

#[track_caller]
pub(super) fn call(definition: &'static Definition, n: u64) -> Call<Result<u64>> {
    Call::new(
        definition,
        Output::of_result(),
        Settings::default().encode(None, &(n,)).into(),
    )
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: "n",
    ty: "u64",
}];
const BLANK: Definition = Definition {
    name: "",
    service: "shop",
    version: 1,
    parameters: PARAMETERS,
    result: "Result<u64>",
    body_fingerprint: 0,
    item: || "",
    options: Options::NONE,
    file: "src/shop.rs",
    line: 1,
    run: None,
};

/// `NAME = |n| body;`, registered as `name`.
macro_rules! functions {
    ($($constant:ident $name:literal = |$n:ident| $body:block)*) => {$(
        pub(super) static $constant: Definition = Definition {
            name: $name,
            run: Some(|input| body(input, |$n| async move $body)),
            ..BLANK
        };
    )*};
}

pub(super) static ELSEWHERE: Definition = Definition {
    name: "elsewhere",
    service: "depot",
    ..BLANK
};
pub(super) static ONCE: Definition = Definition {
    name: "once",
    options: Options {
        retry: Some(Retry::never),
        ..Options::NONE
    },
    run: Some(|input| {
        body(input, |n| async move {
            saw("once");
            Ok(n)
        })
    }),
    ..BLANK
};
pub(super) static SOON: Definition = Definition {
    name: "soon",
    options: Options {
        timeout: Some(|| Duration::from_secs(1)),
        ..Options::NONE
    },
    run: Some(|input| {
        body(input, |n| async move {
            rung("never").await;
            Ok(n)
        })
    }),
    ..BLANK
};

pub(super) static BRIEF: Definition = Definition {
    name: "brief",
    options: Options {
        timeout: Some(|| Duration::from_secs(3)),
        ..Options::NONE
    },
    ..SOON
};
/// The same function as a program declares it that does not say how long it may take.
pub(super) static DECLARED: Definition = Definition {
    options: Options::NONE,
    run: None,
    ..BRIEF
};

functions! {
    LEAF "leaf" = |n| { saw("leaf"); Ok(n + 1) }
    ANSWERS "answers" = |n| { saw("begin"); let one = call(&LEAF, n).await?; saw(one); Ok(call(&LEAF, one).await? + 10) }
    REMOTE "remote" = |n| { saw("begin"); let there = call(&ELSEWHERE, n).await?; saw("there"); Ok(there + call(&ELSEWHERE, there).await?) }
    WAITS "waits" = |n| { let _guard = guard("waits"); rung("go").await; Ok(n) }
    CALLS_WAITS "calls_waits" = |n| { Ok(call(&WAITS, n).await? + 1) }
    NESTED "nested" = |n| { saw(n); if n == 4 { return Ok(0); } Ok(call(&NESTED, n + 1).await? + n) }
    FAILS "fails" = |n| { saw("fails"); if n == 1 { Err(Error::new("no network")) } else { Ok(n) } }
    FLAKY "flaky" = |n| { let attempt = execution().attempt(); saw(format_args!("attempt {attempt}")); if attempt < 3 { Err(Error::new("no network")) } else { Ok(n) } }
    CALLS_FLAKY "calls_flaky" = |n| { call(&FLAKY, n).await }
    PANICS "panics" = |n| { let attempt = execution().attempt(); saw(format_args!("panics {attempt}")); assert!(attempt > 1, "out of paper"); Ok(n) }
    CALLS_PANICS "calls_panics" = |n| { call(&PANICS, n).await }
    CALLS_ONCE "calls_once" = |n| { call(&ONCE, n).await }
    CALLS_SOON "calls_soon" = |n| { saw(call(&SOON, n).await.unwrap_err().kind().name()); Ok(n) }
    CALLS_BRIEFLY "calls_briefly" = |n| { let brief = call(&WAITS, n).timeout(Duration::from_secs(3)); saw(brief.await.unwrap_err().kind().name()); Ok(n) }
    CALLS_BRIEF "calls_brief" = |n| { saw(call(&DECLARED, n).await.unwrap_err().kind().name()); Ok(n) }
    FAN_OUT "fan_out" = |n| { let calls = (0..5).map(|n| call(&WAITS, n)); Ok(future::try_join_all(calls).await?.into_iter().sum::<u64>() + n) }
    RACE "race" = |n| {
        let _guard = guard("race");
        tokio::select! { biased;
            _ = call(&WAITS, n) => Ok(1),
            () = sleep(Duration::from_millis(100)) => { let after = call(&LEAF, n).await?; Ok(after + 40) }
        }
    }
    HANDLES "handles" = |n| { let handle = call(&WAITS, n).spawn(); let leaf = call(&LEAF, n).await?; drop(handle); Ok(leaf) }
    SPAWNS "spawns" = |n| { let handle = call(&LEAF, n).spawn(); let two = call(&LEAF, 10).await?; Ok(handle.await? + two) }
    STEPS "steps" = |n| { let one = step(|| async { saw("one"); Ok::<_, Error>(n) }).await?; let two = step(|| async { saw("two"); Ok::<_, Error>(one + 1) }).await?; Ok(one + two) }
    RETRIES "retries" = |n| {
        let mut tries = 0;
        let value = step(|| { tries += 1; let tries = tries; async move { if tries < 3 { Err(Error::new("busy")) } else { Ok(tries) } } }).await?;
        Ok(value + n)
    }
    BEGINS "begins" = |n| { let value = step(|| async { saw("begun"); rung("go").await; Ok::<_, Error>(n) }).at_most_once().await; saw(format_args!("{:?}", value.as_ref().map_err(Error::kind))); value }
    SLOW_STEP "slow_step" = |n| { let _guard = guard("slow"); step(|| async { rung("go").await; Ok::<_, Error>(n) }).await }
    BOUNDED "bounded" = |n| { match timeout(Duration::from_secs(2), rung("never")).await { Ok(()) => Ok(n), Err(error) => { saw(error.kind().name()); Ok(7) } } }
    FOREIGN "foreign" = |n| {
        saw("begin");
        let approval = promise::<u64>("approval");
        tokio::select! { biased;
            value = approval => Ok(value? + n),
            () = rung("go") => { saw("rung"); Ok(5) }
        }
    }
    UNORDERED "unordered" = |n| {
        saw("begin");
        let mut all: FuturesUnordered<_> = (0..3).map(|n| call(&ELSEWHERE, n)).collect();
        let mut sum = n;
        while let Some(one) = all.next().await { sum += one?; }
        Ok(sum)
    }
    WIDE "wide" = |n| { let calls = (0..2_500).map(|n| call(&ELSEWHERE, n)); Ok(future::try_join_all(calls).await?.len() as u64 + n) }
    BLOCKS "blocks" = |n| {
        let hooks = state::<Hooks>();
        hooks.bell("blocks").notify_one();
        while hooks.seen() != "go on" { std::thread::yield_now(); }
        Ok(n)
    }
    CHANGED "changed" = |n| { if execution().version() == 1 { call(&ELSEWHERE, n).await } else { call(&LEAF, n).await } }
    CALLS_REMOTE "calls_remote" = |n| { saw("caller"); let there = call(&REMOTE, n).await?; Ok(there + 100) }
    MANY_SHOWN "many_shown" = |n| {
        let (one, two) = future::try_join(call(&ELSEWHERE, n), call(&ELSEWHERE, n)).await?;
        Ok(one + two)
    }
    LOCAL "local" = |n| { let one = call(&ELSEWHERE, n).local().result().await; saw(one.unwrap_err().kind().name()); Ok(n) }
    LEAVES "leaves" = |n| {
        let attempt = execution().attempt();
        saw(format_args!("attempt {attempt}"));
        let waits = call(&WAITS, n).spawn();
        if attempt == 1 { tokio::time::sleep(Duration::from_millis(1)).await; return Err(Error::new("no network")); }
        waits.await
    }
    PANICS_BESIDE "panics_beside" = |n| {
        let is_first = execution().attempt() == 1;
        saw(if is_first { "first" } else { "again" });
        let (leaf, waits) = (call(&LEAF, n).spawn(), call(&WAITS, n));
        if !is_first { return Ok(leaf.await? + waits.await?); }
        tokio::select! { biased;
            _ = waits => Ok(0),
            () = rung("stop") => panic!("out of paper"),
        }
    }
    LOCALS "locals" = |n| { let all = (0..3).map(|m| call(&LEAF, n + m).local()); Ok(future::try_join_all(all).await?.into_iter().sum()) }
    HELD_UP "held_up" = |n| {
        let first = call(&ELSEWHERE, n).spawn();
        rung("go").await;
        let second = call(&ELSEWHERE, n).await?;
        Ok(first.await? + second)
    }
    MIXED "mixed" = |n| {
        let late = call(&ELSEWHERE, n).spawn();
        let quote = step(|| async { saw("quote"); Ok::<_, Error>(n) }).label("quote").await?;
        let nested = call(&REMOTE, quote).await?;
        let raced = tokio::select! { biased;
            value = call(&WAITS, n) => value?,
            () = sleep(Duration::from_millis(30)) => 3,
        };
        let all = future::try_join3(call(&LEAF, 1), call(&NESTED, 2), call(&ELSEWHERE, raced)).await?;
        let approved = timeout(Duration::from_millis(40), promise::<u64>("approval")).await;
        let once = step(|| async { saw("once"); Ok::<_, Error>(1) }).at_most_once().await;
        let once = once.unwrap_or(1);
        Ok(nested + all.0 + all.1 + all.2 + once + u64::from(approved.is_ok()) + late.await?)
    }
    COUNTS "counts" = |n| {
        saw(n);
        let next = step(|| async { Ok::<_, Error>(n + 1) }).await?;
        if next < 4 { continue_as(call(&COUNTS, next)).await } else { Ok(next) }
    }
    CONTINUES_OTHER "continues_other" = |n| { continue_as(call(&LEAF, n)).await }
    DEEP "deep" = |n| { if n == 300 { return Ok(0); } Ok(call(&DEEP, n + 1).await? + 1) }
    DRAWS "draws" = |n| {
        saw(format_args!("{} {}", random(), uuid()));
        let drawn = step(|| async { Ok::<_, Error>(random()) }).await?;
        saw(drawn);
        call(&ELSEWHERE, n).await
    }
    SPAWNS_TASK "spawns_task" = |n| {
        let lost = tokio::spawn(async move { call(&LEAF, n).await });
        saw(lost.await.unwrap().unwrap_err().kind().name());
        Ok(n)
    }
    GIVES_UP "gives_up" = |n| {
        let mut waits = Box::pin(call(&WAITS, n).retry(Retry::never()));
        if execution().attempt() == 1 {
            tokio::select! { biased;
                value = &mut waits => return value,
                () = rung("stop") => return Err(Error::new("no network")),
            }
        }
        waits.await
    }
    BOTH "both" = |n| {
        let (approval, waits) = future::try_join(promise::<u64>("approval"), call(&WAITS, n)).await?;
        Ok(approval + waits)
    }
    ONCE_AND_ELSEWHERE "once_and_elsewhere" = |n| {
        let (once, elsewhere) = future::try_join(call(&ONCE, n), call(&ELSEWHERE, n)).await?;
        Ok(once + elsewhere)
    }
    LABELS_MUCH "labels_much" = |n| {
        let labels = |m: u64| (0..900).map(move |k| (format!("{m}_{k}"), "x".repeat(10)));
        let detached = (0..250).map(|m| labels(m).fold(call(&ELSEWHERE, m), |call, (k, v)| call.label(k, v)).detach());
        Ok(future::try_join_all(detached).await?.len() as u64 + n)
    }
    GIVES_TOO_MUCH "gives_too_much" = |n| {
        let param = resonate_core::Payload::json(vec![b'1'; 5 << 20]);
        let leaf = call(&LEAF, n).await?;
        future::try_join(call(&ELSEWHERE, leaf), Call::<Result<u64>>::new(&ELSEWHERE, Output::of_result(), Ok(param).into())).await?;
        Ok(n)
    }
    LABELS_BADLY "labels_badly" = |n| { label("a b", n); Ok(n) }
    RACE_ONCE "race_once" = |n| {
        tokio::select! { biased;
            _ = call(&WAITS, n).retry(Retry::never()) => Ok(1),
            () = rung("stop") => call(&ELSEWHERE, n).await,
        }
    }
    SPINS "spins" = |n| { loop { tokio::select! { biased; () = rung("go") => return Ok(n), () = spin() => {} } } }
}

/// Wakes itself once.
async fn spin() {
    let mut is_first = true;
    future::poll_fn(|cx| {
        if std::mem::replace(&mut is_first, false) {
            cx.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}

pub(super) static ALL: &[&Definition] = &[
    &LEAF,
    &ANSWERS,
    &REMOTE,
    &WAITS,
    &CALLS_WAITS,
    &NESTED,
    &FAILS,
    &FLAKY,
    &CALLS_FLAKY,
    &PANICS,
    &CALLS_PANICS,
    &ONCE,
    &CALLS_ONCE,
    &SOON,
    &CALLS_SOON,
    &BRIEF,
    &CALLS_BRIEFLY,
    &CALLS_BRIEF,
    &FAN_OUT,
    &RACE,
    &HANDLES,
    &SPAWNS,
    &STEPS,
    &RETRIES,
    &BEGINS,
    &SLOW_STEP,
    &BOUNDED,
    &LEAVES,
    &LOCALS,
    &PANICS_BESIDE,
    &HELD_UP,
    &RACE_ONCE,
    &GIVES_UP,
    &LABELS_BADLY,
    &LABELS_MUCH,
    &GIVES_TOO_MUCH,
    &ONCE_AND_ELSEWHERE,
    &BOTH,
    &MIXED,
    &COUNTS,
    &CONTINUES_OTHER,
    &DEEP,
    &DRAWS,
    &SPAWNS_TASK,
    &FOREIGN,
    &UNORDERED,
    &WIDE,
    &BLOCKS,
    &CHANGED,
    &CALLS_REMOTE,
    &MANY_SHOWN,
    &LOCAL,
    &SPINS,
];
