//! The loop that drives the engine, on a thread of its own, and the handle by which the rest of the server reaches it.
//!
//! No timer makes group commit happen: while one round commits, the next gathers in the queue. The queue is bounded, by number and by bytes; who
//! puts something in waits for room.

use std::{collections::VecDeque, io, sync::Arc, thread, time::Duration};

use resonate_core::{PromiseId, Reply, Request, limits};
use resonate_proto::stream::{FromWorker, Hello};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::sleep,
};

use super::{AskError, Engine, EngineError, Input, Next, Tailed, Told, View, Watched};
use crate::{
    clock::Clock,
    dispatch::stream::{Outbound, StreamId},
    limits::QUEUE_BYTES,
};

/// Reaches the engine from anywhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    inputs: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// One thing in the queue, and the room it takes there until the engine has handled it.
#[derive(Debug)]
struct Queued {
    input: Input,
    room: OwnedSemaphorePermit,
}

/// What was taken from the queue and is not handled yet.
#[derive(Debug, Default)]
struct Taken {
    inputs: VecDeque<Input>,
    rooms: VecDeque<OwnedSemaphorePermit>,
}

/// The engine's thread.
#[derive(Debug)]
#[must_use = "the engine stops when this is dropped"]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<Result<(), EngineError>>,
}

/// Why the engine's thread ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndError {
    /// The engine said so.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It panicked; nothing left that was not durable.
    #[error(
        "the engine panicked; what it had not answered is not known to be written; please report it"
    )]
    Panicked,
}

/// Starts the loop.
///
/// # Errors
/// If the system gives no thread.
pub fn spawn(engine: Engine, clock: Clock) -> io::Result<(Handle, Running)> {
    let (inputs, queue) = mpsc::channel(limits::ENGINE_QUEUE);
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let result = runtime.block_on(run(engine, clock, queue, stopped));
            // Nobody waits for it when the whole server was dropped.
            let _unheard = end.send(result);
        })?;
    Ok((
        Handle {
            inputs,
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
        },
        Running {
            stop: Some(stop),
            ended,
        },
    ))
}

async fn run(
    mut engine: Engine,
    clock: Clock,
    mut queue: mpsc::Receiver<Queued>,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), EngineError> {
    let mut taken = Taken::default();
    loop {
        gather(&mut queue, &mut taken, engine.next(), &mut stopped).await;
        let releases = engine.round(clock.now(), &mut taken.inputs)?;
        taken.make_room();
        for release in releases {
            if let Err(stream) = release.carry_out() {
                engine.disconnect(stream);
            }
        }
        // What waited when the queue was closed is still answered.
        if queue.is_closed() && queue.is_empty() && taken.inputs.is_empty() {
            return engine.close();
        }
        engine.upkeep()?;
    }
}

/// Takes what waits; waits for something if there is nothing to do. Closes the queue when the engine is to stop.
async fn gather(
    queue: &mut mpsc::Receiver<Queued>,
    taken: &mut Taken,
    next: Next,
    stopped: &mut oneshot::Receiver<()>,
) {
    let room = limits::ROUND_REQUESTS.saturating_sub(taken.inputs.len());
    let wait = match next {
        Next::After(wait) if taken.inputs.is_empty() => wait,
        Next::Now | Next::After(_) => Duration::ZERO,
    };
    let mut came = Vec::new();
    if room > 0 && !queue.is_closed() {
        tokio::select! {
            biased;
            // However it comes; also when whoever could say so is gone.
            _stop = stopped => queue.close(),
            count = queue.recv_many(&mut came, room) => {
                if count == 0 {
                    queue.close();
                }
            }
            () = sleep(wait) => {}
        }
    }
    while came.len() < room
        && let Ok(input) = queue.try_recv()
    {
        came.push(input);
    }
    for Queued { input, room } in came {
        taken.inputs.push_back(input);
        taken.rooms.push_back(room);
    }
}

impl Taken {
    /// Inputs are handled from the front, so what is handled is what is missing there.
    fn make_room(&mut self) {
        let handled = self.rooms.len().saturating_sub(self.inputs.len());
        self.rooms.drain(..handled);
    }
}

impl Handle {
    /// Asks, and waits until the answer may be given: a reply, a documented no, or why there is none.
    pub async fn ask(&self, request: Request) -> Told<Reply> {
        let (answer, answered) = oneshot::channel();
        if let Err(error) = self.send(Input::Ask { request, answer }).await {
            return error.into();
        }
        answered.await.unwrap_or_else(|_| stopped().into())
    }

