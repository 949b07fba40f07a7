//! Which faults a seed has, and how strong: each seed has some of them, never all at medium strength.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use crate::{
    dice::Dice, disk::DiskFault, network::Way, process::Process, server::Crash, shrink::Less,
    world::World,
};

/// What happens now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    KillServer,
    CrashServer,
    StopServer,
    FailSync,
    FailRead,
    FullDisk,
    BusyDisk,
    KillWorker,
    PauseWorker,
    LeaveWorker,
    KillClient,
    Break,
    BlockToServer,
    BlockFromServer,
    StepClock,
}

/// All there are.
pub(crate) const ALL: [Fault; 15] = [
    Fault::KillServer,
    Fault::CrashServer,
    Fault::StopServer,
    Fault::FailSync,
    Fault::FailRead,
    Fault::FullDisk,
    Fault::BusyDisk,
    Fault::KillWorker,
    Fault::PauseWorker,
    Fault::LeaveWorker,
    Fault::KillClient,
    Fault::Break,
    Fault::BlockToServer,
    Fault::BlockFromServer,
    Fault::StepClock,
];

/// What a seed has drawn.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    pub(crate) workers: u64,
    pub(crate) clients: u64,
    pub(crate) roots: u64,
    pub(crate) ops: u32,
    /// Deadly functions and large payloads.
    pub(crate) has_heavy: bool,
    pub(crate) concurrency: u64,
    pub(crate) lease: Duration,
    pub(crate) faulty_for: Duration,
    pub(crate) slowest_line: u64,
    pub(crate) slowest_sync: u64,
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    pub(crate) withheld: u32,
    /// Each with the mean time between two of its kind.
    pub(crate) faults: Vec<(Fault, Duration)>,
}

impl Swarm {
    pub(crate) fn draw(dice: &Dice, less: Less) -> Self {
        let lease = Duration::from_secs(dice.pick(&[3, 15, 15]));
        let drawn = ALL.iter().filter(|_| dice.per_mille(450));
        let faults = drawn.map(|fault| {
            let mean = dice.pick(&[4, 20, 60, 200]);
            (*fault, Duration::from_secs(mean))
        });
        let faults = faults.collect();
        let drawn = Self {
            workers: dice.between(1, 8),
            clients: dice.between(1, 2),
            roots: dice.between(1, 12),
            ops: u32::try_from(dice.pick(&[4, 12, 30])).unwrap(),
            has_heavy: true,
            concurrency: dice.pick(&[1, 2, 8, 64]),
            lease,
            faulty_for: Duration::from_secs(dice.pick(&[120, 600, 1_800])),
            slowest_line: dice.pick(&[2, 20, 300, 4_000]),
            slowest_sync: dice.pick(&[0, 5, 200, 20_000]),
            lost: u32::try_from(dice.pick(&[0, 0, 20, 150])).unwrap(),
            doubled: u32::try_from(dice.pick(&[0, 0, 50, 200])).unwrap(),
            withheld: u32::try_from(dice.pick(&[0, 0, 100, 300])).unwrap(),
            faults,
        };
        drawn.without(less)
    }

    /// The same with less of it; what is left out was drawn nevertheless, so that the rest stays as it was.
    fn without(mut self, less: Less) -> Self {
        self.roots = less.halve(self.roots);
        self.ops = u32::try_from(less.halve(u64::from(self.ops))).unwrap();
        self.has_heavy = less.has_heavy();
        if !less.has_lines() {
            self.slowest_line = 2;
            (self.lost, self.doubled, self.withheld) = (0, 0, 0);
        }
        if !less.has_syncs() {
            self.slowest_sync = 0;
        }
        self.faults.retain(|(fault, _)| {
            let at = ALL.iter().position(|kind| kind == fault);
            at.is_some_and(|at| less.has_fault(at))
        });
        self
    }
}

/// Lets the faults of a seed happen, until it is dropped.
pub(crate) fn rage(world: &World) -> JoinSet<()> {
    let mut raging = JoinSet::new();
    for (fault, mean) in world.swarm.faults.clone() {
        let (world, dice) = (world.clone(), world.sim.dice().apart());
        raging.spawn(async move {
            let mean = u64::try_from(mean.as_millis()).unwrap();
            loop {
                sleep(dice.millis(0, 2 * mean)).await;
                strike(&world, fault, &dice).await;
            }
        });
    }
    raging
}

async fn strike(world: &World, fault: Fault, dice: &Dice) {
    let sim = &world.sim;
    match fault {
        Fault::KillServer => world.server.kill(),
        Fault::CrashServer => {
            let points = [Crash::Unsynced, Crash::Unanswered, Crash::HalfAnswered];
            world.server.crash_at(dice.pick(&points));
        }
        Fault::StopServer => world.server.stop(),
        Fault::FailSync => {
            let is_written = dice.per_mille(500);
            world.disk.fail_next(DiskFault::SyncFails { is_written });
        }
        Fault::FailRead => world.disk.fail_next(DiskFault::ReadFails),
        Fault::FullDisk => {
            world.disk.set_full(true);
            sleep(dice.millis(10, 20_000)).await;
            world.disk.set_full(false);
        }
        Fault::BusyDisk => {
            world.disk.set_busy(true);
            sleep(dice.millis(1, 3_000)).await;
            world.disk.set_busy(false);
        }
        Fault::KillWorker => {
            if any(&world.workers, dice).kill() {
                sim.count("fault: a worker crashed");
            }
        }
        Fault::PauseWorker => {
            let lease = u64::try_from(world.swarm.lease.as_millis()).unwrap();
            let pause = dice.millis(0, 3 * lease);
            let worker = any(&world.workers, dice);
            if worker.is_down() {
                return;
            }
            sim.count(if pause > world.swarm.lease {
                "fault: a worker stood still for more than a lease"
            } else {
                "fault: a worker stood still for less than a lease"
            });
            worker.pause(pause).await;
        }
        Fault::LeaveWorker => {
            sim.count("fault: a worker was told to leave");
            any(&world.workers, dice).leave();
        }
        Fault::KillClient => {
            if any(&world.clients, dice).kill() {
                sim.count("fault: a client crashed");
            }
        }
        Fault::Break => any(&world.all(), dice).line().break_all(),
        Fault::BlockToServer => block(world, Way::ToServer, dice).await,
        Fault::BlockFromServer => block(world, Way::FromServer, dice).await,
        Fault::StepClock => step_clock(world, dice),
    }
}

fn any(of: &[Process], dice: &Dice) -> Process {
    let at = dice.below(of.len() as u64);
    of[usize::try_from(at).unwrap()].clone()
}

async fn block(world: &World, way: Way, dice: &Dice) {
    world.sim.count("fault: a partition in one direction");
    let process = any(&world.all(), dice);
    process.line().block(way, true);
    sleep(dice.millis(10, 60_000)).await;
    process.line().block(way, false);
}

fn step_clock(world: &World, dice: &Dice) {
    const YEAR: i64 = 365 * 86_400_000;
    let millis = dice.pick(&[1_000, 30_000, 3_600_000, 30_000, YEAR]);
    if dice.per_mille(500) {
        world.sim.count("fault: the clock was set forward");
        world.sim.step_clock(millis);
    } else {
        world.sim.count("fault: the clock was set back");
        world.sim.step_clock(-millis);
    }
}
