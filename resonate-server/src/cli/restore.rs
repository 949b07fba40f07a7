//! `resonate restore`: a data folder made from a backup.

use serde_json::json;

use super::{
    args::Restore,
    code::{Code, Failed},
    output::Output,
    verify::{counted, shown},
};
use crate::backup::restore;

pub(super) fn run(args: &Restore, out: Output) -> Result<Code, Failed> {
    let report = restore(&args.from, &args.data_dir)?;
    let into = args.data_dir.display().to_string();
    let timeline = report.timeline.map(|timeline| timeline.to_string());
    out.show(
        || shown(&report, ("data_dir", json!(into))),
        || {
            format!(
                "{into}: {}, verified; a server on it begins timeline {}",
                counted(&report),
                timeline.clone().unwrap_or_default()
            )
        },
    );
    Ok(Code::Ok)
}
