//! What the compiler says about `#[durable]`: a case for each mistake, with the message that its maker reads, and cases
//! that must compile and run.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the messages anew; read the difference as a user would. They are those
//! of the pinned toolchain. The mistakes are compiled all at once by a `cargo check` in `target/tests`, which knows no
//! crate that is compiled already; so what is no mistake is compiled here.
#![deny(future_incompatible)]
#![allow(
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "the cases are users' code, and crates of their own to who reads them"
)]

use std::{ffi::OsString, fs, path::Path};

use resonate::StartError;

#[path = "../resonate-macros/tests/ui/pass/allowed_by_name.rs"]
mod allowed_by_name;
#[path = "../resonate-macros/tests/ui/pass/biased_macros.rs"]
mod biased_macros;
#[path = "../resonate-macros/tests/ui/pass/borrowed_arguments.rs"]
mod borrowed_arguments;
#[path = "../resonate-macros/tests/ui/pass/declaration.rs"]
mod declaration;
#[path = "../resonate-macros/tests/ui/pass/deny_all_lints.rs"]
mod deny_all_lints;
#[path = "../resonate-macros/tests/ui/pass/docs_and_attributes_kept.rs"]
mod docs_and_attributes_kept;
#[path = "../resonate-macros/tests/ui/pass/error_from_thiserror.rs"]
mod error_from_thiserror;
#[path = "../resonate-macros/tests/ui/pass/error_into_a_box.rs"]
mod error_into_a_box;
#[path = "../resonate-macros/tests/ui/pass/error_into_anyhow.rs"]
mod error_into_anyhow;
#[path = "../resonate-macros/tests/ui/pass/forbid_unsafe.rs"]
mod forbid_unsafe;
#[path = "../resonate-macros/tests/ui/pass/from_a_macro.rs"]
mod from_a_macro;
#[path = "../resonate-macros/tests/ui/pass/objects.rs"]
mod objects;
#[path = "../resonate-macros/tests/ui/pass/patterns.rs"]
mod patterns;
#[path = "../resonate-macros/tests/ui/pass/prelude_names_taken.rs"]
mod prelude_names_taken;
#[path = "../resonate-macros/tests/ui/pass/raw_names.rs"]
mod raw_names;
#[path = "../resonate-macros/tests/ui/pass/recursion.rs"]
mod recursion;
#[path = "../resonate-macros/tests/ui/pass/result_alias.rs"]
mod result_alias;
#[path = "../resonate-macros/tests/ui/pass/same_name_in_two_modules.rs"]
mod same_name_in_two_modules;

/// Every case that must compile, and what it does.
const PASS: &[(&str, fn())] = &[
    ("allowed_by_name", allowed_by_name::main),
    ("biased_macros", biased_macros::main),
    ("borrowed_arguments", borrowed_arguments::main),
    ("declaration", declaration::main),
    ("deny_all_lints", deny_all_lints::main),
    ("docs_and_attributes_kept", docs_and_attributes_kept::main),
    ("error_from_thiserror", error_from_thiserror::main),
    ("error_into_a_box", error_into_a_box::main),
    ("error_into_anyhow", error_into_anyhow::main),
    ("forbid_unsafe", forbid_unsafe::main),
    ("from_a_macro", from_a_macro::main),
    ("objects", objects::main),
    ("patterns", patterns::main),
    ("prelude_names_taken", prelude_names_taken::main),
    ("raw_names", raw_names::main),
    ("recursion", recursion::main),
    ("result_alias", result_alias::main),
    ("same_name_in_two_modules", same_name_in_two_modules::main),
];

#[test]
fn every_mistake_is_told_once_where_it_is_and_what_to_write_instead() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("resonate-macros/tests/ui/fail/*.rs");
}

#[test]
fn what_is_right_compiles_and_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("resonate-macros/tests/ui/pass");
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let here: Vec<_> = PASS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    assert_eq!(files, here.iter().map(OsString::from).collect::<Vec<_>>());
    PASS.iter().for_each(|(_, main)| main());
}

/// The cases above have functions of one name, and so of one address: together they are no program.
#[tokio::test]
async fn two_functions_of_one_address_do_not_start_and_both_places_are_named() {
    let started = resonate::Resonate::builder().in_memory().start().await;
    let StartError::DuplicateFunction(duplicate) = started.unwrap_err() else {
        panic!("it failed otherwise")
    };
    let places = [&duplicate.first, &duplicate.second];
    let folder = "resonate-macros/tests/ui/pass/";
    assert!(
        places
            .iter()
            .all(|place| place.contains(folder) && place.contains(".rs:")),
        "{duplicate}"
    );
    assert_ne!(places[0], places[1]);
    assert!(duplicate.address.starts_with("resonate/"), "{duplicate}");
}
