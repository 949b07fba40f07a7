//! What can be run, and how much of it fits into a time on two cores.

/// A test binary with a size.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) name: &'static str,
    /// It is there if this is.
    pub(crate) place: &'static str,
    /// What cargo is told.
    pub(crate) cargo: Vec<&'static str>,
    /// Its size.
    pub(crate) sized: Vec<(&'static str, u64)>,
}

/// In the order in which they run: the cheap first, so that a campaign that fails does so soon.
///
/// Of the time the simulator gets 40 %, power loss and real processes 15 % each, linearizability, fuzzing and the sweep
/// 10 % each; the mutants take what they take.
pub(crate) fn all(minutes: u64, seed: u64) -> Vec<Harness> {
    let test = |name: &'static str| vec!["test", "--release", "-p", "resonate", "--test", name];
    let share = |percent: u64| (minutes * percent / 100).max(1);
    vec![
        Harness {
            name: "mutations",
            place: "tests/fuzz",
            cargo: test("fuzz"),
            sized: vec![
                ("RESONATE_MUTATIONS", 150_000 * share(5)),
                ("RESONATE_SEED", seed),
            ],
        },
        Harness {
            name: "linearizability",
            place: "tests/linearizable",
            cargo: test("linearizable"),
            sized: vec![
                ("RESONATE_OPERATIONS", OPERATIONS_A_MINUTE * share(10)),
                ("RESONATE_SEED", seed),
            ],
        },
        Harness {
            name: "corruption",
            place: "resonate-server/src/verify/tests/sweep.rs",
            cargo: vec![
                "test",
                "--release",
                "-p",
                "resonate-server",
                "--lib",
                "verify::tests::sweep",
            ],
            // All of it takes fifty minutes.
            sized: vec![("RESONATE_SWEEP_STRIDE", (500 / minutes.max(1)).clamp(1, 97))],
        },
        Harness {
            name: "power",
            place: "tests/power",
            cargo: test("power"),
            sized: vec![
                ("RESONATE_POWER_IMAGES", 600 * share(15)),
                ("RESONATE_POWER_SEED", seed),
            ],
        },
        Harness {
            name: "mutants",
            place: "tests/mutants",
            cargo: [test("mutants"), vec!["--features", "mutants"]].concat(),
            sized: Vec::new(),
        },
        Harness {
            name: "processes",
            place: "tests/process",
            cargo: test("process"),
            sized: vec![
                ("RESONATE_SCALE", share(15).div_ceil(10)),
                ("RESONATE_KILL_SEED", seed),
            ],
        },
        Harness {
            name: "simulator",
            place: "tests/sim",
            cargo: test("sim"),
            sized: vec![
                ("RESONATE_SIM_MINUTES", share(40)),
                ("RESONATE_SIM_FIRST", seed),
            ],
        },
    ]
}

/// Measured with a release build and clients on the same two cores.
const OPERATIONS_A_MINUTE: u64 = 200_000;

/// How long each fuzz target runs.
pub(crate) fn fuzz_seconds(minutes: u64) -> u64 {
    const TARGETS: u64 = 12;
    (minutes * 60 / 10 / TARGETS).max(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_campaign_makes_every_size_larger_and_seeds_are_the_same_for_all() {
        let (short, long) = (all(1, 7), all(600, 7));
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
        assert!(fuzz_seconds(1) < fuzz_seconds(600));
    }
}
