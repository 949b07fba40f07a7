//! Shows what became of one function: `RESONATE_MACRO_DEBUG=charge cargo check`. A build that has nothing to do
//! expands nothing, so touch the file first.
//!
//! This is the one file of the package that prints: it runs inside rustc, where there is no `tracing` subscriber.

use std::env;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;

const VARIABLE: &str = "RESONATE_MACRO_DEBUG";

/// Prints the expansion if it is that of the function which the environment names.
pub(super) fn show(function: &Ident, code: &TokenStream) {
    if env::var(VARIABLE).is_ok_and(|wanted| function.unraw() == wanted) {
        eprintln!("{}", lay_out(code.clone()));
    }
}

/// Tokens as lines, a block indented below what opens it. Rough, but it reads; goldens show the same code in full dress.
fn lay_out(code: TokenStream) -> String {
    let mut lines = Vec::new();
    block(code, 0, &mut lines);
    lines.join("\n")
}

fn block(code: TokenStream, depth: usize, lines: &mut Vec<String>) {
    let mut line: Vec<TokenTree> = Vec::new();
    for token in code {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                push(lines, depth, &format!("{} {{", text(&mut line)));
                block(group.stream(), depth + 1, lines);
                push(lines, depth, "}");
            }
            token => {
                let ends_line = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), ';' | ','));
                line.push(token);
                if ends_line && !is_only_a_mark(&line) {
                    push(lines, depth, &text(&mut line));
                } else if ends_line && let Some(last) = lines.last_mut() {
                    // Behind a closing brace.
                    last.push_str(&text(&mut line));
                }
            }
        }
    }
    if !line.is_empty() {
        push(lines, depth, &text(&mut line));
    }
}

fn is_only_a_mark(line: &[TokenTree]) -> bool {
    line.len() == 1
}

/// As rustc prints tokens, but on one line and without the widest gaps.
fn text(line: &mut Vec<TokenTree>) -> String {
    let printed = line.drain(..).collect::<TokenStream>().to_string();
    let words: Vec<&str> = printed.split_whitespace().collect();
    let mut text = words.join(" ");
    for (wide, narrow) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ;", ";"),
        (" ,", ","),
        (" : ", ": "),
    ] {
        text = text.replace(wide, narrow);
    }
    text
}

fn push(lines: &mut Vec<String>, depth: usize, text: &str) {
    lines.push(format!("{}{}", "    ".repeat(depth), text.trim_start()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_indented_below_what_opens_it() {
        let code = "fn charge() { let id = Id { shop, order }; ship(id, 1); } fn ship() {}";
        let code = code.parse().expect("tokens");
        let expected = [
            "fn charge () {",
            "    let id = Id {",
            "        shop,",
            "        order",
            "    };",
            "    ship (id, 1);",
            "}",
            "fn ship () {",
            "}",
        ];
        assert_eq!(lay_out(code), expected.join("\n"));
    }
}
