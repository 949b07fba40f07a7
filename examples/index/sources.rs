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
pub(crate) fn of_dependencies() -> Result<Vec<String>> {
    let project = env::var("CARGO_MANIFEST_DIR").map_or_else(|_| PathBuf::from("."), PathBuf::from);
    let Some(registries) = registries() else {
        return own(&project);
    };
    let lock = match fs::read_to_string(project.join("Cargo.lock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return own(&project),
        read => toml::from_str::<Lock>(&read?)?,
    };
    let mut found = Vec::new();
    for package in lock.package {
        let name = format!("{}-{}", package.name, package.version);
        let places = registries.iter().map(|registry| registry.join(&name));
        found.extend(
            places
                .filter(|place| place.is_dir())
                .map(|place| place.display().to_string()),
        );
    }
    if found.is_empty() {
        own(&project)
    } else {
        Ok(found)
    }
}

/// `src` of every package here.
fn own(project: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project)? {
        let sources = entry?.path().join("src");
        if sources.is_dir() {
            found.push(sources.display().to_string());
        }
    }
    found.sort();
    Ok(found)
}

/// One for each registry that cargo knows.
fn registries() -> Option<Vec<PathBuf>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    let entries = fs::read_dir(home.join("registry/src")).ok()?;
    Some(
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
    )
}
