//! The command line.

use std::{env, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use resonate::{Builder, Resonate, codec::Bincode};

/// Takes 1,000 orders through shop, payments and warehouse, and checks the books at the end.
///
/// Without a command all of it runs in this process, with a server inside. Press Ctrl-C in the middle and start it
/// again: it goes on where it stopped.
#[derive(Debug, Parser)]
#[command(name = "checkout", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What this process is, if it is not everything.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Serves `shop`, gives it the orders, waits for all of them and checks the books.
    Shop(Shop),
    /// Serves `payments`, until it is stopped.
    Payments,
    /// Serves `warehouse`, until it is stopped.
    Warehouse,
    /// Says yes, or no, to an order that waits for a person.
    Approve {
        /// `order-0150` or `order-0150.approval`.
        id: String,
        /// The order is declined.
        #[arg(long)]
        no: bool,
    },
    /// Checks books, labels and effects once more.
    Verify,
}

/// Which part of the shop this process is; without an option it is both.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Shop {
    /// Gives the orders to shops that run elsewhere, and serves nothing.
    #[arg(long, conflicts_with = "serve_only")]
    pub(crate) submit_only: bool,
    /// Serves until it is stopped, and orders nothing.
    #[arg(long)]
    pub(crate) serve_only: bool,
    /// Plays the person who approves, instead of waiting for one.
    #[arg(long)]
    pub(crate) approve: bool,
    /// Milliseconds between one order and the next.
    #[arg(long, default_value_t = 0)]
    pub(crate) pace: u64,
}

/// What every role has.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Where books, labels, answers and the effect log are kept; also the server's data, if it runs inside.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        default_value = "./.resonate/checkout"
    )]
    pub(crate) data_dir: PathBuf,
    /// The orders, one JSON object a line; the 1,000 of the example if it is left out.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) orders: Option<PathBuf>,
    /// The stock list; the one of the example if it is left out.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) stock: Option<PathBuf>,
    /// Only the first so many orders.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// How this process writes arguments and results; it reads both.
    #[arg(long, global = true, value_enum, default_value = "json")]
    pub(crate) codec: Encoding,
    /// The server; `RESONATE_URL` or `http://127.0.0.1:8001` if it is left out.
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// Where the server inside listens, so that `resonate tree order-0001` can look in.
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8001",
        conflicts_with = "url"
    )]
    pub(crate) listen: String,
}

/// How arguments and results are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Encoding {
    /// Readable on the command line and in every tool.
    Json,
    /// Compact.
    Bincode,
}

impl Common {
    /// What every process of this program begins with.
    pub(crate) fn builder(&self) -> Builder {
        match self.codec {
            Encoding::Json => Resonate::builder(),
            Encoding::Bincode => Resonate::builder().codec(Bincode),
        }
    }

    /// The server that runs elsewhere.
    pub(crate) fn url(&self) -> String {
        let known = self.url.clone().or_else(|| env::var("RESONATE_URL").ok());
        known.unwrap_or_else(|| "http://127.0.0.1:8001".to_owned())
    }
}
