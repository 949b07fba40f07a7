//! The same small story with a fault at every commit, one after the other: it always ends the same way.

use std::sync::atomic::{AtomicUsize, Ordering};

use resonate_core::Link;

use super::*;

/// A caller in one tree, what it calls in another, a step, and a worker that does all of it. Asks for everything as
/// often as it must, as clients and workers do.
fn story(world: &mut World) -> Result<(), EngineError> {
    world.try_step(create("caller"))?;
    let mut worker = world.try_worker(hello(1, &["f"], 10))?;
    for dispatch in worker.dispatches() {
        let (task, version) = (dispatch.record.promise.id.to_string(), version(&dispatch));
        let is_answered = |child: &Record| child.promise.settled().is_some() && is_proxy(child);
        let turn = if task == "callee" || dispatch.children.iter().any(is_answered) {
            worker.turn(&task, version, 1, Vec::new(), End::Fulfill(one()))
        } else if dispatch.children.is_empty() {
            let promise = Box::new(new_promise("callee", Some(call("f")), Timestamp::NEVER));
            let proxy = ChildKind::Proxy(Link::Call {
                promise,
                detached: false,
            });
            let ops = vec![
                Op::Record(
                    child("caller.step", 0, ChildKind::Step, Timestamp::NEVER),
                    one(),
                ),
                Op::Create(child("caller.callee", 1, proxy, Timestamp::NEVER)),
            ];
            let turn = worker.turn(&task, version, 1, ops, End::GoOn);
            world.try_say(&worker, turn)?;
            worker.turn(
                &task,
                version,
                2,
                Vec::new(),
                End::Suspend {
                    tied: false,
                    wake_at: None,
                },
            )
        } else {
            worker.turn(
                &task,
                version,
                1,
                Vec::new(),
                End::Suspend {
                    tied: false,
                    wake_at: None,
                },
            )
        };
        world.try_say(&worker, turn)?;
    }
    world.inputs.push_back(Input::Closed {
        stream: worker.stream,
    });
    world.try_run()
}

fn is_proxy(record: &Record) -> bool {
    matches!(record.promise.kind, Kind::Proxy(_))
}

fn version(dispatch: &Dispatch) -> u64 {
    dispatch
        .record
        .task
        .as_ref()
        .map(|task| task.version.0)
        .unwrap_or_default()
}

impl World {
    fn try_run(&mut self) -> Result<(), EngineError> {
        loop {
            self.step()?;
            let is_idle = !matches!(self.engine.next(), Next::Now | Next::After(Duration::ZERO));
            if is_idle && self.inputs.is_empty() {
                return Ok(());
            }
        }
    }

    fn try_step(&mut self, request: Request) -> Result<(), EngineError> {
        drop(self.ask_later(request));
        self.try_run()
    }

    fn try_worker(&mut self, hello: Hello) -> Result<Worker, EngineError> {
        let (out, outgoing) = outbound();
        self.streams += 1;
        let worker = Worker {
            session: hello.session,
            stream: StreamId(self.streams),
            outgoing,
        };
        let stream = worker.stream;
        self.inputs.push_back(Input::Open {
            stream,
            hello,
            peer: "here".to_owned(),
            out,
        });
        self.try_run()?;
        Ok(worker)
    }

    fn try_say(&mut self, worker: &Worker, item: FromWorker) -> Result<(), EngineError> {
        self.inputs.push_back(Input::Items {
            stream: worker.stream,
            items: [item].into(),
        });
        self.try_run()
    }
}

/// Tells the story until it has ended, with this fault at the n-th commit. Says how many commits there were.
fn told(fault: Fault, n: usize) -> usize {
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&commits);
    let disk = MemoryDisk::default();
    let open = |disk: &MemoryDisk| -> Box<dyn Store> {
        let counter = Arc::clone(&counter);
        let script = move |verb| {
            let is_nth = verb == Verb::Commit && counter.fetch_add(1, Ordering::Relaxed) == n;
            is_nth.then_some(fault)
        };
        Box::new(Faulty::new(Box::new(disk.open()), script))
    };
    let mut world = World::on(disk, open);
    for _ in 0..20 {
        if story(&mut world).is_err() {
            world.inputs.clear();
            world.engine = Engine::start(open(&world.disk), SETTINGS, world.now).unwrap();
        }
        world.check();
        world.now = world.now.after(Duration::from_secs(1));
        let is_over = world.try_ask(Request::Get { id: id("caller") });
        if matches!(is_over, Ok(Reply::Promise { record, .. }) if !record.promise.is_pending()) {
            break;
        }
    }
    for (name, state) in [
        ("caller", "resolved"),
        ("callee", "resolved"),
        ("caller.step", "resolved"),
        ("caller.callee", "resolved"),
    ] {
        assert_eq!(
            world.get(name).promise.state_name(),
            state,
            "{name} after {fault:?} at commit {n}"
        );
    }
    world.run();
    world.check();
    commits.load(Ordering::Relaxed)
}

#[test]
fn a_fault_at_any_commit_changes_nothing_in_the_end() {
    let without = told(Fault::Full, usize::MAX);
    assert!(without >= 6, "the story has {without} commits");
    for fault in [Fault::Full, Fault::Busy, Fault::Failed, Fault::Lost] {
        for n in 0..without {
            told(fault, n);
        }
    }
}
