//! The command `resonate`; see `cli`.

fn main() {}
