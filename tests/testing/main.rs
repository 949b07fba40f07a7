//! The testing kit: virtual time, mocks, crashes at every turn, and what it says when a test fails.

mod crashes;
mod failing;
mod replay;
mod schedules;
mod time;
