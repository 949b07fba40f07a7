//! What a body that is replayed must not do by itself: start tasks, ask for the time, wait, draw numbers. A replay would do
//! it once more, and see something else.
//!
//! Only a function that is replayed is looked at: one that visibly asks for something durable. A leaf does what it likes,
//! and so does what is inside of a `step(..)`. From tokens alone a call of a durable function looks like any other, so a
//! function that does nothing but call others is not told apart from a leaf; what it does wrong then, replay finds.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::unbiased::{ends_with_colons, is_step, words};

/// Something that is not the same in every replay.
pub(super) struct Hazard {
    /// What is underlined: its path.
    pub(super) path: TokenStream,
    /// The path as text, such as `SystemTime::now`.
    pub(super) name: String,
    pub(super) kind: &'static Kind,
}

/// What is wrong with it, and what it is called in `allow`.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) allow: &'static str,
    pub(super) why: &'static str,
    pub(super) instead: &'static str,
    /// The last words of paths; `*` is any.
    paths: &'static [&'static [&'static str]],
}

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        allow: "spawn",
        why: "starts something that nothing awaits, cancels or survives a crash with",
        instead: "call a durable function, with `.spawn()` if it is to run beside this one",
        paths: &[
            &["tokio", "spawn"],
            &["task", "spawn"],
            &["task", "spawn_blocking"],
            &["task", "spawn_local"],
            &["thread", "spawn"],
            &["rayon", "spawn"],
        ],
    },
    Kind {
        allow: "sleep",
        why: "waits in this process only, from the beginning after each replay",
        instead: "write `sleep(..)`, `sleep_until(..)` or `timeout(..)` of `resonate`",
        paths: &[&["tokio", "time", "*"], &["thread", "sleep"]],
    },
    Kind {
        allow: "time",
        why: "is another time in each replay",
        instead: "write `now()`",
        paths: &[
            &["SystemTime", "now"],
            &["Instant", "now"],
            &["Utc", "now"],
            &["Local", "now"],
            &["OffsetDateTime", "now_utc"],
            &["OffsetDateTime", "now_local"],
            &["Zoned", "now"],
        ],
    },
    Kind {
        allow: "random",
        why: "is another one in each replay",
        instead: "write `random()` or `uuid()`",
        paths: &[
            &["rand", "random"],
            &["rand", "rng"],
            &["rand", "thread_rng"],
            &["thread_rng"],
            &["fastrand", "*"],
            &["Uuid", "new_v4"],
            &["Uuid", "now_v7"],
        ],
    },
];

/// Functions and methods that only a replayed function has a use for.
const DURABLE: [&str; 11] = [
    "sleep_until",
    "step",
    "promise",
    "race",
    "on_cancel",
    "continue_as",
    "shield",
    "compensate",
    "detach",
    "remote",
    "uuid",
];

/// Every one that is used in a body which visibly asks for something durable.
pub(super) fn hazards(body: TokenStream) -> Vec<Hazard> {
    let mut look = Look::default();
    look.at(body);
    if look.is_replayed {
        look.found
    } else {
        Vec::new()
    }
}

#[derive(Default)]
struct Look {
    is_replayed: bool,
    found: Vec<Hazard>,
}

impl Look {
    fn at(&mut self, tokens: TokenStream) {
        // The words of the path that ends here, with the colons between them.
        let mut path: Vec<TokenTree> = Vec::new();
        for token in tokens {
            match &token {
                TokenTree::Ident(_) => {
                    if !ends_with_colons(&path) {
                        path.clear();
                    }
                    path.push(token);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => path.push(token),
                // `random::<u64>()`
                TokenTree::Punct(punct) if punct.as_char() == '<' && ends_with_colons(&path) => {
                    self.call(&path);
                    path.clear();
                }
                TokenTree::Group(group) => {
                    let is_call = group.delimiter() == Delimiter::Parenthesis && !path.is_empty();
                    if is_call {
                        self.call(&path);
                    }
                    if !is_call || !is_step(&path) {
                        self.at(group.stream());
                    }
                    path.clear();
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => path.clear(),
            }
        }
    }

    fn call(&mut self, path: &[TokenTree]) {
        let words = words(path);
        let Some(last) = words.last() else { return };
        let is_ours = words.len() == 1 || words.first().is_some_and(|first| first == "resonate");
        // A bare `sleep` is resonate's, or tokio's by an import, and then it is no better.
        let is_durable = DURABLE.contains(&last.as_str()) || last == "sleep";
        self.is_replayed |= is_ours && is_durable;
        let kind = KINDS
            .iter()
            .find(|kind| kind.paths.iter().any(|one| ends_with(&words, one)));
        if let Some(kind) = kind {
            self.found.push(Hazard {
                path: without_colons(path).iter().cloned().collect(),
                name: words.join("::"),
                kind,
            });
        }
    }
}

fn ends_with(words: &[String], path: &[&str]) -> bool {
    words.len() >= path.len()
        && words
            .iter()
            .rev()
            .zip(path.iter().rev())
            .all(|(word, one)| *one == "*" || word == one)
}

fn without_colons(path: &[TokenTree]) -> &[TokenTree] {
    let last = path
        .iter()
        .rposition(|token| matches!(token, TokenTree::Ident(_)));
    last.and_then(|last| path.get(..=last)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, names: &[&str]) {
        let found = hazards(body.parse().expect("tokens"));
        let found: Vec<_> = found
            .iter()
            .map(|one| format!("{} {}", one.kind.allow, one.name))
            .collect();
        assert_eq!(found, names, "{body}");
    }

    #[test]
    fn what_differs_in_a_replay_is_found_wherever_it_is() {
        check(
            "{ sleep(a).await; tokio::spawn(b); }",
            &["spawn tokio::spawn"],
        );
        check(
            "{ let t = std::time::SystemTime::now(); step(|| a).await }",
            &["time std::time::SystemTime::now"],
        );
        check(
            "{ promise::<bool>(a).await; if b { rand::random::<u64>() } }",
            &["random rand::random"],
        );
        check(
            "{ charge(a).compensate(b).await; c(Uuid::new_v4(), fastrand::u64(..)) }",
            &["random Uuid::new_v4", "random fastrand::u64"],
        );
        check(
            "{ resonate::sleep(a).await; tokio::time::interval(b); std::thread::sleep(c) }",
            &["sleep tokio::time::interval", "sleep std::thread::sleep"],
        );
    }

    #[test]
    fn a_leaf_does_what_it_likes_and_so_does_a_step() {
        check(
            "{ tokio::time::sleep(a).await; tokio::spawn(b).await; Utc::now() }",
            &[],
        );
        check("{ reqwest::get(a).await?; SystemTime::now() }", &[]);
        check(
            "{ step(|| async { SystemTime::now() }).await; resonate::step(|| tokio::spawn(a)).await }",
            &[],
        );
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        check(
            "{ sleep(a).await; SystemTime::now; b.now(); mine::spawn(c); now() }",
            &[],
        );
        check("{ sleep(a).await; my_rand::random(); Uuid::nil() }", &[]);
    }
}
