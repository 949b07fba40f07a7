//! What can be run, and how much of it fits into a time on two cores.

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// What every change has to pass: the same in every run, for minutes.
    Change,
    /// As much as fits into so many minutes, with another seed every time.
    Minutes(u64),
}

/// A test binary with a size.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) name: &'static str,
    /// It is there if this is.
    pub(crate) place: &'static str,
    /// What cargo is told.
    pub(crate) cargo: Vec<&'static str>,
    /// Only tests with these words in their names; all if there are none.
    pub(crate) only: Vec<&'static str>,
    /// Its size.
    pub(crate) sized: Vec<(&'static str, u64)>,
}

/// In the order in which they run: the cheap first, so that a campaign that fails does so soon.
///
/// Of the time the simulator gets 40 %, power loss and real processes 15 % each, linearizability, fuzzing and the sweep
/// 10 % each; the mutants take what they take. What a change has to pass leaves out what `cargo test` runs at that size
/// already.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one harness after the other"
)]
pub(crate) fn all(size: Size, seed: u64) -> Vec<Harness> {
    // Without `-p`: the same features, and so the same build, as that of the whole workspace.
    let test = |name: &'static str| vec!["test", "--release", "--locked", "--test", name];
    let by = |change: u64, minutes: fn(u64) -> u64| match size {
        Size::Change => change,
        Size::Minutes(all) => minutes(all),
    };
    let harness = |name, place, cargo, sized| Harness {
        name,
        place,
        cargo,
        only: Vec::new(),
        sized,
    };
    let mutations = harness(
        "mutations",
        "tests/fuzz",
        test("fuzz"),
        vec![
            (
                "RESONATE_MUTATIONS",
                by(150_000, |all| 150_000 * share(all, 5)),
            ),
            ("RESONATE_SEED", seed),
        ],
    );
    let linearizability = harness(
        "linearizability",
        "tests/linearizable",
        test("linearizable"),
        vec![
            (
                "RESONATE_OPERATIONS",
                by(1_000_000, |all| OPERATIONS_A_MINUTE * share(all, 10)),
            ),
            ("RESONATE_SEED", seed),
        ],
    );
    let corruption = Harness {
        only: vec!["verify::tests::sweep"],
        ..harness(
            "corruption",
            "resonate-server/src/verify/tests/sweep.rs",
            vec![
                "test",
                "--release",
                "--locked",
                "-p",
                "resonate-server",
                "--lib",
            ],
            // All of it takes fifty minutes.
            vec![(
                "RESONATE_SWEEP_STRIDE",
                by(17, |all| (500 / all.max(1)).clamp(1, 97)),
            )],
        )
    };
    let power = harness(
        "power",
        "tests/power",
        test("power"),
        vec![
            (
                "RESONATE_POWER_IMAGES",
                by(2_500, |all| 600 * share(all, 15)),
            ),
            ("RESONATE_POWER_SEED", seed),
        ],
    );
    let mutants = harness(
        "mutants",
        "tests/mutants",
        // Without `--release`: of a build with other features that would be one more of everything.
        vec![
            "test",
            "--locked",
            "--features",
            "mutants",
            "--test",
            "mutants",
        ],
        Vec::new(),
    );
    let processes = Harness {
        only: match size {
            Size::Change => vec!["kills", "zombie"],
            Size::Minutes(_) => Vec::new(),
        },
        ..harness(
            "processes",
            "tests/process",
            test("process"),
            vec![
                ("RESONATE_SCALE", by(2, |all| share(all, 15).div_ceil(10))),
                ("RESONATE_KILL_SEED", seed),
            ],
        )
    };
    let (count, how_many) = match size {
        Size::Change => ("RESONATE_SIM_SEEDS", 1_000),
        Size::Minutes(all) => ("RESONATE_SIM_MINUTES", share(all, 40)),
    };
    let simulator = harness(
        "simulator",
        "tests/sim",
        test("sim"),
        vec![(count, how_many), ("RESONATE_SIM_FIRST", seed)],
    );
    vec![
        mutations,
        linearizability,
        corruption,
        power,
        mutants,
        processes,
        simulator,
    ]
}

fn share(minutes: u64, percent: u64) -> u64 {
    (minutes * percent / 100).max(1)
}

/// Measured with a release build and clients on the same two cores.
const OPERATIONS_A_MINUTE: u64 = 200_000;

/// How long each fuzz target runs.
pub(crate) fn fuzz_seconds(size: Size) -> u64 {
    const TARGETS: u64 = 12;
    match size {
        Size::Change => 5,
        Size::Minutes(all) => (all * 60 / 10 / TARGETS).max(15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_campaign_makes_every_size_larger_and_seeds_are_the_same_for_all() {
        let (short, long) = (all(Size::Minutes(1), 7), all(Size::Minutes(600), 7));
        for (short, long) in short.iter().zip(&long) {
            for ((name, short), (_, long)) in short.sized.iter().zip(&long.sized) {
                match *name {
                    "RESONATE_SEED"
                    | "RESONATE_POWER_SEED"
                    | "RESONATE_KILL_SEED"
                    | "RESONATE_SIM_FIRST" => assert_eq!((*short, *long), (7, 7)),
                    "RESONATE_SWEEP_STRIDE" => assert!(long < short, "{name}"),
                    _ => assert!(short < long, "{name}"),
                }
            }
        }
        assert!(fuzz_seconds(Size::Minutes(1)) < fuzz_seconds(Size::Minutes(600)));
    }
}
