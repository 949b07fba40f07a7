//! The files of the repository and the parts of them that a rule looks at.

use std::fs;
use std::path::Path;

pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn all(&self) -> Vec<(usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .collect()
    }

    pub(crate) fn prose(&self) -> Vec<(usize, &str)> {
        let is_ours = [".rs", ".md", ".proto"]
            .iter()
            .any(|end| self.path.ends_with(end));
        if is_ours { self.all() } else { Vec::new() }
    }

    pub(crate) fn code(&self) -> Vec<(usize, &str)> {
        if !self.path.ends_with(".rs") {
            return Vec::new();
        }
        self.library()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .collect()
    }

    /// The lines that are not tests: none of a file of tests, and of another those above its `mod tests { .. }`.
    pub(crate) fn library(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_tests = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        let text = if is_tests {
            ""
        } else {
            self.text
                .split("\n#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default()
        };
        text.lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// How many lines are code: neither blank, nor a comment, nor tests.
    pub(crate) fn code_lines(&self) -> usize {
        self.library()
            .map(|(_, line)| line.trim_start())
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count()
    }

    pub(crate) fn is_manifest(&self) -> bool {
        (self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml"))
            && self.text.contains("[package]")
            // A workspace of its own, for a nightly compiler.
            && !self.path.starts_with("fuzz/")
    }

    /// The lines of one section of a manifest.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = &str> {
        let head = format!("[{name}]");
        self.text
            .lines()
            .skip_while(move |line| **line != head)
            .skip(1)
            .take_while(|line| !line.starts_with('['))
    }
}

/// Every text file of the repository in the order of its path, without what is generated or built.
pub(crate) fn repository() -> Vec<File> {
    let mut files = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let entry = entry.expect("a folder of the repository can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let (location, path) = (entry.path(), format!("{prefix}{name}"));
        if location.is_dir() {
            let is_hidden = name.starts_with('.') && name != ".ci";
            if !is_hidden && !["target", "generated", "data"].contains(&name.as_str()) {
                walk(&location, &format!("{path}/"), files);
            }
        } else if let Ok(text) = fs::read_to_string(&location) {
            files.push(File { path, text });
        }
    }
}
