//! The I/O thread of a `Resonate`: its connections, its stream and its heartbeats live on a runtime of their own, which
//! nothing a user's function does can block.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// A thread with a runtime. Dropping it ends both, without waiting.
#[derive(Debug)]
pub(crate) struct IoThread {
    handle: Handle,
    /// Dropping it ends the thread, if there is one.
    _stop: Option<oneshot::Sender<()>>,
}

impl IoThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread or no descriptors.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("resonate-io".to_owned())
            .spawn(move || {
                // Either way the handle is gone.
                let _dropped = runtime.block_on(stopped).is_err();
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: Some(stop),
        })
    }

    /// No thread: a simulator's runtime, which nothing blocks.
    pub(crate) fn none() -> Self {
        Self {
            handle: Handle::current(),
            _stop: None,
        }
    }

    /// Where to spawn what must not be blocked.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_goes_on_while_another_runtime_is_blocked_and_ends_with_its_owner() {
        let io = IoThread::start().unwrap();
        let beating = io
            .handle()
            .spawn(async { tokio::time::sleep(Duration::from_millis(1)).await });
        // This runtime has one thread: it polls nothing until the other is done.
        while !beating.is_finished() {
            std::thread::yield_now();
        }
        let endless = io.handle().spawn(std::future::pending::<()>());
        drop(io);
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
