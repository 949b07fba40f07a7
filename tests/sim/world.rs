//! One run: a server, workers, clients and what happens to them; first faults, then none, and everything must end well.

use std::{sync::Arc, time::Duration};

use resonate_runtime::testing;
use tokio::{runtime::Builder, time::sleep};

use crate::{
    client::Roots,
    dice::Dice,
    disk::Disk,
    faults::{self, Swarm},
    ledger::Ledger,
    network::Line,
    outside,
    process::Process,
    program::SERVICES,
    server::Server,
    shrink::Less,
    sim::{Counters, Sim, wall},
    wire::Far,
};

/// Everything must have ended so long after the last fault.
const BOUND: Duration = Duration::from_secs(3_600);
/// So long after the last fault the server is there again, and no lease is over for longer than that.
const CALM: Duration = Duration::from_secs(180);

/// What is there. Clones are the same.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) disk: Disk,
    pub(crate) server: Server,
    pub(crate) workers: Vec<Process>,
    pub(crate) clients: Vec<Process>,
    pub(crate) swarm: Swarm,
    pub(crate) ledger: Arc<Ledger>,
    roots: Arc<Roots>,
}

/// How a run went.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) hash: u64,
    pub(crate) wrong: Option<String>,
    pub(crate) counters: Counters,
    pub(crate) simulated: Duration,
    pub(crate) swarm: Swarm,
    pub(crate) last_lines: Vec<String>,
}

/// How a run is different from what its seed says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Every line of the trace is printed.
    pub(crate) is_shown: bool,
    /// The disk forgets what it said it had kept.
    pub(crate) disk_lies: bool,
    /// What is left out.
    pub(crate) less: Less,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, options: Options) -> Run {
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    let run = runtime.block_on(async {
        let dice = Dice::new(seed);
        let swarm = Swarm::draw(&dice, options.less);
        let sim = Sim::begin(dice, options.is_shown);
        testing::set_wall(Some(wall));
        let world = World::new(sim, swarm);
        if options.disk_lies {
            world.disk.lie();
        }
        world.live().await;
        Run {
            seed,
            hash: world.sim.trace_hash(),
            wrong: world.sim.wrong(),
            counters: world.sim.counters(),
            simulated: world.sim.elapsed(),
            swarm: world.swarm.clone(),
            last_lines: world.sim.last_lines(),
        }
    });
    testing::set_wall(None);
    run
}

impl World {
    fn new(sim: Sim, swarm: Swarm) -> Self {
        let disk = Disk::new(sim.clone());
        let server = Server::new(sim.clone(), disk.clone(), swarm.lease);
        server.set_slowest_sync(swarm.slowest_sync);
        let ledger = Arc::new(Ledger::new(sim.clone()));
        let process = |name: String, services, concurrency| {
            let line = Line::new(&sim, &swarm);
            let (sim, server) = (sim.clone(), server.clone());
            let far = Far { sim, server, line };
            Process::new(name, far, Arc::clone(&ledger), services, concurrency)
        };
        let concurrency = usize::try_from(swarm.concurrency).unwrap();
        let workers = (0..swarm.workers).map(|n| {
            process(
                format!("w{n}"),
                served(n, swarm.workers, sim.dice()),
                concurrency,
            )
        });
        let workers = workers.collect();
        let clients = (0..swarm.clients).map(|n| process(format!("c{n}"), Vec::new(), 1));
        let clients = clients.collect();
        let dice = sim.dice().apart();
        let roots = Roots::draw(&sim, &dice, &swarm);
        Self {
            sim,
            disk,
            server,
            workers,
            clients,
            swarm,
            ledger,
            roots: Arc::new(roots),
        }
    }

    pub(crate) fn all(&self) -> Vec<Process> {
        self.workers.iter().chain(&self.clients).cloned().collect()
    }

    async fn live(&self) {
        self.server.start();
        for process in self.all() {
            process.start();
        }
        for client in &self.clients {
            let roots = Arc::clone(&self.roots);
            let calling = client.clone().in_each_life(move |resonate| {
                let roots = Arc::clone(&roots);
                roots.call_all(resonate)
            });
            tokio::spawn(calling);
        }
        tokio::spawn(outside::look_after(self.clone()));
        for client in &self.clients {
            let (far, name) = (client.far().clone(), client.name().to_owned());
            tokio::spawn(outside::lapse(far, name, self.swarm.faulty_for));
        }
        let mut raging = faults::rage(self);
        tokio::select! {
            biased;
            () = self.sim.went_wrong() => return,
            () = sleep(self.swarm.faulty_for) => {}
        }
        raging.shutdown().await;
        self.heal();
        tokio::select! {
            biased;
            () = self.sim.went_wrong() => {}
            () = sleep(BOUND) => self.stuck(),
            () = self.converged() => {}
        }
    }

    /// No more faults.
    fn heal(&self) {
        self.sim.trace(format_args!("everything is healed"));
        self.disk.heal();
        self.server.heal();
        for process in self.all() {
            process.line().heal();
            process.resume();
        }
        let behind = self.sim.latest_wall().as_millis() - wall();
        self.sim.step_clock(behind);
    }

    /// Returns when everything has ended.
    async fn converged(&self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            if self.sim.elapsed() > self.swarm.faulty_for + CALM {
                let right = self.no_lease_outlives_its_worker();
                self.sim.check(right);
            }
            let is_over = {
                let model = self.sim.model();
                model.pending() == 0 && !model.messages.are_waiting()
            };
            if is_over && self.roots.open().is_empty() {
                break;
            }
        }
        self.sim.check(self.roots.check());
        self.sim.check(self.is_calm());
        let right = self.sim.model().check();
        self.sim.check(right);
    }

    /// Whoever has said nothing for so long holds nothing.
    fn no_lease_outlives_its_worker(&self) -> Result<(), String> {
        let now = self.sim.now().steady;
        let model = self.sim.model();
        for record in model.records() {
            let ends = record
                .task
                .as_ref()
                .and_then(|task| model.leases.ends(task));
            if let Some(ends) = ends.filter(|ends| ends.after(CALM) < now) {
                let id = &record.promise.id;
                return Err(format!(
                    "the lease of {id} ended at {ends}, and it is {now}"
                ));
            }
        }
        Ok(())
    }

    /// An engine without work looks once a second, and a little more often around what is due.
    fn is_calm(&self) -> Result<(), String> {
        let idle = self
            .sim
            .counters()
            .get("idle rounds")
            .copied()
            .unwrap_or_default();
        let most = 10 * self.sim.elapsed().as_secs() + 1_000;
        if idle <= most {
            return Ok(());
        }
        Err(format!(
            "the engine looked {idle} times for nothing in {:?}",
            self.sim.elapsed()
        ))
    }

    fn stuck(&self) {
        let pending: Vec<String> = {
            let model = self.sim.model();
            let pending = model.records().filter(|record| record.promise.is_pending());
            pending
                .take(20)
                .map(|record| format!("\n  {record:?}"))
                .collect()
        };
        let open = self.roots.open();
        self.sim.violation(format!(
            "not answered: {open:?}; pending: {}",
            pending.concat()
        ));
    }
}

/// The services of a worker: together they serve all of them.
fn served(n: u64, workers: u64, dice: &Dice) -> Vec<&'static str> {
    let serves = |at: &u64| workers < 3 || n % 3 == *at || dice.per_mille(400);
    let at = (0..3).filter(serves).map(|at| usize::try_from(at).unwrap());
    at.map(|at| SERVICES[at]).collect()
}
