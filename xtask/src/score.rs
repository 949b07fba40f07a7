//! What a campaign came to: a row of the scoreboard in docs/reliability.md, and every figure in tests/campaign.jsonl.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    harness::Size,
    run::{Ended, Outcome},
};

/// A column: its name, and which figures it sums, by the harness (empty: any) and the name of the figure.
type Column = (&'static str, &'static [(&'static str, &'static str)]);

const COLUMNS: [Column; 14] = [
    ("simulated hours", &[("", "simulated_hours")]),
    (
        "server crashes",
        &[("simulator", "fault: the server crashed")],
    ),
    (
        "worker crashes",
        &[("simulator", "fault: a worker crashed")],
    ),
    (
        "zombies",
        &[
            (
                "simulator",
                "fault: a worker stood still for more than a lease",
            ),
            ("processes", "stopped_and_continued"),
        ],
    ),
    (
        "partitions",
        &[
            ("simulator", "fault: a partition in one direction"),
            ("simulator", "fault: a half-open connection"),
            ("processes", "partitions"),
        ],
    ),
    ("messages lost", &[("simulator", "messages lost")]),
    ("power-loss images", &[("power", "images")]),
    ("damaged files", &[("corruption", "cases")]),
    (
        "real kills",
        &[("processes", "kills"), ("linearizability", "kills")],
    ),
    ("operations checked", &[("linearizability", "operations")]),
    ("steps checked", &[("processes", "steps")]),
    ("mutants killed", &[("mutants", "killed")]),
    (
        "inputs fuzzed",
        &[("mutations", "inputs"), ("fuzz", "executions")],
    ),
    (
        "acknowledged changes lost",
        &[("", "lost"), ("", "executed_after_acknowledgement")],
    ),
];

/// What must have been done for a change to count as tested.
const FLOORS: [(&str, f64); 5] = [
    ("simulated hours", 200.0),
    ("power-loss images", 2_000.0),
    ("real kills", 100.0),
    ("operations checked", 1_000_000.0),
    ("mutants killed", 40.0),
];

/// Rows are written above this line.
const END: &str = "<!-- the next campaign goes above this line -->";

/// A run of all harnesses.
#[derive(Debug)]
pub(crate) struct Campaign {
    date: String,
    commit: String,
    size: Size,
    /// Another one every time for a campaign.
    pub(crate) seed: u64,
    ended: Vec<Ended>,
}

