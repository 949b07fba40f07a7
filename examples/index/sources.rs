//! Where the sources of this project's dependencies are: what `Cargo.lock` names, in cargo's registry.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use resonate::prelude::*;

/// The part of `Cargo.lock` that matters here.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// The directories of all dependencies that cargo has unpacked; this project's own sources if there are none.
///
/// # Errors
/// There is neither; says where was looked, and what to write instead.
pub(crate) fn of_dependencies() -> Result<Vec<String>> {
    // `cargo run` says where the project is; a program that is started by its path was built there.
    let project = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    of_project(Path::new(&project), cargo_home().as_deref())
}

fn of_project(project: &Path, cargo_home: Option<&Path>) -> Result<Vec<String>> {
    let lock = project.join("Cargo.lock");
    let packages = match fs::read_to_string(&lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => toml::from_str::<Lock>(&read?)?.package,
    };
    let registries = cargo_home.map(registries).unwrap_or_default();
    let mut found = Vec::new();
    for package in packages {
        let name = format!("{}-{}", package.name, package.version);
        let places = registries.iter().map(|registry| registry.join(&name));
        found.extend(
            places
                .filter(|place| place.is_dir())
                .map(|place| place.display().to_string()),
        );
    }
    if found.is_empty() {
        found = own(project);
    }
    if found.is_empty() {
        let home =
            cargo_home.map_or_else(|| "~/.cargo".to_owned(), |home| home.display().to_string());
        return Err(Error::terminal(format!(
            "no sources are found: what {} names is not unpacked in {home}/registry/src, and {} has no packages; \
             name the directories to count, such as `index ~/src`",
            lock.display(),
            project.display()
        )));
    }
    Ok(found)
}

/// `src` of every package here; none if there is no such directory.
fn own(project: &Path) -> Vec<String> {
    let entries = fs::read_dir(project).into_iter().flatten().flatten();
    let sources = entries.map(|entry| entry.path().join("src"));
    let mut found: Vec<_> = sources
        .filter(|sources| sources.is_dir())
        .map(|sources| sources.display().to_string())
        .collect();
    found.sort();
    found
}

/// One for each registry that cargo knows.
fn registries(cargo_home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cargo_home.join("registry/src"));
    let entries = entries.into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(env::home_dir()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_lock_file_names_is_found_where_cargo_unpacked_it() {
        let home = tempfile::tempdir().unwrap();
        let unpacked = home.path().join("registry/src/an-index/found-1.2.3");
        fs::create_dir_all(&unpacked).unwrap();
        let lock = "[[package]]\nname = \"found\"\nversion = \"1.2.3\"\n\
                    [[package]]\nname = \"absent\"\nversion = \"1.0.0\"\n";
        fs::write(home.path().join("Cargo.lock"), lock).unwrap();
        let found = of_project(home.path(), Some(home.path())).unwrap();
        assert_eq!(found, [unpacked.display().to_string()]);
    }

    #[test]
    fn without_dependencies_it_is_what_lies_in_the_project() {
        let project = tempfile::tempdir().unwrap();
        let sources = project.path().join("one/src");
        fs::create_dir_all(&sources).unwrap();
        let found = of_project(project.path(), None).unwrap();
        assert_eq!(found, [sources.display().to_string()]);
    }

    #[test]
    fn who_finds_nothing_is_told_where_was_looked_and_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let error = of_project(&folder.path().join("gone"), Some(folder.path())).unwrap_err();
        let said = error.to_string();
        for says in ["gone/Cargo.lock", "/registry/src", "name the directories"] {
            assert!(said.contains(says), "{said}");
        }
    }
}
