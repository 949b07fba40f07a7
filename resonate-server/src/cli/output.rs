//! Everything that is printed. Results go to standard output, what is said about them to standard error; a reader that
//! has gone away is no mistake.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::Value;

use super::args::Form;

/// Prints, in the form that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// One result: an object on a line of its own, or text.
    pub(crate) fn show(self, json: impl FnOnce() -> Value, human: impl FnOnce() -> String) {
        match self.form {
            Form::Json => self.line(&json().to_string()),
            Form::Human => self.line(&human()),
        }
    }

    /// A line of the result.
    pub(crate) fn line(self, text: &str) {
        let mut out = io::stdout().lock();
        // A reader that has gone away is no mistake.
        let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Bytes of the result as they are.
    pub(crate) fn raw(self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        // See `line`.
        let _gone = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Shows the same thing again; on a terminal in the place of what was there.
    pub(crate) fn again(self, text: &str) {
        if io::stdout().is_terminal() {
            self.raw(b"\x1b[2J\x1b[H");
        }
        self.line(text);
    }

    /// Something about the result, for people.
    pub(crate) fn note(self, text: &str) {
        // See `line`.
        let _gone = writeln!(io::stderr().lock(), "{text}");
    }

    /// What went wrong.
    pub(crate) fn failed(self, code: u8, message: &str) {
        match self.form {
            Form::Json => {
                self.note(&serde_json::json!({ "error": message, "code": code }).to_string())
            }
            Form::Human => self.note(&format!("error: {message}")),
        }
    }
}

/// Colours are for people at a terminal: none if anything that is printed goes elsewhere, or if `NO_COLOR` says so.
pub(crate) fn has_colours() -> bool {
    let is_wanted = env::var_os("NO_COLOR").is_none_or(|said| said.is_empty());
    is_wanted && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// What is wrong with the command line, or the help that was asked for: that goes to standard output.
pub(crate) fn usage(error: &clap::Error) {
    // A reader that has gone away is no mistake.
    let _gone = error.print();
}

/// A table with columns as wide as what is in them.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let of = |row: &[String; N]| row.get(column).map_or(0, |cell| cell.chars().count());
        rows.iter()
            .map(of)
            .max()
            .unwrap_or(0)
            .max(header.get(column).map_or(0, |cell| cell.chars().count()))
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(header))
        .chain(body)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [
            ["größe".to_owned(), "x".to_owned()],
            ["a".to_owned(), String::new()],
        ];
        assert_eq!(table(["ID", "S"], &rows), "ID     S\ngröße  x\na");
    }
}