impl Campaign {
    pub(crate) fn begin(root: &Path, size: Size) -> Result<Self> {
        let say = |program: &str, args: &[&str]| {
            let output = Command::new(program).current_dir(root).args(args).output();
            let output = output.with_context(|| format!("{program} does not start"))?;
            ensure!(output.status.success(), "{program} {args:?} failed");
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let mut commit = say("git", &["rev-parse", "--short=10", "HEAD"])?;
        if !say("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty() {
            commit.push_str(" and changes");
        }
        Ok(Self {
            date: say("date", &["-u", "+%F"])?,
            commit,
            size,
            seed: match size {
                Size::Change => 1,
                Size::Minutes(_) => say("date", &["+%s"])?
                    .parse()
                    .context("the date is a number")?,
            },
            ended: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.ended.iter().any(|ended| ended.how == Outcome::Failed)
    }

    /// The figures, one a line, and how each harness ended.
    pub(crate) fn report(&self) -> String {
        let mut report = format!("\n{} at {}, {}\n", self.date, self.commit, self.how_much());
        for (name, sums) in COLUMNS {
            report.push_str(&format!("{name:>28}  {}\n", self.sum(sums)));
        }
        for Ended { name, how, .. } in &self.ended {
            report.push_str(&format!("{name:>28}  {how:?}\n"));
        }
        report.push('\n');
        report
    }

    /// Appends the row and the figures.
    pub(crate) fn record(&self, root: &Path) -> Result<()> {
        let page = root.join("docs/reliability.md");
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let text = with_row(&text, &self.row())?;
        fs::write(&page, text).with_context(|| page.display().to_string())?;
        let log = root.join("tests/campaign.jsonl");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| log.display().to_string())?;
        for line in self.lines() {
            writeln!(file, "{line}").with_context(|| log.display().to_string())?;
        }
        Ok(())
    }

    /// Where less was done than a change needs; of a campaign nothing is demanded.
    pub(crate) fn missing(&self) -> Vec<String> {
        if self.size != Size::Change {
            return Vec::new();
        }
        let missing = FLOORS.iter().filter_map(|(name, floor)| {
            let (_, sums) = COLUMNS.iter().find(|(column, _)| column == name)?;
            let done = self.total(sums).unwrap_or(0.0);
            (done < *floor).then(|| format!("{name}: {}, {} wanted", shown(done), shown(*floor)))
        });
        missing.collect()
    }

    fn how_much(&self) -> String {
        match self.size {
            Size::Change => "a change".to_owned(),
            Size::Minutes(minutes) => minutes.to_string(),
        }
    }

    fn row(&self) -> String {
        let sums = COLUMNS.map(|(_, sums)| self.sum(sums));
        let failed = self
            .ended
            .iter()
            .filter(|ended| ended.how == Outcome::Failed);
        let failed: Vec<_> = failed.map(|ended| ended.name).collect();
        let verdict = if failed.is_empty() {
            "passed".to_owned()
        } else {
            format!("FAILED: {}", failed.join(", "))
        };
        let cells = [
            self.date.clone(),
            format!("`{}`", self.commit),
            self.how_much(),
        ];
        let cells: Vec<_> = cells.into_iter().chain(sums).chain([verdict]).collect();
        format!("| {} |", cells.join(" | "))
    }

    fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for ended in &self.ended {
            for figures in &ended.figures {
                lines.push(json!({
                    "date": self.date, "commit": self.commit, "harness": ended.name, "figures": figures,
                }));
            }
        }
        lines
    }

    /// The sum, or a dash if nobody counted.
    fn sum(&self, wanted: &[(&str, &str)]) -> String {
        self.total(wanted).map_or_else(|| "-".to_owned(), shown)
    }

    fn total(&self, wanted: &[(&str, &str)]) -> Option<f64> {
        let mut sum = None;
        for ended in &self.ended {
            for (harness, key) in wanted {
                if harness.is_empty() || *harness == ended.name {
                    for figures in &ended.figures {
                        add(&mut sum, figures, key);
                    }
                }
            }
        }
        sum
    }
}

/// Adds every number of this name, however deep it lies.
fn add(sum: &mut Option<f64>, figures: &Value, key: &str) {
    let Value::Object(fields) = figures else {
        return;
    };
    for (name, value) in fields {
        match value.as_f64() {
            Some(number) if name == key => *sum.get_or_insert(0.0) += number,
            Some(_) | None => add(sum, value, key),
        }
    }
}

/// A number as people read it.
fn shown(number: f64) -> String {
    if number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The page with one more row.
fn with_row(page: &str, row: &str) -> Result<String> {
    let (above, below) = page
        .split_once(END)
        .with_context(|| format!("docs/reliability.md has no line {END}"))?;
    Ok(format!("{}\n{row}\n\n{END}{below}", above.trim_end()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn campaign() -> Campaign {
        let ended = |name, how, figures: &[Value]| Ended {
            name,
            how,
            figures: figures.to_vec(),
        };
        Campaign {
            date: "2026-01-02".to_owned(),
            commit: "0123456789".to_owned(),
            size: Size::Minutes(5),
            seed: 7,
            ended: vec![
                ended(
                    "simulator",
                    Outcome::Passed,
                    &[
                        json!({ "simulated_hours": 12.26, "counters": { "messages lost": 1_234_567 } }),
                    ],
                ),
                ended(
                    "processes",
                    Outcome::Failed,
                    &[json!({ "kills": 40, "lost": 0 }), json!({ "kills": 2 })],
                ),
                Ended::skipped("power"),
            ],
        }
    }

    #[test]
    fn a_campaign_is_a_row_of_sums() {
        let campaign = campaign();
        expect!["| 2026-01-02 | `0123456789` | 5 | 12.3 | - | - | - | - | 1,234,567 | - | - | 42 | - | - | - | - | 0 | FAILED: processes |"]
            .assert_eq(&campaign.row());
        assert!(campaign.has_failed());
        assert_eq!(campaign.lines().len(), 3);
    }

    #[test]
    fn a_change_is_refused_when_too_little_was_done() {
        let mut campaign = campaign();
        assert!(campaign.missing().is_empty());
        campaign.size = Size::Change;
        expect![[r#"
            simulated hours: 12.3, 200 wanted
            power-loss images: 0, 2,000 wanted
            real kills: 42, 100 wanted
            operations checked: 0, 1,000,000 wanted
            mutants killed: 0, 40 wanted"#]]
        .assert_eq(&campaign.missing().join("\n"));
        let enough = json!({ "simulated_hours": 200, "images": 2_000, "kills": 100, "operations": 1_000_000, "killed": 40 });
        for name in [
            "simulator",
            "power",
            "processes",
            "linearizability",
            "mutants",
        ] {
            campaign.add(Ended {
                name,
                how: Outcome::Passed,
                figures: vec![enough.clone()],
            });
        }
        assert!(campaign.missing().is_empty());
        let columns = COLUMNS.map(|(name, _)| name);
        assert!(FLOORS.iter().all(|(name, _)| columns.contains(name)));
    }

    #[test]
    fn the_page_of_this_repository_has_a_table_with_these_columns() {
        let page = include_str!("../../docs/reliability.md");
        let names = COLUMNS.map(|(name, _)| name).join(" | ");
        let head = format!("| date | commit | minutes | {names} | verdict |");
        assert!(page.contains(&head), "the scoreboard has no head {head}");
        let more = with_row(page, &campaign().row()).unwrap();
        assert_eq!(more.lines().count(), page.lines().count() + 1);
        assert!(more.contains("FAILED: processes |\n\n<!--"), "{more}");
        assert!(with_row("", "").is_err());
    }
}
