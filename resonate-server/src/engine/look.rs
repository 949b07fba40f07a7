//! What can be seen of workers and functions: from memory, after the commit like every read.

use std::collections::BTreeMap;

use resonate_core::{Address, queue::Waiting};
use resonate_proto::{
    client::{ServedFunction, WorkerInfo},
    stream::{Defaults, Function},
};

use super::{Engine, View};
use crate::dispatch::registry;

impl Engine {
    pub(super) fn view(&self) -> View {
        View {
            workers: self.workers(),
            functions: self.functions(),
            figures: self.figures,
        }
    }

    fn workers(&self) -> Vec<WorkerInfo> {
        let workers = self.fleet.workers().map(|(session, worker)| WorkerInfo {
            session,
            name: worker.name.clone(),
            address: worker.peer.clone(),
            services: worker.services.iter().cloned().collect(),
            capacity: worker.capacity,
            leased: self.leases.count(session) as u64,
            connected_at: worker.connected_at,
            last_seen: worker.last_seen,
            draining: worker.is_draining,
            version: worker.version.clone(),
        });
        workers.collect()
    }

    fn functions(&self) -> Vec<ServedFunction> {
        let served = |function: Function, workers: u32, waiting: Waiting| ServedFunction {
            keys: self.ready.keys(&function.address),
            tenants: self.ready.tenants(&function.address),
            running: self.flow.running(&function.address),
            opens_at: self.flow.opens_at(&function.address),
            function,
            workers,
            ready: waiting.tasks as u64,
            waiting_since: waiting.since,
        };
        let mut functions: BTreeMap<Address, ServedFunction> = registry::functions(&self.fleet)
            .into_iter()
            .map(|(address, (function, workers))| {
                let waiting = self.ready.waiting(&address);
                (address, served(function, workers, waiting))
            })
            .collect();
        for (address, waiting) in self.ready.all_waiting() {
            let unknown = || served(unknown(address), 0, waiting);
            functions.entry(address.clone()).or_insert_with(unknown);
        }
        functions.into_values().collect()
    }
}

/// A function that somebody calls and nobody has registered.
fn unknown(address: &Address) -> Function {
    Function {
        address: address.clone(),
        parameters: Vec::new(),
        result: String::new(),
        signature: 0,
        body_fingerprint: 0,
        served: false,
        location: String::new(),
        defaults: Defaults::default(),
    }
}
