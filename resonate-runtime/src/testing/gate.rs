//! A process as a simulator sees it: the tokio tasks that belong to it, which can stand still together or end together.
//!
//! All processes of a simulation share one runtime and its paused clock. Whatever a task of a gate spawns through this
//! crate belongs to the same gate, so a whole process stops as if it were sent SIGSTOP, or ends as if by SIGKILL.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinHandle},
};

thread_local! {
    /// The gate of the task that is being polled.
    static CURRENT: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

use crate::resonate::Process;

/// Everything of one process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_paused: bool,
    is_closed: bool,
    /// Those who were woken, or came, while it was paused.
    waiting: Vec<Waker>,
    tasks: Vec<AbortHandle>,
    /// Where calls of it go that name nobody.
    process: Option<Weak<Process>>,
    /// How many tasks there may be before those that have ended are forgotten.
    sweep_at: usize,
}

impl Gate {
    /// A gate that is open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns something that belongs to it.
    pub fn spawn<F>(&self, runtime: &Handle, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let gated = Gated {
            gate: self.clone(),
            future: Box::pin(future),
        };
        let task = runtime.spawn(gated);
        let mut state = self.state();
        if state.is_closed {
            task.abort();
            return task;
        }
        if state.tasks.len() >= state.sweep_at {
            state.tasks.retain(|task| !task.is_finished());
            state.sweep_at = 2 * state.tasks.len() + 16;
        }
        state.tasks.push(task.abort_handle());
        task
    }

    /// Nothing of it runs until it is resumed.
    pub fn pause(&self) {
        self.state().is_paused = true;
    }

    /// It goes on, and finds that time has passed. Who goes first is chance, as it is between threads.
    pub fn resume(&self) {
        let mut waiting = {
            let mut state = self.state();
            state.is_paused = false;
            std::mem::take(&mut state.waiting)
        };
        fastrand::shuffle(&mut waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Everything of it ends now.
    pub fn close(&self) {
        let tasks = {
            let mut state = self.state();
            state.is_closed = true;
            state.waiting.clear();
            std::mem::take(&mut state.tasks)
        };
        tasks.iter().for_each(AbortHandle::abort);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if it may go on now; else it is woken when it may.
    fn is_open(&self, context: &Context<'_>) -> bool {
        let mut state = self.state();
        if state.is_paused {
            state.waiting.push(context.waker().clone());
        }
        !state.is_paused && !state.is_closed
    }
}

/// True if what runs here is a part of a simulation.
pub(crate) fn is_simulated() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// What runs here belongs to a simulation, and its calls go to this one from now on, unless they have one already.
pub(crate) fn started(process: &Arc<Process>) -> bool {
    CURRENT.with_borrow(|gate| {
        if let Some(gate) = gate {
            gate.state()
                .process
                .get_or_insert_with(|| Arc::downgrade(process));
        }
        gate.is_some()
    })
}

/// Where calls of what runs here go that name nobody, if it belongs to a simulation.
pub(crate) fn process() -> Option<Arc<Process>> {
    CURRENT.with_borrow(|gate| gate.as_ref()?.state().process.as_ref()?.upgrade())
}

/// Spawns on a runtime; what belongs to a gate spawns what belongs to it.
pub(crate) fn spawn<F>(runtime: &Handle, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match CURRENT.with_borrow(Clone::clone) {
        None => runtime.spawn(future),
        Some(gate) => gate.spawn(runtime, future),
    }
}

struct Gated<F> {
    gate: Gate,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if !self.gate.is_open(context) {
            return Poll::Pending;
        }
        struct Restore(Option<Gate>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.gate.clone())));
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::mpsc, time::sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_paused_stands_still_and_what_is_closed_ends_with_all_it_spawned() {
        let gate = Gate::new();
        let (told, mut heard) = mpsc::channel(100);
        gate.spawn(&Handle::current(), async move {
            let child = spawn(&Handle::current(), async move {
                loop {
                    sleep(Duration::from_secs(1)).await;
                    told.send(()).await.unwrap();
                }
            });
            child.await.unwrap();
        });
        sleep(Duration::from_millis(2_500)).await;
        assert_eq!(heard.len(), 2);
        gate.pause();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(heard.len(), 2);
        gate.resume();
        sleep(Duration::from_millis(100)).await;
        assert_eq!(heard.len(), 3);
        gate.close();
        while heard.recv().await.is_some() {}
        assert!(!is_simulated());
    }
}
