//! Token trees as text, for what must not depend on how rustc prints them.

use proc_macro2::Delimiter;

/// How a group begins and ends.
pub(super) fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        // The invisible group around what a `macro_rules!` macro passed on.
        Delimiter::None => ("", ""),
    }
}
