//! What one started `Resonate` is made of.

use std::{fmt, sync::Arc};

use crate::{
    ambient,
    client::{Client, IoThread},
    clock::Clock,
    settings::Settings,
};

/// A started `Resonate`: the client, the worker, the thread they live on.
pub(crate) struct Process {
    client: Client,
    settings: Arc<Settings>,
    clock: Arc<Clock>,
    /// Last: it ends with the process.
    _io: IoThread,
}

impl Process {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        ambient::stopped(self);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("client", &self.client).finish_non_exhaustive()
    }
}