    /// Each of these promises, once it has settled.
    ///
    /// # Errors
    /// If the engine has stopped.
    pub async fn watch(&self, ids: Vec<PromiseId>) -> Result<mpsc::Receiver<Watched>, AskError> {
        let (out, watched) = mpsc::channel(ids.len().max(1));
        self.send(Input::Watch { ids, out }).await?;
        Ok(watched)
    }

    /// What an execution emitted from an offset on, once there is something.
    pub async fn tail(&self, id: PromiseId, from: u64) -> Tailed {
        let (answer, answered) = oneshot::channel();
        if let Err(error) = self.send(Input::Tail { id, from, answer }).await {
            return error.into();
        }
        answered.await.unwrap_or_else(|_| stopped().into())
    }

    /// Workers, functions, figures.
    ///
    /// # Errors
    /// If the engine has stopped.
    pub async fn look(&self) -> Result<View, AskError> {
        let (answer, seen) = oneshot::channel();
        self.send(Input::Look { answer }).await?;
        seen.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// A worker's stream opened.
    ///
    /// # Errors
    /// If the engine has stopped.
    pub async fn open(
        &self,
        stream: StreamId,
        hello: Hello,
        peer: String,
        out: Outbound,
    ) -> Result<(), AskError> {
        self.send(Input::Open {
            stream,
            hello,
            peer,
            out,
        })
        .await
    }

    /// A worker said something.
    ///
    /// # Errors
    /// If the engine has stopped.
    pub async fn said(&self, stream: StreamId, items: Vec<FromWorker>) -> Result<(), AskError> {
        self.send(Input::Items {
            stream,
            items: items.into(),
        })
        .await
    }

    /// A worker's stream closed.
    pub async fn closed(&self, stream: StreamId) {
        // An engine that has stopped has closed it already.
        let _stopped = self.send(Input::Closed { stream }).await;
    }

    async fn send(&self, input: Input) -> Result<(), AskError> {
        let bytes = u32::try_from(input.bytes().min(QUEUE_BYTES)).map_err(|_| stopped())?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes);
        let room = room.await.map_err(|_| stopped())?;
        let queued = Queued { input, room };
        self.inputs.send(queued).await.map_err(|_| stopped())
    }
}

fn stopped() -> AskError {
    AskError::Unavailable("the server is stopping; ask again when it is back".to_owned())
}

impl Running {
    /// Lets the engine answer what waits, write it, and end.
    ///
    /// # Errors
    /// Why it ended otherwise.
    pub async fn stop(mut self) -> Result<(), EndError> {
        if let Some(stop) = self.stop.take() {
            // It has ended by itself already when nobody listens.
            let _ended = stop.send(());
        }
        self.ended().await
    }

    /// Waits until the engine ends by itself, which it does only when something is wrong. Cancel-safe.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(&mut self) -> Result<(), EndError> {
        match (&mut self.ended).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(EndError::Panicked),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use resonate_core::{Outcome, Payload};

    use super::*;

    #[test]
    fn the_queue_is_full_by_bytes_and_what_is_handled_makes_room() {
        let (inputs, mut queue) = mpsc::channel(limits::ENGINE_QUEUE);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        let handle = Handle { inputs, room };
        let settle = || {
            let (answer, _left) = oneshot::channel();
            let outcome = Outcome::Resolved(Payload::json("1".repeat(limits::PAYLOAD_BYTES)));
            let id = PromiseId::new("a").expect("a good id");
            let request = Request::Settle {
                id,
                outcome,
                key: None,
            };
            handle.send(Input::Ask { request, answer })
        };
        let mut context = Context::from_waker(Waker::noop());
        let fit = QUEUE_BYTES / limits::PAYLOAD_BYTES;
        for _ in 0..fit {
            let sent = Box::pin(settle()).as_mut().poll(&mut context);
            assert_eq!(sent, Poll::Ready(Ok(())));
        }
        let mut waits = Box::pin(settle());
        assert_eq!(waits.as_mut().poll(&mut context), Poll::Pending);
        let mut taken = Taken::default();
        let Queued { input, room } = queue.try_recv().expect("the first");
        taken.inputs.push_back(input);
        taken.rooms.push_back(room);
        taken.make_room();
        assert_eq!(waits.as_mut().poll(&mut context), Poll::Pending);
        taken.inputs.pop_front();
        taken.make_room();
        assert_eq!(waits.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
}
