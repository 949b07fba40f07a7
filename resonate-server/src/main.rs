//! The command `resonate`; see `resonate_server::cli`.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    resonate_server::cli::main(env::args_os())
}
