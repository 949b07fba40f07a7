//! The tables, which are the rules, and how a word is looked for in a line.

use crate::file::File;

/// (words, where they are banned, where they are not, what to do instead). A place is the beginning of a path, an
/// exception any part of it.
pub(crate) type Ban = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const PURE: &[&str] = &[
    "resonate-core/src",
    "resonate-runtime/src/replay",
    "resonate-server/src/dispatch/ready.rs",
    "resonate-server/src/dispatch/fleet.rs",
    "resonate-server/src/dispatch/pairing.rs",
];
const OURS: &[&str] = &["resonate-", "src/", "examples/", "docs/guide"];
const EVERYWHERE: &[&str] = &[""];

/// Whole words in library code: comment lines and tests are not looked at.
const CODE: &[Ban] = &[
    (
        "tokio tonic std::fs std::net std::thread std::env SystemTime Instant rand HashMap HashSet async",
        PURE,
        &[],
        "pure code: take it as an argument, return it as an effect",
    ),
    (
        "PromiseState TaskState pending resolved rejected canceled timedout leased suspended halted",
        &["resonate-server/src/store"],
        &["store/conformance"],
        "stores know no rules: states stay in resonate-core/src/apply",
    ),
    (
        "resonate_proto::v1",
        &["resonate-"],
        &[
            "resonate-proto/",
            "server/src/api/grpc",
            "runtime/src/client/grpc",
        ],
        "wire types stop at the edge: resonate_proto::convert",
    ),
    (
        "crate::engine crate::store crate::dispatch",
        &["resonate-server/src/cli", "resonate-server/src/ui"],
        &[],
        "the CLI and the page use the public API",
    ),
    (
        "bincode",
        &["resonate-"],
        &["runtime/src/codec", "core/src/value.rs", "resonate-macros/"],
        "one file calls bincode (one names its label, the attribute takes it)",
    ),
    (
        "unbounded unbounded_channel UnboundedSender UnboundedReceiver",
        &["resonate-"],
        &[],
        "every queue has its bound in limits.rs",
    ),
    (
        "resonate_runtime resonate_macros",
        &["resonate-server/src"],
        &["server/src/bench/", "server/src/main.rs"],
        "the server never names the runtime; see docs/decisions/0004",
    ),
    (
        "println eprintln print eprint",
        &["resonate-"],
        &["server/src/cli/output.rs", "macros/src/durable/debug.rs"],
        "print in cli/output.rs, log with tracing",
    ),
];

/// Words of docs/style.md, "Words and names": also in comments, docs, proto files and inside of identifiers, in the
/// singular and the plural.
const WORDS: &[Ban] = &[
    (
        "workflow activity orchestration",
        OURS,
        &["docs/guide/coming-from", "server/src/gateway"],
        "say function",
    ),
    ("shard vnode", OURS, &[], "say partition"),
    (
        "dequeue DAO broker",
        OURS,
        &["docs/guide/coming-from"],
        "say claim, store, server",
    ),
];

/// What is not finished. The inputs of macro tests may have empty bodies.
const LEFTOVERS: &[Ban] = &[
    (
        "todo! unimplemented! dbg!",
        EVERYWHERE,
        &["tests/tidy/", "macros/tests/", "tests/ui/"],
        "finish it, or return an error that says what is missing",
    ),
    (
        "TODO FIXME XXX HACK",
        EVERYWHERE,
        &["tests/tidy/"],
        "open an issue instead",
    ),
];

/// Beginnings of paths that exist on one machine only. In every file, of whatever kind.
const MACHINES: &[Ban] = &[(
    "/home/ /work/ /root/ /Users/",
    EVERYWHERE,
    &["tests/tidy/"],
    "name no path of a machine",
)];

/// What the `[dependencies]` of a package may name of ours.
pub(crate) const LAYERS: &[(&str, &[&str])] = &[
    ("resonate-core", &[]),
    ("resonate-proto", &["resonate-core"]),
    ("resonate-macros", &[]),
    // Tasks of the repository; no package of ours knows it.
    ("xtask", &[]),
    ("resonate-runtime", &["resonate-core", "resonate-proto"]),
    // The last two for the load of `resonate bench` only; a ban above keeps them out of everything else.
    (
        "resonate-server",
        &[
            "resonate-core",
            "resonate-proto",
            "resonate-macros",
            "resonate-runtime",
        ],
    ),
    // Core and wire for its `testing` only.
    (
        "resonate",
        &[
            "resonate-core",
            "resonate-proto",
            "resonate-macros",
            "resonate-runtime",
            "resonate-server",
        ],
    ),
];

/// Library lines of a file above which it is worth a look, and above which it needs a line in "Large files".
pub(crate) const LINES_SMELL: usize = 400;
pub(crate) const LINES_MAX: usize = 800;

pub(crate) struct Rule {
    pub(crate) bans: &'static [Ban],
    lines: fn(&File) -> Vec<(usize, &str)>,
    matches: fn(&str, &str) -> bool,
}

pub(crate) const RULES: &[Rule] = &[
    Rule {
        bans: CODE,
        lines: File::code,
        matches: names,
    },
    Rule {
        bans: WORDS,
        lines: File::prose,
        matches: speaks_of,
    },
    Rule {
        bans: LEFTOVERS,
        lines: File::prose,
        matches: names,
    },
    Rule {
        bans: MACHINES,
        lines: File::all,
        matches: leads_to,
    },
];

pub(crate) fn violations(rule: &Rule, files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for (words, places, exceptions, instead) in rule.bans {
        let banned = |path: &str| {
            places.iter().any(|place| path.starts_with(place))
                && !exceptions.iter().any(|part| path.contains(part))
        };
        for file in files.iter().filter(|file| banned(&file.path)) {
            for (number, line) in (rule.lines)(file) {
                for word in words.split(' ').filter(|word| (rule.matches)(line, word)) {
                    found.push(format!("{}:{number}: {word}: {instead}", file.path));
                }
            }
        }
    }
    found
}

/// Whether `line` has `word` and nothing that could be part of the same name beside it.
pub(crate) fn names(line: &str, word: &str) -> bool {
    let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_as_name = is_name(word.chars().next_back());
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = line.split_at(at);
        let begins = !is_name(before.chars().next_back());
        let ends = !ends_as_name || !is_name(after.chars().nth(word.len()));
        begins && ends
    })
}

/// Whether `line` speaks of `word`, in any case, in the plural, or as a part of a longer name.
pub(crate) fn speaks_of(line: &str, word: &str) -> bool {
    let mut spaced = String::with_capacity(line.len());
    let mut after_lowercase = false;
    for c in line.chars() {
        let ends_word = after_lowercase && c.is_uppercase();
        spaced.extend(ends_word.then_some(' '));
        spaced.push(if c.is_alphabetic() { c } else { ' ' });
        after_lowercase = c.is_lowercase();
    }
    let (spaced, word) = (spaced.to_lowercase(), word.to_lowercase());
    let plurals = [
        format!("{word}s"),
        format!("{}ies", word.trim_end_matches('y')),
    ];
    spaced
        .split_whitespace()
        .any(|found| found == word || plurals.iter().any(|plural| plural == found))
}

/// Whether `line` has a path that begins with `root`.
pub(crate) fn leads_to(line: &str, root: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_.-}".contains(c);
    line.match_indices(root)
        .any(|(at, _)| !line.split_at(at).0.ends_with(goes_on))
}
