//! The command `resonate`; see `resonate_server::cli`. The load of `resonate bench` is here, since it needs the runtime
//! that the library never names.

#[cfg(feature = "bench")]
extern crate resonate_runtime as resonate;

#[cfg(feature = "bench")]
mod bench;

use std::{env, process::ExitCode};

#[cfg(feature = "bench")]
use self::bench::run as run_bench;

#[cfg(not(feature = "bench"))]
fn run_bench(
    _: resonate_server::cli::bench::Bench,
) -> Result<resonate_server::cli::bench::Figures, String> {
    Err("this binary was built without its feature `bench`".to_owned())
}

fn main() -> ExitCode {
    #[cfg(feature = "mutants")]
    resonate_server::mutants::plant();
    resonate_server::cli::main(env::args_os(), run_bench)
}
