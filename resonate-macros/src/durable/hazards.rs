//! What is different, or happens again, in every replay: clocks, chance, tasks, files and the like.
//!
//! A leaf, which calls no other function, is where such things belong. Only in a function that calls others they are
//! mistakes. Whether a function calls others is seen here if its tokens say so beyond doubt (see [`is_caller`]): then
//! the compiler refuses it. Else the runtime does, at the first call that the function makes.

use proc_macro2::{TokenStream, TokenTree};

use super::mentions::{After, Mention, mentions};

/// What can be allowed by name, `order` apart from the table below: see `unbiased`.
pub(super) const KINDS: [&str; 8] = [
    "spawn", "sleep", "time", "random", "env", "io", "statics", "order",
];

/// Something in a body that a replay would do otherwise.
pub(super) struct Hazard {
    /// What is underlined.
    pub(super) path: TokenStream,
    /// As its maker reads it, such as `SystemTime::now`.
    pub(super) name: String,
    /// What is wrong with it, and what to write instead.
    pub(super) advice: String,
    pub(super) is_allowed: bool,
}

/// The ends of paths (`*` is any word), the name by which it is allowed, what is wrong, what to write.
type Known = (
    &'static [&'static str],
    &'static str,
    &'static str,
    &'static str,
);

const AGAIN: &str = "starts again in every replay, and nothing durable can be done in it";
const SPAWN: &str =
    "spawn a call of a durable function, `charge(..).spawn()`, or do it inside of a `step`";
const CLOCK: &str = "gives another time in every replay";
const NOW: &str = "write `resonate::now()`, or read the clock inside of a `step`";
const WAIT: &str = "is forgotten with this process, and begins again in every replay";
const CHANCE: &str = "gives something else in every replay";
const DRAW: &str = "write `resonate::random()`, or draw inside of a `step`";
const UUID: &str = "write `resonate::uuid()`";
const ELSEWHERE: &str = "may give something else in the process that replays";
const ARGUMENT: &str = "make it an argument, or read it inside of a `step`";
const EFFECT: &str = "happens again in every replay, and may end otherwise";
const LEAF: &str = "do it in a durable function of its own, or inside of a `step`";

const KNOWN: &[Known] = &[
    (
        &[
            "tokio::spawn",
            "task::spawn",
            "task::spawn_blocking",
            "task::spawn_local",
            "thread::spawn",
            "JoinSet::new",
            "rayon::spawn",
        ],
        "spawn",
        AGAIN,
        SPAWN,
    ),
    (
        &["time::sleep", "time::sleep_until", "thread::sleep"],
        "sleep",
        WAIT,
        "write `resonate::sleep`, which is durable",
    ),
    (
        &["time::timeout", "time::timeout_at"],
        "sleep",
        WAIT,
        "write `resonate::timeout`",
    ),
    (
        &["time::interval", "time::interval_at"],
        "sleep",
        WAIT,
        "write a loop with `resonate::sleep`",
    ),
    (
        &[
            "SystemTime::now",
            "Instant::now",
            "Utc::now",
            "Local::now",
            "OffsetDateTime::now_utc",
            "OffsetDateTime::now_local",
            "Zoned::now",
        ],
        "time",
        CLOCK,
        NOW,
    ),
    (
        &[
            "rand::random",
            "rand::rng",
            "rand::random_range",
            "rand::random_bool",
            "rand::random_ratio",
            "rand::fill",
            "thread_rng",
            "OsRng",
            "from_entropy",
            "from_os_rng",
            "fastrand::*",
            "getrandom::fill",
            "getrandom::getrandom",
        ],
        "random",
        CHANCE,
        DRAW,
    ),
    (
        &["Uuid::new_v4", "Uuid::now_v6", "Uuid::now_v7", "Ulid::new"],
        "random",
        CHANCE,
        UUID,
    ),
    (
        &[
            "env::var",
            "env::var_os",
            "env::vars",
            "env::args",
            "env::current_dir",
            "env::temp_dir",
            "process::id",
        ],
        "env",
        ELSEWHERE,
        ARGUMENT,
    ),
    (
        &[
            "File::open",
            "File::create",
            "OpenOptions::new",
            "fs::read",
            "fs::read_to_string",
            "fs::read_dir",
            "fs::write",
            "fs::copy",
            "fs::rename",
            "fs::remove_file",
            "fs::remove_dir_all",
            "fs::create_dir",
            "fs::create_dir_all",
            "fs::metadata",
            "fs::exists",
            "TcpStream::connect",
            "TcpListener::bind",
            "UdpSocket::bind",
            "UnixStream::connect",
            "io::stdin",
            "reqwest::get",
        ],
        "io",
        EFFECT,
        LEAF,
    ),
];

