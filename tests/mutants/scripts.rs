//! The scripts of the core's verbs, as `resonate-core/tests/it` has them: a bug in a rule shows in what they print.

#[path = "../../resonate-core/tests/it/awaiters.rs"]
mod awaiters;
#[path = "../../resonate-core/tests/it/cancel.rs"]
mod cancel;
#[path = "../../resonate-core/tests/it/claim.rs"]
mod claim;
#[path = "../../resonate-core/tests/it/create.rs"]
mod create;
#[path = "../../resonate-core/tests/it/settle.rs"]
mod settle;
#[path = "../../resonate-core/tests/it/trim.rs"]
mod trim;
#[path = "../../resonate-core/tests/it/turn.rs"]
mod turn;
