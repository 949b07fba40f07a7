//! The children of one execution, as its worker knows them: asked for, under way, settled, shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use resonate_core::{Digest, Outcome, PromiseId, Record, Settled, Timestamp};

use super::{Command, CommandKind, Position, identity, identity::Identity};

/// One child.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) id: PromiseId,
    /// What the history holds of it, if it was there before this body.
    pub(super) past: Option<Past>,
    /// What this body asked for, once it has.
    pub(super) asked: Option<Asked>,
    /// Its future was not dropped.
    pub(super) is_wanted: bool,
    stage: Stage,
}

/// A child as the history holds it.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) identity: Identity,
    /// The function, step, timer or promise, taken from the id's end.
    pub(super) name: String,
    pub(super) location: Arc<str>,
    pub(super) digest: Option<Digest>,
}

/// A child as this body asked for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Arc<Command>,
    /// The time of the latest log entry the body had been shown.
    pub(super) at: Timestamp,
    /// For a call that began here, unknown to the server: when its time is over, counted from then.
    pub(super) timeout_at: Option<Timestamp>,
}

/// How far a child is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Asked for, not started.
    Wished,
    /// Started; the next turn creates it.
    Queued(Start),
    /// The turn that creates it is not answered yet, and it runs here only then.
    Opening(Start),
    /// Runs in this process. `is_known` to the server; `is_leaving`: the next turn creates it, claimed.
    Here { is_known: bool, is_leaving: bool },
    /// A step that looks for something again and again, until the next look.
    Asleep,
    /// Ended here, and the next turn records it.
    Ended { outcome: Outcome, is_known: bool },
    /// The turn that records it is not answered yet.
    Recording(Outcome),
    /// The server knows it.
    Pending,
    /// It ended, and the body was not shown it.
    Settled(Settled),
    /// The body may take its result.
    Shown(Outcome),
    /// Its result was taken, or nobody wants it.
    Over,
}

/// In which form the server is told of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It happens elsewhere.
    Elsewhere,
    /// A call that runs here as soon as it is durable.
    Claimed,
    /// A step that runs at most once, as soon as it is durable.
    Begun,
}

/// How many children are at the stages at which their execution cannot rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Steps that run.
    pub(crate) steps: usize,
    /// Calls that run here, unknown to the server even after the next turn.
    pub(crate) young: usize,
    /// Asked for and not started.
    pub(crate) wished: usize,
    /// Steps that run as soon as they are durable.
    pub(crate) opening: usize,
    /// Ended here, not yet durable.
    pub(crate) ended: usize,
}

/// The children of one execution.
#[derive(Debug, Default)]
pub(super) struct Journal {
    children: BTreeMap<Position, Child>,
    positions: BTreeMap<PromiseId, Position>,
    wished: BTreeSet<Position>,
    /// The calls that run here and are unknown to the server.
    young: BTreeSet<Position>,
    /// How many the history holds and the body has not asked for.
    unasked: usize,
    counts: Counts,
}

impl Past {
    /// The position and what is held there; none for a record that is nobody's child.
    pub(super) fn of(record: &Record) -> Option<(Position, Self)> {
        let promise = &record.promise;
        let origin = promise.origin.as_ref()?;
        let identity = Identity::of_promise(promise);
        let name = match identity.address() {
            Some(address) => address.function.to_string(),
            None => name_in(promise.id.as_str()),
        };
        let digest = identity::digest_of_promise(promise);
        Some((
            Position(origin.position),
            Self {
                identity,
                name,
                location: Arc::clone(&origin.location),
                digest,
            },
        ))
    }
}

/// `order-42.ship-1`: `ship`. A flattened id has lost its name.
fn name_in(id: &str) -> String {
    let last = id.rsplit('.').next().unwrap_or(id);
    let name = last.rsplit_once('-').map_or(last, |(name, _)| name);
    name.to_owned()
}

impl Child {
    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    fn is_step(&self) -> bool {
        self.asked
            .as_ref()
            .is_some_and(|asked| matches!(asked.command.kind, CommandKind::Step { .. }))
    }
}

impl Journal {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn get(&self, position: Position) -> Option<&Child> {
        self.children.get(&position)
    }

    /// What may be changed of a child beside its stage.
    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Child> {
        self.children.get_mut(&position)
    }

