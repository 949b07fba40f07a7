//! What the wire and the stores rely on, a file per behaviour.

mod any;
mod batch;
mod damaged;
mod filter;
mod format;
mod generated;
mod history;
mod not_understood;
mod over_http;
mod round_trip;
mod status;
