//! The command `resonate`.
