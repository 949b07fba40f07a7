//! What surrounds a call that names nobody: the execution that is being polled, else the `Resonate` it goes through,
//! else the one of this process that was started first.

use std::{
    cell::RefCell,
    panic::Location,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    Error, ErrorKind, Result, codec::Codecs, context, resonate::Process, settings::Settings,
    testing::gate,
};

/// Every `Resonate` that was started and not dropped, oldest first.
static STARTED: RwLock<Vec<Weak<Process>>> = RwLock::new(Vec::new());

/// One of them was shut down, or dropped.
static HAS_LEFT: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The one that the call being polled goes through by name.
    static NAMED: RefCell<Option<Arc<Process>>> = const { RefCell::new(None) };
}

/// Calls that name nobody may go to it from now on.
pub(crate) fn started(process: &Arc<Process>) {
    if gate::started(process) {
        return;
    }
    let mut started = STARTED.write().unwrap_or_else(PoisonError::into_inner);
    started.retain(|process| process.strong_count() > 0);
    started.push(Arc::downgrade(process));
}

/// No call that names nobody goes to it any more.
pub(crate) fn stopped(process: &Process) {
    HAS_LEFT.store(true, Ordering::Release);
    let mut started = STARTED.write().unwrap_or_else(PoisonError::into_inner);
    started.retain(|started| !std::ptr::eq(started.as_ptr(), process));
}

/// Polls something whose calls go through this one.
pub(crate) fn through<T>(process: &Arc<Process>, poll: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<Process>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            NAMED.set(self.0.take());
        }
    }
    let _restore = Restore(NAMED.replace(Some(Arc::clone(process))));
    poll()
}

/// Where a call at this place goes that is made outside of durable functions.
pub(crate) fn process(location: &Location<'_>) -> Result<Arc<Process>> {
    find().ok_or_else(|| nobody(location, HAS_LEFT.load(Ordering::Acquire)))
}

/// A call at this place goes nowhere.
fn nobody(location: &Location<'_>, has_left: bool) -> Error {
    if has_left {
        let message = format!(
            "the call at {location} comes too late: this process is shutting down; start another `Resonate`, or make the \
             call again where one is"
        );
        return Error::of(ErrorKind::Unavailable, message);
    }
    let message = format!(
        "the call at {location} is outside of durable functions, and no `Resonate` is started in this process; keep \
         what `Resonate::builder().start().await?` gives"
    );
    Error::of(ErrorKind::Misused, message).into_terminal()
}

/// The settings of the execution that is being polled, else of the `Resonate` that a call goes to.
pub(crate) fn settings() -> Option<Arc<Settings>> {
    context::current::settings().or_else(|| find().map(|process| Arc::clone(process.settings())))
}

/// How arguments are written here and now.
pub(crate) fn codecs() -> Codecs {
    settings().map_or_else(Codecs::default, |settings| settings.codecs.clone())
}

fn find() -> Option<Arc<Process>> {
    let named = NAMED.with_borrow(Clone::clone);
    named.or_else(gate::process).or_else(|| {
        let started = STARTED.read().unwrap_or_else(PoisonError::into_inner);
        started.iter().find_map(Weak::upgrade)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_comes_too_late_is_told_apart_from_one_that_comes_too_early() {
        let late = nobody(Location::caller(), true);
        assert_eq!(late.kind(), ErrorKind::Unavailable);
        assert!(
            late.message().contains("this process is shutting down"),
            "{late}"
        );
        let early = nobody(Location::caller(), false);
        assert_eq!(early.kind(), ErrorKind::Misused);
        assert!(
            early.message().contains("no `Resonate` is started"),
            "{early}"
        );
    }
}
