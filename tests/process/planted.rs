//! The program that people run has no planted bug: it does not even know how one would be named.

use std::fs;

use crate::harness::resonate;

#[test]
fn only_a_build_for_the_mutants_can_plant_one() {
    let program = fs::read(resonate()).unwrap();
    let mut parts = program.split(|byte| *byte == b'R');
    let knows = parts.any(|part| part.starts_with(b"ESONATE_MUTANT"));
    assert_eq!(knows, cfg!(feature = "mutants"));
}
