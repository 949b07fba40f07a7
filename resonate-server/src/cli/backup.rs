//! `resonate backup`: one file with everything that is durable now.

use serde_json::json;

use super::{
    args::Backup,
    code::{Code, Failed},
    output::Output,
    verify::{counted, shown},
};
use crate::backup::{BackupError, backup};

pub(super) fn run(args: &Backup, out: Output) -> Result<Code, Failed> {
    let report = backup(&args.data_dir, &args.to)?;
    let to = args.to.display().to_string();
    out.show(
        || shown(&report, ("to", json!(to))),
        || format!("{to}: {}, verified", counted(&report)),
    );
    Ok(Code::Ok)
}

impl From<BackupError> for Failed {
    fn from(error: BackupError) -> Self {
        let code = if error.is_damage() {
            Code::Damaged
        } else {
            Code::Broken
        };
        Self::new(code, error)
    }
}
