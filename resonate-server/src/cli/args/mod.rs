//! The arguments, as typed.

pub(crate) mod schedule;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::bench::Bench;

const CODES: &str = "\
Exit codes:
  0   done; a promise that was waited for is resolved
  1   the promise that was waited for was rejected, failed, canceled or timed out; a checked or replayed program would
      break something
  2   the command line is wrong
  3   there is no such promise
  4   refused: it is another call, settled already, not halted, too large, ...
  65  data on the disk are damaged, no store at all, or written by a newer version
  69  no server answers
  70  the server failed, or could not start
  75  waiting took too long";

/// Durable functions and promises: the server, and everything to look at it with.
#[derive(Debug, Parser)]
#[command(name = "resonate", version, after_help = CODES, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The server to ask.
    #[arg(
        long,
        global = true,
        env = "RESONATE_URL",
        default_value = "http://127.0.0.1:8001",
        value_name = "URL"
    )]
    pub(crate) server: String,
    /// How to print. `--json` is short for `--output json`.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "human",
        value_name = "FORM"
    )]
    pub(crate) output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Tables and text.
    Human,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a server on a data folder.
    Serve(Serve),
    /// Run a server in memory, for trying things out.
    Dev(Dev),
    /// Call a function, and wait for its result.
    Call(Call),
    /// Show a promise.
    Get(Get),
    /// Show a promise and everything below it.
    Tree(Tree),
    /// List promises, newest first.
    List(List),
    /// Resolve a promise with a value.
    Resolve(Settle),
    /// Reject a promise with an error.
    Reject(Settle),
    /// Print the URL by which whoever has it settles a promise.
    Url(One),
    /// Cancel a promise and everything pending below it.
    Cancel(WithReason),
    /// Stop a task until somebody continues it.
    Halt(WithReason),
    /// Let a halted task go on.
    Continue(One),
    /// Create, show, pause, trigger and backfill schedules.
    #[command(subcommand)]
    Schedule(schedule::Schedules),
    /// List the workers that are connected.
    Workers(Plain),
    /// List the functions that are served, or that somebody waits for.
    Functions(Plain),
    /// Say what the server is and how it does.
    Info(Plain),
    /// Compare the functions of a program with what the server has running; 1 if something would break.
    Check(Check),
    /// Write the history of a promise and everything below it as lines of JSON.
    Export(One),
    /// Run a history over the functions of a program, without a server; 1 if something would be halted.
    Replay(Replay),
    /// Measure steps or calls on a server of its own, on this machine.
    Bench(Bench),
    /// Check everything in a data folder, or in a backup: checksums, counts, every tree.
    Verify(Verify),
    /// Copy everything that is durable now into one new file, while a server runs or not.
    Backup(Backup),
    /// Make a new data folder from a backup.
    Restore(Restore),
    /// Write the completions of a shell to standard output.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) network: Network,
    /// Where the data lie; made if it is not there.
    #[arg(long, default_value = "./data", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Debug, Args)]
