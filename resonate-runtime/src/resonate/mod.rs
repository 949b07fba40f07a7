//! `Resonate`: a process's tie to a server.

mod process;

pub(crate) use self::process::Process;
