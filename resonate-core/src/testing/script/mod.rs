//! Scripts: one request per line, as a trace would show it, and what came of each.
//!
//! ```text
//! 0 create order-1 shop/checkout timeout=100
//! 1 claim order-1 A
//! 1 turn order-1 v1 A n1 +call order-1.charge payments/charge => suspend
//! 5 settle order-1.charge resolved 7
//! ```
//! A line is a time in milliseconds, a verb, a promise and what the verb needs. `deliver` hands over all messages,
//! `expire` without a promise settles whatever is due.

mod parse;
mod render;

use crate::{Applied, Memory, Request, Timestamp};

/// Whatever can run a script: the reference in memory, an engine on a store.
pub trait Target {
    /// Applies one request.
    fn request(&mut self, now: Timestamp, request: Request) -> Applied;
    /// Delivers all messages; gives each delivered one and what came of it.
    fn deliver_all(&mut self) -> Vec<Applied>;
    /// Settles everything whose time has passed; gives what came of each.
    fn expire(&mut self, now: Timestamp) -> Vec<Applied>;
    /// Checks everything that must always hold; says what is wrong.
    fn check(&self) -> Result<(), String>;
}

impl Target for Memory {
    fn request(&mut self, now: Timestamp, request: Request) -> Applied {
        Self::request(self, now, request)
    }

    fn deliver_all(&mut self) -> Vec<Applied> {
        std::iter::from_fn(|| self.deliver()).collect()
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Applied> {
        Self::expire(self, now)
    }

    fn check(&self) -> Result<(), String> {
        Self::check(self).map_err(|violations| format!("{violations:?}"))
    }
}

/// Runs a script on the reference and prints every outcome.
///
/// # Panics
/// If a line cannot be read, or an invariant does not hold after it.
#[must_use]
pub fn run(script: &str) -> String {
    run_on(&mut Memory::default(), script)
}

/// Runs a script on a target and prints every outcome.
///
/// # Panics
/// If a line cannot be read, or an invariant does not hold after it.
#[must_use]
pub fn run_on(target: &mut impl Target, script: &str) -> String {
    let mut parser = parse::Parser::default();
    let mut printed = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let step = parser
            .line(line)
            .unwrap_or_else(|why| panic!("cannot read `{line}`: {why}"));
        let outcomes = match step.what {
            parse::What::Request(request) => vec![target.request(step.now, *request)],
            parse::What::DeliverAll => target.deliver_all(),
            parse::What::ExpireAll => target.expire(step.now),
        };
        for outcome in outcomes {
            printed.push_str(&render::outcome(step.now, &outcome));
            printed.push('\n');
        }
        if let Err(wrong) = target.check() {
            panic!("after `{line}`: {wrong}\n{printed}");
        }
    }
    printed
}
