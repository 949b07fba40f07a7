//! What is in Cargo.lock, checked without network against deny.toml and a copy of the RustSec advisory database.
//!
//! The copy is looked for where `RESONATE_ADVISORY_DB` says, else in `shared/advisory-db` beside the repository; where
//! there is none, that one test says so and passes. `cargo deny` takes minutes to install and wants the database as a
//! git repository; this needs neither.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::SplitWhitespace;
use std::{env, fs, io};

use semver::{Version, VersionReq};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

/// As Cargo.lock and as `cargo metadata` has it: ours have no source, and only the latter knows licences.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: Version,
    source: Option<String>,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Deny {
    advisories: DenyAdvisories,
    licenses: DenyLicenses,
}

#[derive(Deserialize)]
struct DenyAdvisories {
    ignore: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: String,
}

#[derive(Deserialize)]
struct DenyLicenses {
    allow: Vec<String>,
}

/// The front matter of a file of the database.
#[derive(Deserialize)]
struct Front {
    advisory: Advisory,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    withdrawn: Option<String>,
}

/// The versions that an advisory does not concern.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

#[test]
fn no_locked_package_has_an_open_advisory() {
    let folder = database();
    if !folder.is_dir() {
        let skipped = format!("skipped: no advisory database at {}", folder.display());
        writeln!(io::stderr(), "{skipped}").expect("stderr is open");
        return;
    }
    let mut open = BTreeMap::new();
    for package in locked() {
        for front in advisories(&folder.join(&package.name)) {
            if front.affects(&package.version) {
                open.insert(
                    front.advisory.id,
                    format!("{} {}", package.name, package.version),
                );
            }
        }
    }
    let ignored: BTreeSet<String> = deny()
        .advisories
        .ignore
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    let found: Vec<_> = open
        .iter()
        .filter(|(id, _)| !ignored.contains(*id))
        .collect();
    assert!(
        found.is_empty(),
        "update these, or give the reason in deny.toml: {found:?}"
    );
    let stale: Vec<_> = ignored
        .iter()
        .filter(|id| !open.contains_key(*id))
        .collect();
    assert!(
        stale.is_empty(),
        "no longer open, delete them from deny.toml: {stale:?}"
    );
}

#[test]
fn every_locked_package_comes_from_crates_io() {
    let is_foreign = |package: &Package| {
        package
            .source
            .as_deref()
            .is_some_and(|source| source != CRATES_IO)
    };
    let foreign: Vec<Package> = locked().into_iter().filter(is_foreign).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn every_package_has_an_allowed_licence() {
    let allowed = deny().licenses.allow;
    let packages = metadata();
    assert!(
        packages.iter().any(|package| package.source.is_some()),
        "cargo lists the dependencies too"
    );
    let is_refused =
        |package: &Package| !is_allowed(package.license.as_deref().unwrap_or_default(), &allowed);
    let refused: Vec<Package> = packages.into_iter().filter(is_refused).collect();
    assert!(refused.is_empty(), "not in deny.toml: {refused:#?}");
}

#[test]
fn an_advisory_covers_the_versions_before_the_fix() {
    let front = Front::parse(
        "```toml\n[advisory]\nid = \"A\"\n[versions]\npatched = [\">= 1.2.3\", \">= 1.1.7, < 1.2.0\"]\nunaffected = [\"< 1.0.0\"]\n```\n# Title\n",
    );
    let affected = ["1.0.0", "1.1.6", "1.2.0", "1.2.2"];
    for version in [
        "0.9.0", "1.0.0", "1.1.6", "1.1.7", "1.2.0", "1.2.2", "1.2.3", "2.0.0",
    ] {
        let is_affected = front.affects(&version.parse().expect("a version"));
        assert_eq!(is_affected, affected.contains(&version), "{version}");
    }
    let never_fixed = Front::parse("```toml\n[advisory]\nid = \"A\"\n```");
    assert!(never_fixed.affects(&Version::new(1, 0, 0)));
    let withdrawn =
        Front::parse("```toml\n[advisory]\nid = \"A\"\nwithdrawn = \"2026-01-01\"\n```");
    assert!(!withdrawn.affects(&Version::new(1, 0, 0)));
}

#[test]
fn a_licence_is_allowed_only_if_every_part_that_binds_us_is() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Zlib".to_owned()];
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only OR MIT", true),
        ("(MIT OR Apache-2.0) AND Zlib", true),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("GPL-3.0-only", false),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

impl Front {
    fn parse(text: &str) -> Self {
        let block = text
            .strip_prefix("```toml")
            .and_then(|rest| rest.split("```").next());
        toml::from_str(block.expect("an advisory begins with TOML"))
            .expect("an advisory has the fields we read")
    }

    fn affects(&self, version: &Version) -> bool {
        let mut spared = self
            .versions
            .patched
            .iter()
            .chain(&self.versions.unaffected);
        self.advisory.withdrawn.is_none() && !spared.any(|range| range.matches(version))
    }
}

/// The advisories on one package: most packages have no folder.
fn advisories(folder: &Path) -> Vec<Front> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.map(|entry| entry.expect("the database can be read").path());
    files
        .map(|file| Front::parse(&fs::read_to_string(file).expect("the database can be read")))
        .collect()
}

/// Whether a licence expression leaves us a choice that is allowed. An exception that is not listed allows nothing.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    is_any_allowed(&mut tokens, allowed) && tokens.next().is_none()
}

type Tokens<'a> = Peekable<SplitWhitespace<'a>>;

fn is_any_allowed(tokens: &mut Tokens<'_>, allowed: &[String]) -> bool {
    let mut is_fine = are_all_allowed(tokens, allowed);
    while tokens.next_if_eq(&"OR").is_some() {
        is_fine |= are_all_allowed(tokens, allowed);
    }
    is_fine
}

fn are_all_allowed(tokens: &mut Tokens<'_>, allowed: &[String]) -> bool {
    let mut is_fine = is_one_allowed(tokens, allowed);
    while tokens.next_if_eq(&"AND").is_some() {
        is_fine &= is_one_allowed(tokens, allowed);
    }
    is_fine
}

fn is_one_allowed(tokens: &mut Tokens<'_>, allowed: &[String]) -> bool {
    let mut name = tokens.next().unwrap_or_default().to_owned();
    if name == "(" {
        let is_fine = is_any_allowed(tokens, allowed);
        return tokens.next() == Some(")") && is_fine;
    }
    if tokens.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", tokens.next().unwrap_or_default());
    }
    allowed.contains(&name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with one folder per package.
fn database() -> PathBuf {
    let beside = || root().join("../shared/advisory-db");
    env::var_os("RESONATE_ADVISORY_DB")
        .map_or_else(beside, PathBuf::from)
        .join("crates")
}

fn locked() -> Vec<Package> {
    read::<Lock>("Cargo.lock").package
}

fn deny() -> Deny {
    read("deny.toml")
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = fs::read_to_string(root().join(name)).expect("it is in the repository");
    toml::from_str(&text).expect("it has the fields we read")
}

/// The packages of this system's dependency graph: those of other systems may not have been downloaded.
fn metadata() -> Vec<Package> {
    let rustc = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let about = String::from_utf8(rustc.stdout).expect("rustc answers in UTF-8");
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host");
    let cargo = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--all-features",
            "--filter-platform",
            host,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        cargo.status.success(),
        "{}",
        String::from_utf8_lossy(&cargo.stderr)
    );
    serde_json::from_slice::<Metadata>(&cargo.stdout)
        .expect("cargo answers in JSON")
        .packages
}
