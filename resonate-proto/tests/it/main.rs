//! What the wire and the stores rely on, a file per behaviour.

mod generated;
