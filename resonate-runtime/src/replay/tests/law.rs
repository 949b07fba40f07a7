//! The order law: the same log gives the same execution, wherever the worker was lost and however results arrived.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use resonate_core::{End, Op, Record, Settlement};

use super::{
    charge, fails,
    run::Run,
    ship,
    world::{World, draw},
};
use crate::{
    Result,
    ops::{promise, random, sleep, step, timeout},
};

/// What a body did, in order.
#[derive(Clone, Default)]
struct Branches(Arc<Mutex<Vec<String>>>);

impl Branches {
    fn took(&self, branch: impl std::fmt::Display) {
        self.0.lock().unwrap().push(branch.to_string());
    }

    fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Races, a fan-out, timeouts, steps, handles, and calls that depend on who won.
async fn busy(branches: Branches) -> Result<u64> {
    let mut sum = 0;
    let late = charge(9).spawn();
    for round in 0..3 {
        tokio::select! { biased;
            one = charge(round) => { branches.took(format!("charge {}", one?)); sum += 1; }
            two = ship(round) => { branches.took(format!("ship {}", two?)); sum += charge(100).await?; }
            () = sleep(Duration::from_secs(round)) => branches.took("sleep"),
        }
        branches.took(random());
    }
    let mut all: FuturesUnordered<_> = (0..6).map(|n| async move { (n, ship(n).await) }).collect();
    while let Some((n, value)) = all.next().await {
        branches.took(format!("{n} {}", value?));
        if n == 3 {
            let quote = step(|| async { Ok::<_, crate::Error>(sum) })
                .label("quote")
                .await?;
            branches.took(format!("quote {quote}"));
        }
        if all.len() == 1 {
            break;
        }
    }
    drop(all);
    match timeout(
        Duration::from_secs(5),
        join_all([charge(1), charge(2), charge(3)]),
    )
    .await
    {
        Ok(three) => branches.took(format!("three of {}", three.len())),
        Err(error) => branches.took(error.kind().name()),
    }
    match timeout(Duration::from_secs(5), promise::<u64>("approval")).await {
        Ok(approval) => branches.took(format!("approved {}", approval?)),
        Err(_) => {
            branches.took("not approved");
            sum += ship(50).await?;
        }
    }
    let handed = step(|| async { Err::<u64, _>(fails("busy").into_terminal()) }).await;
    branches.took(handed.unwrap_err());
    Ok(sum + late.await?)
}

/// One execution that nothing disturbs, and the world at every point of it.
struct Reference {
    branches: Vec<String>,
    commands: Vec<String>,
    end: Option<End>,
    points: Vec<World>,
    children: Vec<Record>,
}

fn reference(seed: u64) -> Reference {
    let mut world = World::new(seed);
    let branches = Branches::default();
    let mut run = world.claim(busy(branches.clone()));
    let mut points = vec![world.clone()];
    while !world.settle(&mut run) {
        points.push(world.clone());
        assert!(
            world.step(&mut run),
            "nothing is pending: {:?}",
            run.commands()
        );
        points.push(world.clone());
    }
    let children = world.children();
    Reference {
        branches: branches.list(),
        commands: run.commands(),
        end: world.end,
        points,
        children,
    }
}

fn finish(mut world: World, run: &mut Run) -> Option<End> {
    while !world.settle(run) {
        assert!(world.step(run), "nothing is pending: {:?}", run.commands());
    }
    world.end
}

#[test]
fn a_worker_may_be_lost_at_any_point() {
    for seed in 0..30 {
        let reference = reference(seed);
        for (point, world) in reference.points.iter().enumerate() {
            let branches = Branches::default();
            let mut world = world.clone();
            let mut run = world.claim(busy(branches.clone()));
            let end = finish(world, &mut run);
            assert_eq!(
                branches.list(),
                reference.branches,
                "seed {seed}, lost at point {point}"
            );
            assert_eq!(
                run.commands(),
                reference.commands,
                "seed {seed}, lost at point {point}"
            );
            assert_eq!(end, reference.end, "seed {seed}, lost at point {point}");
        }
    }
}

#[test]
fn seeds_take_different_branches() {
    let distinct: std::collections::BTreeSet<_> =
        (0..30).map(|seed| reference(seed).branches).collect();
    assert!(distinct.len() > 20, "{}", distinct.len());
    let all = distinct
        .iter()
        .flatten()
        .map(String::as_str)
        .collect::<std::collections::BTreeSet<_>>();
    for branch in ["sleep", "timeout", "not approved", "three of 3"] {
        assert!(all.contains(branch), "nobody took `{branch}`");
    }
}

/// The whole history is known, some of it at the claim and in any order, the rest in batches: the branches are the same,
/// and nothing starts that history decided against.
#[test]
fn a_thousand_replays_with_shuffled_arrival_take_the_same_branches() {
    for seed in 0..50 {
        let reference = reference(seed);
        for shuffle in 0..20 {
            let branches = Branches::default();
            let ended = shuffled(
                &reference.children,
                draw(seed, "shuffle") ^ shuffle,
                &branches,
            );
            assert_eq!(
                branches.list(),
                reference.branches,
                "seed {seed}, shuffle {shuffle}"
            );
            assert_eq!(
                ended.commands(),
                reference.commands,
                "seed {seed}, shuffle {shuffle}"
            );
        }
    }
}

fn shuffled(children: &[Record], shuffle: u64, branches: &Branches) -> Run {
    let mut settled: Vec<&Record> = children
        .iter()
        .filter(|child| child.promise.settled().is_some())
        .collect();
    settled.sort_by_key(|child| child.promise.settled().map(|settled| settled.seq));
    let cut = usize::try_from(draw(shuffle, "cut")).unwrap_or(0) % (settled.len() + 1);
    let later = settled.split_off(cut);
    let mut known: Vec<Record> = settled.into_iter().cloned().collect();
    known.extend(later.iter().map(|child| pending(child)));
    known.sort_by_key(|child| draw(shuffle, child.promise.id.as_str()));
    let mut run = Run::new(&known, busy(branches.clone()));
    let mut later = later.into_iter().peekable();
    let mut batch = 0;
    loop {
        run.drive();
        let turn = run.turn();
        for op in &turn.ops {
            assert!(
                matches!(op, Op::Cancel { .. }),
                "a replay started something: {op:?}"
            );
        }
        if run.is_over() {
            return run;
        }
        run.answered(Vec::new());
        batch += 1;
        let size = 1 + draw(shuffle, &format!("batch {batch}")) % 4;
        let settlements: Vec<Settlement> = (0..size)
            .map_while(|_| later.next().map(settlement))
            .collect();
        assert!(
            !settlements.is_empty(),
            "everything is known and the body waits"
        );
        run.settled(settlements);
    }
}

fn pending(child: &Record) -> Record {
    let mut child = child.clone();
    child.promise.state = resonate_core::PromiseState::Pending;
    child
}

fn settlement(child: &Record) -> Settlement {
    let settled = child.promise.settled().unwrap().clone();
    Settlement {
        id: child.promise.id.clone(),
        seq: settled.seq,
        at: settled.at,
        outcome: Some(settled.outcome),
    }
}
