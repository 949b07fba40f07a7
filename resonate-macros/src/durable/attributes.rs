//! Which of the user's other attributes stays on the function that is called, and which goes to the body.
//!
//! What is said *about the item* stays outside: docs, deprecation, conditions, lints and the hints of tools. Lints
//! there cover the body too, since it is nested inside. Everything else may be an attribute macro that rewrites an
//! `async fn`, such as `#[tracing::instrument]`: outside it would see a plain function that only builds a call, and
//! would time that; at the body it sees what the user wrote.

use syn::{Attribute, Path};

/// Built-in attributes that speak about the item.
const ABOUT_THE_ITEM: [&str; 14] = [
    "allow",
    "cfg",
    "cfg_attr",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "inline",
    "must_use",
    "no_mangle",
    "warn",
];
/// First segments of paths that rustc hands to tools.
const TOOLS: [&str; 5] = ["clippy", "diagnostic", "miri", "rust_analyzer", "rustfmt"];
/// `call` reports where the function was called, so the expansion has this one already.
const OURS: &str = "track_caller";

/// The attributes of the function that is called.
pub(super) fn outside(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| is_about_the_item(attr.path()))
}

/// The attributes of the body.
pub(super) fn inside(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs
        .iter()
        .filter(|attr| !is_about_the_item(attr.path()) && !attr.path().is_ident(OURS))
}

fn is_about_the_item(path: &Path) -> bool {
    let Some(first) = path.segments.first() else {
        return false;
    };
    let known: &[&str] = if path.segments.len() == 1 {
        &ABOUT_THE_ITEM
    } else {
        &TOOLS
    };
    known.iter().any(|word| first.ident == word)
}