pub(crate) struct Network {
    /// Where to listen. Port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:8001", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// Listen on an address that others can reach, though there is neither TLS nor authentication.
    #[arg(long)]
    pub(crate) insecure_listen: bool,
    /// Where who is given the URL of a promise reaches this server; without it, where it listens.
    #[arg(long, env = "RESONATE_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// How long a worker may be silent before its tasks are taken back.
    #[arg(long, value_parser = duration, default_value = "15s", value_name = "TIME")]
    pub(crate) lease: Duration,
    /// Print one line of JSON when the server is ready.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// Which function: service/function or service/function@version.
    pub(crate) function: String,
    /// The name of the call. The same id is the same execution.
    #[arg(long)]
    pub(crate) id: String,
    /// One argument, as JSON. Repeat it for each argument, in order.
    #[arg(long = "arg", value_name = "JSON")]
    pub(crate) args: Vec<String>,
    /// With a value: all arguments, as a JSON array. Alone: print JSON.
    #[arg(long = "json", id = "value", value_name = "JSON", num_args = 0..=1, default_missing_value = "")]
    pub(crate) json: Vec<String>,
    /// Start it and do not wait for its result.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Wait for its result; that is what happens anyway.
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) wait: bool,
    /// Stop waiting after this; the call goes on.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) wait_for: Option<Duration>,
    /// The call times out after this; without it, after what its function says.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Option<Duration>,
    /// Attempts in all, with pauses from 100 ms to 60 s; without it, the function's own retry policy.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: Option<u32>,
    /// Before others of its service, when higher; without it, as its function says.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub(crate) priority: Option<i8>,
    /// A label, as name=value. Can be repeated.
    #[arg(long, value_parser = label, value_name = "NAME=VALUE")]
    pub(crate) label: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Which promise.
    pub(crate) id: String,
    /// Wait until it has settled.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Stop waiting after this.
    #[arg(long, value_parser = duration, value_name = "TIME", requires = "wait")]
    pub(crate) wait_for: Option<Duration>,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// The uppermost promise.
    pub(crate) id: String,
    /// Show it again whenever it changes, until it has settled.
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only these: pending, resolved, rejected, canceled, timedout, leased, suspended, halted.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only calls of this function, or of a whole service: service/function, service/.
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Only ids that begin with this.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Only roots.
    #[arg(long)]
    pub(crate) roots: bool,
    /// At most that many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Settle {
    /// Which promise.
    pub(crate) id: String,
    /// With a value: what it is settled with, null if left out. Alone: print JSON.
    #[arg(long, value_name = "JSON", num_args = 0..=1, default_missing_value = "")]
    pub(crate) json: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WithReason {
    /// Which promise.
    pub(crate) id: String,
    /// Why, for people.
    #[arg(long, default_value = "asked for on the command line")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The data folder. A server may run on it.
    #[arg(long, default_value = "./data", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
    /// A backup, in place of a data folder.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The data folder. A server may run on it.
    #[arg(long, default_value = "./data", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
    /// The file to make; nothing is overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The data folder to make; it is not there, or empty.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The program, or what it says of itself with RESONATE_DESCRIBE=1, in a file that ends in .json.
    pub(crate) program: PathBuf,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// What `resonate export` wrote.
    pub(crate) file: PathBuf,
    /// The program that has the functions.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) with: PathBuf,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Which promise.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Plain {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Command {
    /// Whether `--json` was given without a value.
    pub(crate) fn is_json(&self) -> bool {
        let alone = |values: &[String]| values.iter().any(String::is_empty);
        match self {
            Self::Serve(Serve { network, .. }) | Self::Dev(Dev { network }) => network.json,
            Self::Call(call) => alone(&call.json),
            Self::Resolve(settle) | Self::Reject(settle) => alone(&settle.json),
            Self::Get(get) => get.plain.json,
            Self::Tree(tree) => tree.plain.json,
            Self::List(list) => list.plain.json,
            Self::Cancel(of) | Self::Halt(of) => of.plain.json,
            Self::Continue(of) | Self::Export(of) | Self::Url(of) => of.plain.json,
            Self::Schedule(schedules) => schedules.is_json(),
            Self::Check(check) => check.plain.json,
            Self::Replay(replay) => replay.plain.json,
            Self::Workers(plain) | Self::Functions(plain) | Self::Info(plain) => plain.json,
            Self::Verify(verify) => verify.plain.json,
            Self::Backup(backup) => backup.plain.json,
            Self::Restore(restore) => restore.plain.json,
            Self::Bench(bench) => bench.json,
            Self::Completions { .. } => false,
        }
    }
}

/// A number and a unit: 500ms, 30s, 5m, 2h, 7d.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || {
        format!("{text:?} is no time; write a number and a unit, such as 500ms, 30s, 5m, 2h, 7d")
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(bad)
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is no label; write name=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_is_a_value_or_a_form() {
        let parse = |text: &str| {
            Arguments::try_parse_from(text.split(' '))
                .expect("a good command line")
                .command
        };
        let with_value = parse("resonate resolve a --json 1");
        let alone = parse("resonate resolve a --json");
        let both = parse("resonate resolve a --json 1 --json");
        let values = |command: &Command| {
            let Command::Resolve(settle) = command else {
                panic!("{command:?}")
            };
            settle.json.join(",")
        };
        assert_eq!(
            (with_value.is_json(), values(&with_value)),
            (false, "1".to_owned())
        );
        assert_eq!((alone.is_json(), values(&alone)), (true, String::new()));
        assert_eq!((both.is_json(), values(&both)), (true, "1,".to_owned()));
        assert!(parse("resonate get a --json").is_json());
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("5").is_err() && duration("h").is_err() && duration("1 s").is_err());
    }
}
