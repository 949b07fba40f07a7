//! Less of a run that failed: what can be left out while it still fails. A run without something is another run of the
//! same seed, so what is found is a hint, and the smallest one that fails is what is worth to be looked at.

use std::{env, fmt};

use crate::{
    faults::ALL,
    world::{self, Options, Run},
};

/// What is left out of what a seed has drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Less {
    /// Kinds of faults, by their places in [`ALL`].
    faults: u32,
    /// What lines do: slowness, loss, repetition, silence.
    lines: bool,
    /// Slow syncs.
    syncs: bool,
    /// Deadly functions and large payloads.
    heavy: bool,
    /// How often the number of roots, and that of the ops of each, are halved.
    halved: u32,
}

impl Less {
    pub(crate) fn has_fault(self, n: usize) -> bool {
        self.faults & (1 << n) == 0
    }

    pub(crate) fn has_lines(self) -> bool {
        !self.lines
    }

    pub(crate) fn has_syncs(self) -> bool {
        !self.syncs
    }

    pub(crate) fn has_heavy(self) -> bool {
        !self.heavy
    }

    /// So many are left of that many.
    pub(crate) fn halve(self, of: u64) -> u64 {
        (of >> self.halved).max(1)
    }

    /// Everything that is a little less than this.
    fn next(self, run: &Run) -> Vec<Self> {
        let halved = self.halved + 1;
        let mut next = vec![Self { halved, ..self }];
        let kinds = run.swarm.faults.iter().map(|(fault, _)| fault);
        let places = kinds.filter_map(|kind| ALL.iter().position(|fault| fault == kind));
        next.extend(places.map(|n| Self {
            faults: self.faults | 1 << n,
            ..self
        }));
        let (lines, syncs, heavy) = (true, true, true);
        next.extend([
            Self { lines, ..self },
            Self { syncs, ..self },
            Self { heavy, ..self },
        ]);
        next.retain(|less| *less != self && less.halved < 5);
        next
    }
}

impl fmt::Display for Less {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            faults,
            lines,
            syncs,
            heavy,
            halved,
        } = *self;
        let flags = [lines, syncs, heavy].map(u32::from);
        write!(
            f,
            "{faults},{},{},{},{halved}",
            flags[0], flags[1], flags[2]
        )
    }
}

impl std::str::FromStr for Less {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not five numbers, as a shrunk seed was printed");
        let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
        match numbers.map_err(|_| bad())?[..] {
            [faults, lines, syncs, heavy, halved] => Ok(Self {
                faults,
                lines: lines != 0,
                syncs: syncs != 0,
                heavy: heavy != 0,
                halved,
            }),
            _ => Err(bad()),
        }
    }
}

/// Leaves out one thing after the other as long as the seed still fails; none if that is not wanted.
pub(crate) fn smallest(failed: &Run, options: Options) -> Option<(Less, Run)> {
    if env::var("RESONATE_SIM_SHRINK").is_ok_and(|shrinks| shrinks == "0") {
        return None;
    }
    let mut smallest = None;
    let mut less = options.less;
    loop {
        let run = smallest.as_ref().map_or(failed, |(_, run)| run);
        let tried = less.next(run).into_iter().find_map(|less| {
            let run = world::run(
                failed.seed,
                Options {
                    less,
                    is_shown: false,
                    ..options
                },
            );
            run.wrong.is_some().then_some((less, run))
        });
        let Some(found) = tried else { return smallest };
        less = found.0;
        smallest = Some(found);
    }
}
