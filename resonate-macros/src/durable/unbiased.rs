//! Macros in a body that poll in another order each time: with them a replay could take another branch.
//!
//! What can be told from tokens is told: a path that begins with the crate. A bare `select!` is resonate's or somebody
//! else's, by an import that is not seen from here. `futures::join!` and its kin poll in the order in which they are
//! written, and are none of these.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::mentions::{After, Mention};

/// A macro that must not be used.
pub(super) struct Unbiased {
    /// What is underlined: its path.
    pub(super) path: TokenStream,
    /// The path as text, such as `tokio::select!`.
    pub(super) name: String,
    /// Which of resonate's does the same in one order.
    pub(super) instead: &'static str,
    /// How it does so itself, if it can.
    pub(super) own_way: &'static str,
}

const TOKIO: &str = "begin it with `biased;`";

/// Crate, macro, what to write instead, what else would do.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    ("tokio", "select", "select", TOKIO),
    ("tokio", "join", "join", TOKIO),
    ("tokio", "try_join", "try_join", TOKIO),
    (
        "futures",
        "select",
        "select",
        "use `futures::select_biased!`",
    ),
    (
        "futures_util",
        "select",
        "select",
        "use `futures_util::select_biased!`",
    ),
];

/// The one that this is, if it is one.
pub(super) fn unbiased(mention: &Mention) -> Option<Unbiased> {
    let After::Macro(arguments) = &mention.after else {
        return None;
    };
    let (of, name) = (mention.words.first()?, mention.words.last()?);
    let (.., instead, own_way) = KNOWN
        .iter()
        .find(|(known_of, known_name, ..)| of == known_of && name == known_name)?;
    if mention.words.len() < 2 || is_biased(arguments) {
        return None;
    }
    Some(Unbiased {
        path: mention.path.clone(),
        name: mention.name(),
        instead,
        own_way,
    })
}

/// True if it begins with `biased;`.
fn is_biased(arguments: &Group) -> bool {
    let mut tokens = arguments.stream().into_iter();
    let (first, second) = (tokens.next(), tokens.next());
    arguments.delimiter() != Delimiter::None
        && matches!(first, Some(TokenTree::Ident(word)) if word == "biased")
        && matches!(second, Some(TokenTree::Punct(punct)) if punct.as_char() == ';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::mentions::mentions;

    #[track_caller]
    fn check(body: &str, names: &[&str]) {
        let mentions = mentions(body.parse().expect("tokens"));
        let found: Vec<_> = mentions.iter().filter_map(unbiased).collect();
        let found: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found, names, "{body}");
    }

    #[test]
    fn macros_that_rotate_or_throw_dice_are_found_wherever_they_are() {
        check("{ tokio::select! { _ = a => {} } }", &["tokio::select!"]);
        check("{ let (a, b) = ::tokio::join!(a, b); }", &["tokio::join!"]);
        check("{ tokio::try_join![a, b]? }", &["tokio::try_join!"]);
        check("{ x; futures::select! {} }", &["futures::select!"]);
        check("{ S { a: tokio::join!(b) } }", &["tokio::join!"]);
        check(
            "{ if a { b(|| futures_util::select!(c)) } }",
            &["futures_util::select!"],
        );
        check(
            "{ resonate::select! { _ = async { tokio::join!(a) } => tokio::select! {} } }",
            &["tokio::join!", "tokio::select!"],
        );
    }

    #[test]
    fn macros_that_poll_in_the_order_they_are_written_are_left_alone() {
        check("{ tokio::select! { biased; _ = a => {} } }", &[]);
        check("{ tokio::join!(biased; a, b) }", &[]);
        check(
            "{ futures::select_biased! {} futures::join!(a, b) futures::try_join!(a) }",
            &[],
        );
        check("{ resonate::select! {} resonate::join!(a) }", &[]);
    }

    #[test]
    fn what_cannot_be_told_is_left_alone() {
        check("{ select! {} join!(a, b) }", &[]);
        check("{ tokio.select; tokio::select; a != tokio::select }", &[]);
        check("{ mine::tokio::select! {} }", &[]);
    }

    #[test]
    fn a_step_is_not_replayed_and_may_use_them() {
        check("{ step(|| async { tokio::select! {} }).await }", &[]);
        check(
            "{ resonate::step(|| async { tokio::select! {} }).await }",
            &[],
        );
        check("{ step(a).label(tokio::join!(b)) }", &["tokio::join!"]);
        check("{ game.step(tokio::join!(b)) }", &["tokio::join!"]);
    }
}
