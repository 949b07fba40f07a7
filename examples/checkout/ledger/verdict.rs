//! The verdict and how it reads.

use std::{collections::BTreeMap, fmt};

use crate::{
    orders::{Reason, grouped},
    shop::Shipped,
};

/// How many findings are printed.
const SHOWN: usize = 20;

/// What came of all orders, and everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(super) shipped: usize,
    pub(super) labels: usize,
    pub(super) declined: BTreeMap<Reason, usize>,
    pub(super) refunds: usize,
    /// Charges less refunds, by currency.
    pub(super) kept: BTreeMap<String, Kept>,
    pub(super) effects: Effects,
    pub(super) findings: Vec<Finding>,
    pub(super) is_as_in_readme: bool,
}

/// What the books keep of one currency.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) orders: usize,
    pub(super) cents: u64,
}

/// Side effects by promise.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Promises with a side effect.
    pub(super) once: usize,
    /// Runs beyond the first of a promise, before its result was recorded.
    pub(super) again: usize,
    /// Runs of a worker that was taken for dead and woke up.
    pub(super) late: usize,
}

/// Something that is wrong.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) order: String,
    pub(super) what: String,
}

impl Verdict {
    /// Every order is paid and fully shipped, or declined with its reason; nothing twice, nothing missing.
    pub(crate) fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn find(&mut self, order: &str, what: &str) {
        self.findings.push(Finding {
            order: order.to_owned(),
            what: what.to_owned(),
        });
    }

    pub(super) fn count_shipped(&mut self, shipped: &Shipped) {
        self.shipped += 1;
        self.labels += shipped.labels.len();
        let kept = self
            .kept
            .entry(shipped.receipt.amount.currency.clone())
            .or_default();
        kept.orders += 1;
        kept.cents += shipped.receipt.amount.cents;
    }

    pub(super) fn count_declined(&mut self, reason: Reason, refunds: usize) {
        *self.declined.entry(reason).or_default() += 1;
        self.refunds += refunds;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "paid and fully shipped  {:>6}  with {} labels",
            grouped(self.shipped),
            grouped(self.labels)
        )?;
        for (reason, orders) in &self.declined {
            let refunded = if *reason == Reason::OutOfStock {
                "  charged and refunded"
            } else {
                ""
            };
            writeln!(
                f,
                "{:<22}  {:>6}{refunded}",
                format!("{reason}"),
                grouped(*orders)
            )?;
        }
        for (currency, kept) in &self.kept {
            writeln!(
                f,
                "kept {currency}              {:>12}  from {} orders",
                grouped(kept.cents),
                grouped(kept.orders)
            )?;
        }
        let Effects { once, again, late } = &self.effects;
        let (once, again) = (grouped(*once), grouped(*again));
        writeln!(
            f,
            "side effects            {once:>6}  and {again} runs again after a crash"
        )?;
        if *late > 0 {
            writeln!(
                f,
                "late                    {:>6}  runs of workers that were taken for dead",
                grouped(*late)
            )?;
        }
        for finding in self.findings.iter().take(SHOWN) {
            writeln!(f, "WRONG: {} {}", finding.order, finding.what)?;
        }
        if self.findings.len() > SHOWN {
            writeln!(
                f,
                "WRONG: and {} more",
                grouped(self.findings.len() - SHOWN)
            )?;
        }
        let orders = self.shipped + self.declined.values().sum::<usize>();
        match (self.is_good(), self.is_as_in_readme) {
            (false, _) => write!(
                f,
                "VERDICT: wrong, {} findings",
                grouped(self.findings.len())
            ),
            (true, as_in_readme) => {
                let readme = if as_in_readme {
                    ", and the figures are those of the README"
                } else {
                    ""
                };
                write!(
                    f,
                    "VERDICT: all {} orders are paid and fully shipped or declined with their reason; nothing twice, nothing missing{readme}",
                    grouped(orders)
                )
            }
        }
    }
}