    pub(super) fn position(&self, id: &PromiseId) -> Option<Position> {
        self.positions.get(id).copied()
    }

    /// The first child after `after` that is wished for.
    pub(super) fn next_wished(&self, after: Position) -> Option<Position> {
        self.wished.range(after.next()..).next().copied()
    }

    /// The first child from `from` on that the history holds and the body has not asked for.
    pub(super) fn unasked(&self, from: Position) -> Option<(Position, &Child)> {
        let mut rest = self.children.range(from..);
        rest.find(|(_, child)| child.asked.is_none())
            .map(|(position, child)| (*position, child))
    }

    /// The children from `from` on.
    pub(super) fn from(&self, from: Position) -> impl Iterator<Item = (Position, &Child)> {
        self.children
            .range(from..)
            .map(|(position, child)| (*position, child))
    }

    /// The calls that run here and are unknown to the server.
    pub(super) fn young(&self) -> Vec<Position> {
        self.young.iter().copied().collect()
    }

    /// True if the history holds something that the body has not asked for.
    pub(super) fn has_unasked(&self) -> bool {
        self.unasked > 0
    }

    /// The body asks for a child that the history holds.
    ///
    /// # Errors
    /// It holds none at this position.
    pub(super) fn ask_again(&mut self, position: Position, asked: Asked) -> Result<(), Asked> {
        match self.children.get_mut(&position) {
            Some(child) => {
                self.unasked -= usize::from(child.asked.is_none());
                child.asked = Some(asked);
                Ok(())
            }
            None => Err(asked),
        }
    }

    /// A child that the history holds.
    pub(super) fn insert_past(
        &mut self,
        position: Position,
        id: PromiseId,
        past: Past,
        settled: Option<&Settled>,
    ) {
        let stage = settled.map_or(Stage::Pending, |settled| Stage::Settled(settled.clone()));
        self.positions.insert(id.clone(), position);
        let child = Child {
            id,
            past: Some(past),
            asked: None,
            is_wanted: true,
            stage,
        };
        self.unasked += usize::from(self.children.insert(position, child).is_none());
    }

    /// A child that nobody heard of before.
    pub(super) fn insert_wished(&mut self, position: Position, id: PromiseId, asked: Asked) {
        self.positions.insert(id.clone(), position);
        let child = Child {
            id,
            past: None,
            asked: Some(asked),
            is_wanted: true,
            stage: Stage::Wished,
        };
        self.children.insert(position, child);
        self.wished.insert(position);
        self.counts.wished += 1;
    }

    /// Moves a child on and gives the stage it was at.
    pub(super) fn shift(&mut self, position: Position, stage: Stage) -> Option<Stage> {
        let child = self.children.get_mut(&position)?;
        let before = std::mem::replace(&mut child.stage, stage);
        let is_step = child.is_step();
        if let Some(count) = counted(&mut self.counts, is_step, &before) {
            *count -= 1;
        }
        if let Some(count) = counted(&mut self.counts, is_step, &child.stage) {
            *count += 1;
        }
        if matches!(before, Stage::Wished) {
            self.wished.remove(&position);
        }
        if !is_step
            && matches!(
                child.stage,
                Stage::Here {
                    is_known: false,
                    ..
                }
            )
        {
            self.young.insert(position);
        } else {
            self.young.remove(&position);
        }
        Some(before)
    }
}

fn counted<'a>(counts: &'a mut Counts, is_step: bool, stage: &Stage) -> Option<&'a mut usize> {
    match stage {
        Stage::Wished => Some(&mut counts.wished),
        Stage::Queued(Start::Begun) | Stage::Opening(Start::Begun) => Some(&mut counts.opening),
        Stage::Here { .. } if is_step => Some(&mut counts.steps),
        Stage::Here {
            is_known: false,
            is_leaving: false,
        } => Some(&mut counts.young),
        Stage::Ended { .. } | Stage::Recording(_) => Some(&mut counts.ended),
        Stage::Queued(Start::Elsewhere | Start::Claimed)
        | Stage::Opening(Start::Elsewhere | Start::Claimed)
        | Stage::Here { .. }
        | Stage::Asleep
        | Stage::Pending
        | Stage::Settled(_)
        | Stage::Shown(_)
        | Stage::Over => None,
    }
}
