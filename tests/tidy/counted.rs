//! What docs/guide/coming-from.md says of programs: how many lines of code they have, and what they look like.

use crate::file::File;

const PAGE: &str = "docs/guide/coming-from.md";
const PROGRAMS: &str = "docs/guide/coming-from/";

/// What is wrong: counts that are not true, code that is not in its program, programs that no table counts.
pub(crate) fn wrong_page(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE} does not exist")];
    };
    let mut wrong = Vec::new();
    let mut counted = Vec::new();
    for (number, line) in page.all() {
        let Some(said) = said(line) else { continue };
        let mut lines = 0;
        for path in linked(line) {
            match files.iter().find(|file| file.path == path) {
                Some(file) => lines += file.code_lines(),
                None => wrong.push(format!("{PAGE}:{number}: there is no {path}")),
            }
            counted.push(path);
        }
        if lines != said {
            wrong.push(format!("{PAGE}:{number}: {lines} lines, not {said}"));
        }
    }
    let programs = files.iter().filter(|file| file.path.starts_with(PROGRAMS));
    let forgotten = programs.filter(|file| !counted.contains(&file.path));
    wrong.extend(forgotten.map(|file| format!("{PAGE}: no table counts {}", file.path)));
    wrong.extend(wrong_code(page, files));
    wrong
}

/// A block of code is, word for word, in the program that was linked to last before it.
fn wrong_code(page: &File, files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut last, mut block) = (String::new(), None::<String>);
    for (number, line) in page.all() {
        if let Some(code) = &mut block {
            if line != "```" {
                *code += line;
                *code += "\n";
                continue;
            }
            let is_there = |file: &File| file.path == last && file.text.contains(code.as_str());
            if !files.iter().any(is_there) {
                wrong.push(format!("{PAGE}:{number}: this code is not in {last}"));
            }
            block = None;
        } else if line == "```rust" || line == "```ts" {
            block = Some(String::new());
        } else if let Some(path) = linked(line).pop() {
            last = path;
        }
    }
    wrong
}

/// The number at the end of a row of a table.
fn said(line: &str) -> Option<usize> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    row.rsplit('|').next()?.trim().parse().ok()
}

/// The programs that a line links to, by their path in the repository.
fn linked(line: &str) -> Vec<String> {
    let links = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let programs = links.filter(|link| link.ends_with(".rs") || link.ends_with(".ts"));
    programs
        .map(|link| match link.strip_prefix("../../") {
            Some(path) => path.to_owned(),
            None => format!("docs/guide/{link}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<String> {
        let program = File::new(
            "examples/a.rs",
            "//! Says hello.\n\nfn a() {\n    b();\n}\n",
        );
        wrong_page(&[File::new(PAGE, page), program])
    }

    #[test]
    fn a_wrong_count_and_another_code_are_found() {
        let row = |lines: &str| format!("| ours | [a](../../examples/a.rs) | {lines} |\n");
        assert!(found(&row("3")).is_empty());
        assert_eq!(found(&row("4")), [format!("{PAGE}:1: 3 lines, not 4")]);
        assert_eq!(
            found("| x | [b](b.rs) | 0 |"),
            [format!("{PAGE}:1: there is no docs/guide/b.rs")]
        );
        let code = |code: &str| format!("{}```rust\n{code}```\n", row("3"));
        assert!(found(&code("    b();\n}\n")).is_empty());
        assert_eq!(
            found(&code("    c();\n")),
            [format!("{PAGE}:4: this code is not in examples/a.rs")]
        );
    }

    #[test]
    fn a_program_that_is_not_counted_is_found() {
        let program = File::new("docs/guide/coming-from/b.ts", "b();\n");
        let wrong = wrong_page(&[File::new(PAGE, ""), program]);
        assert_eq!(
            wrong,
            [format!(
                "{PAGE}: no table counts docs/guide/coming-from/b.ts"
            )]
        );
    }
}