/// Every one in a body.
pub(super) fn hazards(body: TokenStream, allowed: &[String]) -> Vec<Hazard> {
    let paths = mentions(body.clone()).into_iter().filter_map(|mention| {
        let (_, kind, wrong, instead) = known(&mention)?;
        let name = mention.name();
        Some(hazard(mention.path, name, kind, wrong, instead, allowed))
    });
    let mut found: Vec<_> = paths.collect();
    statics(body, allowed, &mut found);
    found
}

fn known(mention: &Mention) -> Option<&'static Known> {
    if mention.is_method {
        return None;
    }
    KNOWN.iter().find(|(ends, ..)| {
        ends.iter().any(|end| {
            let mut words = mention.words.iter().rev();
            end.rsplit("::")
                .all(|word| words.next().is_some_and(|it| word == "*" || it == word))
        })
    })
}

fn hazard(
    path: TokenStream,
    name: String,
    kind: &str,
    wrong: &str,
    instead: &str,
    allowed: &[String],
) -> Hazard {
    Hazard {
        path,
        name,
        advice: format!(
            "{wrong}; {instead}, or take the responsibility: `allow = \"{kind}\"` in the attribute"
        ),
        is_allowed: allowed.iter().any(|allowed| allowed == kind),
    }
}

/// `static mut`, wherever it stands.
fn statics(body: TokenStream, allowed: &[String], found: &mut Vec<Hazard>) {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut is_lifetime = false;
    for (first, second) in tokens.iter().zip(tokens.iter().skip(1)) {
        if is_word(first, "static") && is_word(second, "mut") && !is_lifetime {
            let wrong =
                "keeps what is lost with this process, and what every replay would change again";
            let instead = "keep it in a variable of the function";
            let path = [first, second].into_iter().cloned().collect();
            let name = "static mut".to_owned();
            found.push(hazard(path, name, "statics", wrong, instead, allowed));
        }
        is_lifetime = matches!(first, TokenTree::Punct(mark) if mark.as_char() == '\'');
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            statics(group.stream(), allowed, found);
        }
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Names of ours that nobody else's function has, so that they are known without their path too.
const OURS: [&str; 3] = ["shield", "continue_as", "on_cancel"];
/// Names that others have as well: known only as `resonate::..`.
const OURS_BY_PATH: [&str; 9] = [
    "sleep",
    "sleep_until",
    "promise",
    "step",
    "map",
    "race",
    "join_all",
    "resolve",
    "reject",
];

/// What makes durations of ours.
const DURATIONS: [&str; 4] = ["seconds", "minutes", "hours", "days"];

/// True if a body calls something durable beyond doubt. False says nothing: a call of another durable function looks
/// like a call of any async function.
pub(super) fn is_caller(body: TokenStream, own_name: &str) -> bool {
    mentions(body).iter().any(|mention| {
        let Some(last) = mention.words.last().map(String::as_str) else {
            return false;
        };
        if mention.is_method {
            return last == "compensate" && matches!(mention.after, After::Call(_));
        }
        let Some(arguments) = mention.call() else {
            return false;
        };
        let first = arguments.stream().into_iter().next();
        match mention.words.as_slice() {
            [crate_name, _] if crate_name == "resonate" => {
                OURS.contains(&last) || OURS_BY_PATH.contains(&last)
            }
            [_] if last == own_name || OURS.contains(&last) => true,
            [_] if last == "step" => is_closure(first.as_ref()),
            [_] if last == "promise" => matches!(first, Some(TokenTree::Literal(_))),
            // Tokio's `sleep` is not given one of our durations.
            [_] if last == "sleep" => first
                .is_some_and(|first| DURATIONS.iter().any(|duration| is_word(&first, duration))),
            _ => false,
        }
    })
}

fn is_closure(first: Option<&TokenTree>) -> bool {
    match first {
        Some(TokenTree::Punct(punct)) => punct.as_char() == '|',
        Some(TokenTree::Ident(word)) => word == "move",
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, names: &[&str]) {
        check_allowing(&[], body, names);
    }

    #[track_caller]
    fn check_allowing(allowed: &[&str], body: &str, names: &[&str]) {
        let allowed: Vec<_> = allowed.iter().map(|&kind| kind.to_owned()).collect();
        let found = hazards(body.parse().expect("tokens"), &allowed);
        let refused = found.iter().filter(|one| !one.is_allowed);
        let refused: Vec<_> = refused.map(|one| one.name.as_str()).collect();
        assert_eq!(refused, names, "{body}");
    }

    #[track_caller]
    fn check_caller(body: &str, expected: bool) {
        let is = is_caller(body.parse().expect("tokens"), "walk");
        assert_eq!(is, expected, "{body}");
    }

    #[test]
    fn a_path_is_known_by_its_end() {
        check(
            "{ std::time::SystemTime::now() }",
            &["std::time::SystemTime::now"],
        );
        check("{ a.map(SystemTime::now) }", &["SystemTime::now"]);
        check("{ S { at: Utc::now() } }", &["Utc::now"]);
        check("{ let x = rand::random::<u8>(); }", &["rand::random"]);
        check("{ format!(\"{}\", Uuid::new_v4()) }", &["Uuid::new_v4"]);
        check(
            "{ if a { b(|| tokio::task::spawn(c)) } }",
            &["tokio::task::spawn"],
        );
    }

    #[test]
    fn names_that_only_look_like_it_are_left_alone() {
        check(
            "{ now(); resonate::now(); sleep(d).await; random(); uuid() }",
            &[],
        );
        check("{ clock.now(); pool.spawn(); charge(1).spawn() }", &[]);
        check(
            "{ StdRng::seed_from_u64(1); my::spawn(); resonate::timeout(d, f) }",
            &[],
        );
        check("{ static A: u8 = 1; fn f(a: &'static mut u8) {} }", &[]);
    }

    #[test]
    fn a_step_may_use_them() {
        check("{ step(|| async { SystemTime::now() }).await }", &[]);
        check(
            "{ step(|| async { a }).label(Uuid::new_v4()) }",
            &["Uuid::new_v4"],
        );
    }

    #[test]
    fn what_is_allowed_by_name_is_not_told() {
        check_allowing(&["time"], "{ Instant::now(); env::var(a) }", &["env::var"]);
        check_allowing(&["time", "env"], "{ Instant::now(); env::var(a) }", &[]);
        check("{ unsafe { static mut A: u8 = 1; } }", &["static mut"]);
        check_allowing(&["statics"], "{ static mut A: u8 = 1; }", &[]);
    }

    #[test]
    fn every_kind_can_be_allowed_and_every_name_is_told() {
        for (ends, kind, ..) in KNOWN {
            assert!(KINDS.contains(kind), "{kind}");
            for end in *ends {
                let path = end.replace('*', "any");
                check(&path, &[&path]);
                check_allowing(&[kind], &path, &[]);
            }
        }
    }

    #[test]
    fn a_caller_is_known_by_what_only_callers_write() {
        check_caller("{ step(|| async { a }).await }", true);
        check_caller("{ step(move || async { a }).await }", true);
        check_caller("{ resonate::step(a).await }", true);
        check_caller("{ promise::<bool>(\"approval\").await }", true);
        check_caller("{ b(walk(a)).await }", true);
        check_caller("{ charge(a).compensate(refund).await }", true);
        check_caller("{ resonate::sleep(d).await; }", true);
        check_caller("{ sleep(days(1)).await; }", true);
    }

    #[test]
    fn a_leaf_is_never_taken_for_a_caller() {
        check_caller("{ sleep(d).await; fetch(url).await }", false);
        check_caller("{ step(&mut game); promise(a, b); self.walk() }", false);
        check_caller("{ mine::step(|| a); tokio::time::sleep(d).await }", false);
        check_caller("{ let step = 1; walk; my::walk() }", false);
    }
}
