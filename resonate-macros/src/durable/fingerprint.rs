//! Bodies as numbers: the same code gives the same number in every build, a changed body almost always another.
//!
//! Workers announce it, so that an execution prefers workers whose body is the one it began with. Layout must not
//! count, or running a formatter would make every worker a different one: so it is taken over the tokens themselves,
//! never over printed text, whose spaces follow the source and the compiler.

use proc_macro2::{TokenStream, TokenTree};

use super::tokens::delimiters;

/// FNV-1a, 64 bit. Chosen for being specified in two lines: the number is written into records and must never change.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The fingerprint of a body. Comments and white space do not count, nor does the comma after the last of a list.
pub(super) fn fingerprint(body: TokenStream) -> u64 {
    stream(BASIS, body)
}

fn stream(hash: u64, tokens: TokenStream) -> u64 {
    let mut hash = hash;
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        hash = match token {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                let inside = stream(text(hash, open), group.stream());
                text(inside, close)
            }
            // A formatter adds or removes this one when it breaks a list over lines.
            TokenTree::Punct(punct) if punct.as_char() == ',' && rest.peek().is_none() => hash,
            // Spacing does not count: `x=-1` and `x = -1` differ in nothing else.
            TokenTree::Punct(punct) => text(hash, punct.as_char().encode_utf8(&mut [0; 4])),
            TokenTree::Ident(ident) => text(hash, &ident.to_string()),
            TokenTree::Literal(literal) => text(hash, &literal.to_string()),
        };
    }
    hash
}

/// One token, and an end mark, so that `a b` differs from `ab`.
fn text(hash: u64, token: &str) -> u64 {
    let bytes = token.bytes().chain([0]);
    bytes.fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> u64 {
        fingerprint(code.parse().expect("tokens"))
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        let written = of("{ let x = a+b; charge(x, y) // why\n }");
        let formatted = of("{\n    let x = a + b;\n    charge(\n        x,\n        y,\n    )\n}");
        assert_eq!(written, formatted);
    }

    #[test]
    fn every_other_change_counts() {
        let body = of("{ charge(card, 1); }");
        for other in [
            "{ charge(card, 2); }",
            "{ refund(card, 1); }",
            "{ charge(card, 1) }",
            "{ charge[card, 1]; }",
            "{ charge(1, card); }",
            "{ char ge(card, 1); }",
            "{}",
        ] {
            assert_ne!(of(other), body, "{other}");
        }
    }

    #[test]
    fn the_number_is_part_of_recorded_data_and_never_changes() {
        assert_eq!(
            of("{ charge(card, 1200).await? }"),
            14_545_969_901_473_238_702
        );
    }
}
