//! Goldens: `tests/expand/<case>.in.rs` becomes `<case>.out.rs`, which is reviewed as ordinary Rust.
//! `UPDATE_EXPECT=1` rewrites them. They run from here, since a proc-macro package exports nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::durable;

const CASES: [&str; 9] = [
    "attributes",
    "borrowed_arguments",
    "declaration",
    "hazards",
    "no_arguments",
    "patterns",
    "plain",
    "recursive",
    "scheduled",
    "three_mistakes",
];

#[test]
fn every_case_expands_to_its_golden() {
    for case in CASES {
        let expansion = format!("{HEADER}{}", expand(case));
        expect_file![golden(case, "out")].assert_eq(&expansion);
    }
}

#[test]
fn every_golden_belongs_to_a_case() {
    let mut found: Vec<String> = fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    found.sort();
    let expected: Vec<String> = CASES
        .iter()
        .flat_map(|case| ["in", "out"].map(|end| format!("{case}.{end}.rs")))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn generated_code_names_one_module_of_ours() {
    for case in CASES {
        let code = expand(case);
        assert_eq!(outside_plumbing(&code), [""; 0], "{case}");
        assert!(
            code.contains("::resonate::__private::"),
            "{case} names nothing at all"
        );
    }
}

#[test]
fn a_name_outside_that_module_is_found() {
    let code = "use ::resonate::__private::probe::*; fn f() -> ::resonate::Call<u8> { ::resonate::call(1) }";
    let found = outside_plumbing(code);
    assert_eq!(found, ["::resonate::Call<u8> ", "::resonate::call(1) }"]);
}

const HEADER: &str = "// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.\n\n";

/// What follows each `::resonate::` that does not go on with `__private`.
fn outside_plumbing(code: &str) -> Vec<&str> {
    let places = code
        .match_indices("::resonate::")
        .map(|(at, _)| &code[at..]);
    places
        .filter(|rest| !rest.starts_with("::resonate::__private::"))
        .map(|rest| &rest[..rest.len().min(21)])
        .collect()
}

/// A case is a file that begins with `#[durable(..)]`; here it is expanded as rustc would ask us to.
fn expand(case: &str) -> String {
    let source = fs::read_to_string(golden(case, "in")).expect("the case");
    let tokens: TokenStream = source.parse().expect("tokens");
    let mut tokens = tokens.into_iter();
    let hash = tokens.next().expect("an attribute");
    assert_eq!(hash.to_string(), "#");
    let attribute = tokens.next().expect("an attribute");
    let code = durable(arguments(attribute), tokens.collect());
    let file = syn::parse2(code).expect("an expansion that is valid Rust");
    prettyplease::unparse(&file)
}

/// What is between the parentheses of `[durable(..)]`.
fn arguments(attribute: TokenTree) -> TokenStream {
    let TokenTree::Group(attribute) = attribute else {
        panic!("not an attribute: {attribute}")
    };
    let mut inside = attribute.stream().into_iter();
    assert_eq!(inside.next().expect("a name").to_string(), "durable");
    match inside.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream()
        }
        Some(other) => panic!("not the arguments of an attribute: {other}"),
        None => TokenStream::new(),
    }
}

fn golden(case: &str, end: &str) -> PathBuf {
    folder().join(format!("{case}.{end}.rs"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand")
}
