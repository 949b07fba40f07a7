//! Clients: they call roots, again after each crash, and compare what they are answered with what is right.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use resonate::Resonate;
use resonate_core::{Outcome, Payload, PromiseId, Record};
use tokio::time::sleep;

use crate::{
    dice::Dice,
    faults::Swarm,
    program::{Answer, Op, SERVICES, Wrong, answer, functions, generate},
    sim::Sim,
};

/// A root that is called.
pub(crate) struct Root {
    pub(crate) id: String,
    to: u8,
    program: Op,
    timeout: Option<Duration>,
    /// Since the run began.
    called_after: Duration,
    /// And canceled so much later.
    canceled_after: Option<Duration>,
}

/// All roots of a run, and what was answered.
pub(crate) struct Roots {
    sim: Sim,
    pub(crate) roots: Vec<Root>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

impl Roots {
    pub(crate) fn draw(sim: &Sim, dice: &Dice, swarm: &Swarm) -> Self {
        let within = u64::try_from(swarm.faulty_for.as_millis()).unwrap();
        let roots = (0..swarm.roots).map(|n| Root {
            id: format!("r{n}"),
            to: u8::try_from(dice.below(SERVICES.len() as u64)).unwrap(),
            program: generate::program(dice, swarm.ops, swarm.has_heavy),
            timeout: dice.per_mille(150).then(|| dice.millis(100, 400_000)),
            called_after: dice.millis(0, within * 4 / 5),
            canceled_after: dice.per_mille(80).then(|| dice.millis(0, 60_000)),
        });
        let roots = roots.collect();
        Self {
            sim: sim.clone(),
            roots,
            answers: Mutex::default(),
        }
    }

    /// One life of a client: it calls what it has no answer of, and much of the rest.
    pub(crate) async fn call_all(self: Arc<Self>, resonate: Resonate) {
        let calls = (0..self.roots.len()).map(|n| Arc::clone(&self).call(n, resonate.clone()));
        futures::future::join_all(calls).await;
    }

    async fn call(self: Arc<Self>, n: usize, resonate: Resonate) {
        let root = &self.roots[n];
        sleep(root.called_after.saturating_sub(self.sim.elapsed())).await;
        let canceling = async {
            if let Some(after) = root.canceled_after {
                let at = root.called_after + after;
                sleep(at.saturating_sub(self.sim.elapsed())).await;
                // It may not be there yet, or over.
                let _told = resonate.cancel(&root.id, "as the seed wants it").await;
            }
        };
        let calling = async {
            let call = functions::call(root.to, &root.program).id(root.id.clone());
            let call = match root.timeout {
                Some(timeout) => call.timeout(timeout),
                None => call,
            };
            let answer = resonate.call(call).result().await;
            self.answered(root, answer.unwrap_or_else(|error| Err(error.into())));
        };
        futures::future::join(calling, canceling).await;
    }

    fn answered(&self, root: &Root, answer: Answer) {
        self.sim
            .trace(format_args!("{} is answered {answer:?}", root.id));
        // The process was shut down while it waited.
        if matches!(&answer, Err(Wrong::Ours(kind, _)) if kind == "unavailable") {
            return;
        }
        if !root.allows(&answer) {
            return self.sim.violation(format!(
                "{} is answered {answer:?}: {:?}",
                root.id, root.program
            ));
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = answers.insert(root.id.clone(), answer.clone());
        drop(answers);
        if matches!(&answer, Err(wrong) if wrong.is("timeout")) {
            self.sim.count("roots answered with a timeout");
        }
        match earlier {
            None => self.sim.count("roots answered"),
            Some(earlier) if earlier == answer => self.sim.count("roots answered again"),
            Some(earlier) => {
                let wrong = format!("{} was answered {earlier:?}, and now {answer:?}", root.id);
                self.sim.violation(wrong);
            }
        }
    }

    /// Roots without an answer.
    pub(crate) fn open(&self) -> Vec<&str> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self
            .roots
            .iter()
            .filter(|root| !answers.contains_key(&root.id));
        open.map(|root| &*root.id).collect()
    }

    /// What is durable of every root, and of everything that was detached, is right.
    pub(crate) fn check(&self) -> Result<(), String> {
        let model = self.sim.model();
        for root in &self.roots {
            let found = |id: &str| model.get(&PromiseId::new(id).unwrap());
            let Some(record) = found(&root.id) else {
                return Err(format!("{} does not exist", root.id));
            };
            let answer = read(record)?;
            if !root.allows(&answer) {
                return Err(format!("{} ended with {answer:?}", root.id));
            }
            for (no, op) in answer::detached(&root.program) {
                let id = format!("{}-d{no}", root.id);
                let Some(record) = found(&id) else { continue };
                let answer = read(record)?;
                if !is_among(&answer, &answer::answers(op)) {
                    return Err(format!("{id} ended with {answer:?}"));
                }
            }
        }
        Ok(())
    }
}

impl Root {
    fn allows(&self, answer: &Answer) -> bool {
        let is = |kind| matches!(answer, Err(wrong) if wrong.is(kind));
        let is_over = self.canceled_after.is_some() && is("canceled")
            || self.timeout.is_some() && is("timeout");
        is_over || is_among(answer, &answer::answers(&self.program))
    }
}

fn is_among(answer: &Answer, right: &BTreeSet<Answer>) -> bool {
    right.contains(answer)
}

/// How a promise of one of our functions ended.
fn read(record: &Record) -> Result<Answer, String> {
    let id = &record.promise.id;
    let settled = record
        .promise
        .settled()
        .ok_or_else(|| format!("{id} is pending"))?;
    let bad = |error: serde_json::Error| format!("{id}: {error}");
    let data = |payload: &Payload| payload.data.clone();
    Ok(match &settled.outcome {
        Outcome::Resolved(value) => Ok(serde_json::from_slice(&data(value)).map_err(bad)?),
        Outcome::Rejected(value) => Err(serde_json::from_slice(&data(value)).map_err(bad)?),
        Outcome::Failed(failure) => Err(Wrong::Ours(
            failure.kind.name().to_owned(),
            failure.message.clone(),
        )),
        Outcome::Canceled { reason } => Err(Wrong::Ours("canceled".to_owned(), reason.clone())),
        Outcome::TimedOut => Err(Wrong::Ours("timeout".to_owned(), String::new())),
    })
}
