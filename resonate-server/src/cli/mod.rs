//! The command `resonate`: a server, and a client of the public API. Nothing here reaches into a server.
//!
//! `args` is what is typed, one file per group of commands does it, `output` prints, `code` is how it ends.

mod args;
mod backup;
pub mod bench;
mod call;
mod change;
mod check;
mod code;
mod export;
mod held_up;
mod look;
mod moment;
mod output;
mod program;
mod record;
mod replay;
mod restore;
mod schedule;
mod serve;
mod tree;
mod verify;
mod wait;

use std::{ffi::OsString, io, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};

use self::{
    args::{Arguments, Command, Form},
    code::{Code, Failed},
    output::Output,
};

/// Does what the command line says; the code is what the process ends with. `bench` makes the load of `resonate bench`.
pub fn main(arguments: impl IntoIterator<Item = OsString>, bench: bench::Run) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            output::usage(&error);
            return if error.use_stderr() {
                Code::Usage.into()
            } else {
                Code::Ok.into()
            };
        }
    };
    let form = if arguments.command.is_json() {
        Form::Json
    } else {
        arguments.common.output
    };
    let out = Output::new(form);
    let ended = if let Command::Bench(asked) = &arguments.command {
        // It has a runtime of its own.
        bench::run(asked, bench, out)
    } else {
        runtime(&arguments.command)
            .map_err(|error| Failed::new(Code::Broken, error))
            .and_then(|runtime| runtime.block_on(run(&arguments, out)))
    };
    match ended {
        Ok(code) => code.into(),
        Err(Failed { code, message }) => {
            out.failed(code as u8, &message);
            code.into()
        }
    }
}

/// Reads a command line and the values in it, and does nothing.
pub(crate) fn read<T: Into<OsString> + Clone>(
    line: impl IntoIterator<Item = T>,
) -> Result<(), String> {
    let arguments = Arguments::try_parse_from(line).map_err(|error| error.to_string())?;
    let read = if let Command::Call(args) = &arguments.command {
        call::arguments(args).map(drop)
    } else if let Command::Resolve(args) | Command::Reject(args) = &arguments.command {
        change::value(args).map(drop)
    } else {
        Ok(())
    };
    read.map_err(|Failed { message, .. }| message)
}

/// A server serves on all cores; who only asks needs one thread.
fn runtime(command: &Command) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Serve(_) | Command::Dev(_) => tokio::runtime::Builder::new_multi_thread(),
        Command::Call(_)
        | Command::Get(_)
        | Command::Tree(_)
        | Command::List(_)
        | Command::Resolve(_)
        | Command::Reject(_)
        | Command::Url(_)
        | Command::Cancel(_)
        | Command::Halt(_)
        | Command::Continue(_)
        | Command::Schedule(_)
        | Command::Workers(_)
        | Command::Functions(_)
        | Command::Info(_)
        | Command::Bench(_)
        | Command::Check(_)
        | Command::Export(_)
        | Command::Replay(_)
        | Command::Verify(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Completions { .. } => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}

async fn run(arguments: &Arguments, out: Output) -> Result<Code, Failed> {
    let url = arguments.common.server.as_str();
    match &arguments.command {
        Command::Serve(args) => serve::serve(args, out).await,
        Command::Dev(args) => serve::dev(args, out).await,
        Command::Call(args) => call::run(args, url, out).await,
        Command::Get(args) => look::get(args, url, out).await,
        Command::Tree(args) => tree::run(args, url, out).await,
        Command::List(args) => look::list(args, url, out).await,
        Command::Resolve(args) => change::resolve(args, url, out).await,
        Command::Reject(args) => change::reject(args, url, out).await,
        Command::Url(args) => look::url(args, url, out).await,
        Command::Cancel(args) => change::cancel(args, url, out).await,
        Command::Halt(args) => change::halt(args, url, out).await,
        Command::Continue(args) => change::go_on(args, url, out).await,
        Command::Schedule(asked) => schedule::run(asked, url, out).await,
        Command::Workers(_) => look::workers(url, out).await,
        Command::Functions(_) => look::functions(url, out).await,
        Command::Info(_) => look::info(url, out).await,
        Command::Check(args) => check::run(args, url, out).await,
        Command::Export(args) => export::run(args, url, out).await,
        Command::Replay(args) => replay::run(args, out).await,
        // The process does nothing else, so it may as well wait for its disk here.
        Command::Verify(args) => verify::run(args, out),
        Command::Backup(args) => backup::run(args, out),
        Command::Restore(args) => restore::run(args, out),
        Command::Bench(_) => Err(Failed::new(
            Code::Broken,
            "a bench has a runtime of its own",
        )),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "resonate", &mut script);
            out.raw(&script);
            Ok(Code::Ok)
        }
    }
}
