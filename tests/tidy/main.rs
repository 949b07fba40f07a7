//! The house rules that no compiler checks, read from the text of the repository. The tables in `rules` are the
//! rules; docs/style.md explains them.

mod counted;
mod file;
mod rules;

use counted::wrong_page;
use file::{File, repository};
use rules::{
    Ban, LAYERS, LINES_MAX, LINES_SMELL, RULES, Rule, leads_to, names, speaks_of, violations,
};

#[test]
fn no_banned_words() {
    let files = repository();
    let found: Vec<String> = RULES
        .iter()
        .flat_map(|rule| violations(rule, &files))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn packages_point_one_way() {
    let files = repository();
    let manifests: Vec<&File> = files.iter().filter(|file| file.is_manifest()).collect();
    assert_eq!(
        manifests.len(),
        LAYERS.len(),
        "every package has its row in LAYERS"
    );
    let found: Vec<String> = manifests.into_iter().flat_map(wrong_manifest).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn files_are_small_and_say_what_they_are() {
    let files = repository();
    let allowed = large_files(&files);
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| wrong_source(file, &allowed))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn what_is_said_of_programs_is_true() {
    let found = wrong_page(&repository());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_ban_fires_on_a_bad_sample() {
    for rule in RULES {
        for ban in rule.bans {
            for place in ban.1 {
                ban.0
                    .split(' ')
                    .for_each(|word| fires(rule, ban, place, word));
            }
        }
    }
}

#[track_caller]
fn fires(rule: &Rule, (_, _, exceptions, instead): &Ban, place: &str, word: &str) {
    let text = format!("//! Sample.\nlet bad = (\"{word}\", 1);\n");
    let found = |path: &str| violations(rule, &[File::new(path, &text)]);
    let path = format!("{place}/sample.rs");
    assert!(found(&path).contains(&format!("{path}:2: {word}: {instead}")));
    for exception in *exceptions {
        let path = format!("{place}/{exception}/sample.rs");
        assert!(
            !found(&path).iter().any(|line| line.ends_with(instead)),
            "{word} in {path}"
        );
    }
}

#[test]
fn words_are_told_apart_from_their_neighbours() {
    assert!(
        names("use tokio::time;", "tokio")
            && !names("tokio_like()", "tokio")
            && !names("fastrand::u64()", "rand")
    );
    assert!(names("std::fs::read(x)", "std::fs") && !names("std::fsync", "std::fs"));
    assert!(
        speaks_of("struct WorkflowId;", "workflow")
            && speaks_of("two DAOs, many activities", "DAO")
    );
    assert!(
        speaks_of("two DAOs, many activities", "activity")
            && !speaks_of("sharding is theirs", "shard")
    );
    assert!(leads_to("see /home/me", "/home/") && !leads_to("at ../home/ or tree/home/", "/home/"));
    let commented = File::new(
        "resonate-core/src/a.rs",
        "//! tokio\n// tokio\nfn a() {}\n#[cfg(test)]\nmod tests {\ntokio\n}\n",
    );
    assert_eq!(commented.code(), [(3, "fn a() {}")]);
}

#[test]
fn a_bad_package_and_a_bad_file_are_refused() {
    let lints = "[lints]\nworkspace = true\n";
    let package = |rest: &str| {
        File::new(
            "x/Cargo.toml",
            &format!("[package]\nname = \"resonate-proto\"\n{rest}"),
        )
    };
    let refusals = |rest: &str| wrong_manifest(&package(rest)).len();
    assert_eq!(
        refusals(&format!(
            "[dependencies]\nresonate-core.workspace = true\n{lints}"
        )),
        0
    );
    assert_eq!(
        refusals(&format!(
            "[dependencies]\nresonate-runtime = {{ path = \"..\" }}\n{lints}"
        )),
        1
    );
    assert_eq!(
        refusals(&format!(
            "[dependencies.resonate-server]\npath = \"..\"\n{lints}"
        )),
        1
    );
    assert_eq!(
        refusals(&format!(
            "[dev-dependencies]\nresonate-server.workspace = true\n{lints}"
        )),
        0
    );
    assert_eq!(refusals("[dependencies]\n"), 1);

    let source = |lines: usize| {
        File::new(
            "a/src/long.rs",
            &format!("//! Long.\n{}", "x\n".repeat(lines - 1)),
        )
    };
    assert_eq!(wrong_source(&source(LINES_MAX), &[]).len(), 0);
    assert_eq!(wrong_source(&source(LINES_MAX + 1), &[]).len(), 1);
    assert_eq!(
        wrong_source(&source(LINES_MAX + 1), &["a/src/long.rs".to_owned()]).len(),
        0
    );
    assert_eq!(
        wrong_source(&File::new("a/src/mute.rs", "fn a() {}\n"), &[]).len(),
        1
    );
    let style = "## Large files\n- `a/src/long.rs`: one table.\n## Next\n- `b.rs`\n";
    assert_eq!(
        large_files(&[File::new("docs/style.md", style)]),
        ["a/src/long.rs"]
    );
}

fn wrong_manifest(file: &File) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = file
        .section("package")
        .find_map(|line| line.strip_prefix("name = "))
        .unwrap_or_default()
        .trim_matches('"');
    let Some((_, allowed)) = LAYERS.iter().find(|(package, _)| *package == name) else {
        return vec![format!("{}: {name} has no row in LAYERS", file.path)];
    };
    let listed = file
        .section("dependencies")
        .filter_map(|line| line.split(['.', '=', ' ']).next());
    let headed = file
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("[dependencies.")?.strip_suffix(']'));
    for ours in listed
        .chain(headed)
        .filter(|dependency| dependency.starts_with("resonate"))
    {
        if !allowed.contains(&ours) {
            wrong.push(format!("{}: {name} may not depend on {ours}", file.path));
        }
    }
    if !file.section("lints").any(|line| line == "workspace = true") {
        wrong.push(format!(
            "{}: inherit the lints: [lints] workspace = true",
            file.path
        ));
    }
    wrong
}

fn wrong_source(file: &File, large: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_source = file.path.starts_with("src/") || file.path.contains("/src/");
    if !is_source || !file.path.ends_with(".rs") {
        return wrong;
    }
    if !file.text.starts_with("//!") {
        wrong.push(format!(
            "{}:1: begin with //! and say what this is, why here, what it must not do",
            file.path
        ));
    }
    let lines = file.library().count();
    if lines > LINES_MAX && !large.contains(&file.path) {
        wrong.push(format!("{}: {lines} lines; cut it by concept, or give its reason in docs/style.md, Large files", file.path));
    } else if lines > LINES_SMELL {
        println!("{}: {lines} lines; how many concepts?", file.path);
    }
    wrong
}

/// The paths that docs/style.md lists under "Large files".
fn large_files(files: &[File]) -> Vec<String> {
    let style = files
        .iter()
        .find(|file| file.path == "docs/style.md")
        .expect("docs/style.md exists");
    let section = style
        .text
        .lines()
        .skip_while(|line| *line != "## Large files")
        .skip(1);
    section
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.split('`').nth(1))
        .map(str::to_owned)
        .collect()
}
