//! The paths in a body, outside of `step(..)`: what is inside of a step is not replayed and may do as it likes.
//!
//! Tokens are all there is: a name that an import has changed is not seen, nor is what a called function does.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A path as it stands in a body.
pub(super) struct Mention {
    /// Its words; what is between `<` and `>` is left out, and so are colons before the first.
    pub(super) words: Vec<String>,
    /// What is underlined.
    pub(super) path: TokenStream,
    /// True behind a `.`.
    pub(super) is_method: bool,
    pub(super) after: After,
}

/// What follows a path.
pub(super) enum After {
    /// The arguments of a macro.
    Macro(Group),
    /// The arguments of a call.
    Call(Group),
    Nothing,
}

impl Mention {
    /// As its maker reads it.
    pub(super) fn name(&self) -> String {
        let bang = if matches!(self.after, After::Macro(_)) {
            "!"
        } else {
            ""
        };
        self.words.join("::") + bang
    }

    /// The arguments, if it is a call of a path.
    pub(super) fn call(&self) -> Option<&Group> {
        match &self.after {
            After::Call(arguments) if !self.is_method => Some(arguments),
            After::Call(_) | After::Macro(_) | After::Nothing => None,
        }
    }

    /// True for `step(..)` and `resonate::step(..)`.
    fn is_step(&self) -> bool {
        self.call().is_some() && self.words.last().is_some_and(|word| word == "step")
    }
}

/// Every path of a body.
pub(super) fn mentions(body: TokenStream) -> Vec<Mention> {
    let mut found = Vec::new();
    look(body, &mut found);
    found
}

fn look(tokens: TokenStream, found: &mut Vec<Mention>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = tokens.as_slice();
    let mut dots = 0;
    while let Some((token, others)) = rest.split_first() {
        match token {
            TokenTree::Ident(_) => {
                let (mention, behind) = read(rest, dots == 1);
                let inside = match &mention.after {
                    After::Macro(inside) | After::Call(inside) => Some(inside.stream()),
                    After::Nothing => None,
                };
                let is_looked_into = !mention.is_step();
                found.push(mention);
                if let Some(inside) = inside.filter(|_| is_looked_into) {
                    look(inside, found);
                }
                (rest, dots) = (behind, 0);
                continue;
            }
            TokenTree::Group(group) => look(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        dots = if is(token, '.') { dots + 1 } else { 0 };
        rest = others;
    }
}

/// The path that begins here, with what follows it; and the rest.
fn read(tokens: &[TokenTree], is_method: bool) -> (Mention, &[TokenTree]) {
    let (mut words, mut path, mut rest) = (Vec::new(), Vec::new(), tokens);
    while let [TokenTree::Ident(word), others @ ..] = rest {
        words.push(word.to_string());
        path.push(rest.first().cloned());
        rest = others;
        let Some(behind) = behind_colons(rest) else {
            break;
        };
        let next = behind_generics(behind);
        if let [TokenTree::Ident(_), ..] = next {
            let between = rest.len() - next.len();
            path.extend(rest.iter().take(between).cloned().map(Some));
        }
        rest = next;
        if rest.len() < behind.len() {
            // After a turbofish more may come: `Vec::<u8>::new`.
            rest = behind_colons(rest).unwrap_or(rest);
        }
    }
    let (after, rest) = match rest {
        [bang, TokenTree::Group(group), others @ ..] if is(bang, '!') => {
            (After::Macro(group.clone()), others)
        }
        [TokenTree::Group(group), others @ ..] if group.delimiter() == Delimiter::Parenthesis => {
            (After::Call(group.clone()), others)
        }
        _ => (After::Nothing, rest),
    };
    let mention = Mention {
        words,
        path: path.into_iter().flatten().collect(),
        is_method,
        after,
    };
    (mention, rest)
}

/// What comes after `::`.
fn behind_colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(first), second, rest @ ..]
            if first.as_char() == ':' && first.spacing() == Spacing::Joint && is(second, ':') =>
        {
            Some(rest)
        }
        _ => None,
    }
}

/// What comes after `<..>`, or all if there is none.
fn behind_generics(tokens: &[TokenTree]) -> &[TokenTree] {
    let (mut depth, mut rest, mut is_arrow) = (0_usize, tokens, false);
    while let Some((token, others)) = rest.split_first() {
        if is(token, '<') {
            depth += 1;
        } else if is(token, '>') && !is_arrow {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && !is(token, '>') {
            return tokens;
        }
        is_arrow = is(token, '-');
        rest = others;
        if depth == 0 {
            break;
        }
    }
    rest
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, names: &[&str]) {
        let found = mentions(body.parse().expect("tokens"));
        let found: Vec<_> = found.iter().map(Mention::name).collect();
        assert_eq!(found, names, "{body}");
    }

    #[test]
    fn paths_are_found_whole() {
        check("a::b(c)", &["a::b", "c"]);
        check("::a::b!(c); d", &["a::b!", "c", "d"]);
        check("a::<Vec<fn() -> u8>>::b::<C>(d)", &["a::b", "d"]);
        check("S { a: b::c }", &["S", "a", "b::c"]);
        check("a < b && c > d", &["a", "b", "c", "d"]);
        check("a != (b)", &["a", "b"]);
    }

    #[test]
    fn methods_are_told_from_the_ends_of_ranges() {
        let found = mentions("a.b(); 0..c(); d..=e()".parse().expect("tokens"));
        let methods: Vec<_> = found.iter().filter(|one| one.is_method).collect();
        assert_eq!(methods.len(), 1);
        assert!(methods.iter().all(|one| one.name() == "b"));
    }

    #[test]
    fn what_is_in_a_step_is_left_out() {
        check("step(|| a)", &["step"]);
        check(
            "resonate::step::<_, _, u8, E>(a).b(c)",
            &["resonate::step", "b", "c"],
        );
        check("game.step(a)", &["game", "step", "a"]);
    }
}
