//! The verdict: books, labels and effects against the orders. Everything here is computed from values; who reads them is
//! `facts`, who prints the verdict is `verdict`.

mod effect_order;
mod facts;
mod readme;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::{facts::Facts, verdict::Verdict};
use crate::{
    answers::Outcome,
    books::Entry,
    orders::{Order, Orders, Reason},
    payments::refusal,
    shelf::{Label, Stock},
};

/// What the rules of the README make of an order.
enum Due {
    Shipped,
    Declined(Reason),
}

/// What is on record of one order.
struct Records<'a> {
    order: &'a Order,
    outcome: Option<&'a Outcome>,
    charges: Vec<&'a Entry>,
    refunds: Vec<&'a Entry>,
    labels: &'a [Label],
}

/// Compares what is on record with what must be.
pub(crate) fn check(orders: &Orders, stock: &Stock, facts: &Facts) -> Verdict {
    let mut verdict = Verdict::default();
    let mut entries: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &facts.entries {
        entries.entry(&entry.order).or_default().push(entry);
    }
    for order in orders.iter() {
        let (refunds, charges) = entries
            .get(order.id.as_str())
            .into_iter()
            .flatten()
            .partition(|entry| entry.refunds.is_some());
        let records = Records {
            order,
            outcome: facts.answers.get(&order.id),
            charges,
            refunds,
            labels: facts.labels.get(&order.id).map_or(&[], Vec::as_slice),
        };
        records.check(stock, &mut verdict);
    }
    for stranger in strangers(orders, facts) {
        verdict.find(&stranger, "is on record, but was never ordered");
    }
    verdict.effects = effect_order::check(&facts.effects, &mut verdict.findings);
    if orders.are_complete && verdict.is_good() {
        readme::check(&mut verdict);
    }
    verdict
}

impl Records<'_> {
    fn check(&self, stock: &Stock, verdict: &mut Verdict) {
        let due = self.due(stock);
        let id = &self.order.id;
        match (self.outcome, &due) {
            (None, _) => verdict.find(id, "has no answer"),
            (Some(Outcome::Failed(why)), _) => verdict.find(id, &format!("failed: {why}")),
            (Some(Outcome::Shipped(shipped)), Due::Shipped) => {
                verdict.count_shipped(shipped);
                self.receipt_is_in_the_books(verdict);
            }
            (Some(Outcome::Declined(reason)), Due::Declined(due)) if reason == due => {
                verdict.count_declined(*reason, self.refunds.len());
            }
            (Some(Outcome::Shipped(_)), Due::Declined(reason)) => {
                verdict.find(id, &format!("was shipped, but must be declined: {reason}"));
            }
            (Some(Outcome::Declined(reason)), _) => {
                verdict.find(id, &format!("must not be declined: {reason}"))
            }
        }
        self.books_are_exact(&due, verdict);
        self.labels_are_exact(&due, verdict);
    }

    /// No order fails for two reasons; only a person's "no" is not to be known from the data.
    fn due(&self, stock: &Stock) -> Due {
        let said_no = matches!(self.outcome, Some(Outcome::Declined(Reason::NotApproved)));
        if self.order.needs_approval && said_no {
            Due::Declined(Reason::NotApproved)
        } else if let Some(reason) = refusal(&self.order.card) {
            Due::Declined(reason)
        } else if stock.shortage(&self.order.items).is_some() {
            Due::Declined(Reason::OutOfStock)
        } else {
            Due::Shipped
        }
    }

    fn books_are_exact(&self, due: &Due, verdict: &mut Verdict) {
        let (charges, refunds) = match due {
            Due::Shipped => (1, 0),
            Due::Declined(Reason::OutOfStock) => (1, 1),
            Due::Declined(_) => (0, 0),
        };
        for (name, entries, wanted) in [
            ("charges", &self.charges, charges),
            ("refunds", &self.refunds, refunds),
        ] {
            let found = entries.len();
            if found != wanted {
                verdict.find(&self.order.id, &format!("has {found} {name}, not {wanted}"));
            }
        }
        let total = self.order.total();
        for entry in self
            .charges
            .iter()
            .chain(&self.refunds)
            .filter(|entry| entry.amount != total)
        {
            verdict.find(
                &self.order.id,
                &format!(
                    "costs {total}, but {} is about {}",
                    entry.promise, entry.amount
                ),
            );
        }
        for refund in &self.refunds {
            if !self
                .charges
                .iter()
                .any(|charge| refund.refunds.as_ref() == Some(&charge.promise))
            {
                verdict.find(
                    &self.order.id,
                    &format!("has a refund of nothing, {}", refund.promise),
                );
            }
        }
    }

    fn receipt_is_in_the_books(&self, verdict: &mut Verdict) {
        let Some(Outcome::Shipped(shipped)) = self.outcome else {
            return;
        };
        if !self
            .charges
            .iter()
            .any(|charge| charge.promise == shipped.receipt.charge)
        {
            verdict.find(&self.order.id, "has a receipt that the books do not know");
        }
        let labels: BTreeSet<&Label> = self.labels.iter().collect();
        let answered: BTreeSet<&Label> = shipped.labels.iter().collect();
        if labels != answered {
            verdict.find(
                &self.order.id,
                "was answered with other labels than were written",
            );
        }
    }

    fn labels_are_exact(&self, due: &Due, verdict: &mut Verdict) {
        let mut written: Vec<&str> = self.labels.iter().map(|label| label.sku.as_str()).collect();
        let mut wanted: Vec<&str> = match due {
            Due::Shipped => self
                .order
                .items
                .iter()
                .map(|item| item.sku.as_str())
                .collect(),
            Due::Declined(_) => Vec::new(),
        };
        written.sort_unstable();
        wanted.sort_unstable();
        if written != wanted {
            let what = format!("has labels for {written:?}, not for {wanted:?}");
            verdict.find(&self.order.id, &what);
        }
        let promises: BTreeSet<&str> = self
            .labels
            .iter()
            .map(|label| label.promise.as_str())
            .collect();
        if promises.len() < self.labels.len() {
            verdict.find(&self.order.id, "has two labels of one promise");
        }
    }
}

/// Orders that left something behind and are not in the file.
fn strangers(orders: &Orders, facts: &Facts) -> BTreeSet<String> {
    let entries = facts.entries.iter().map(|entry| &entry.order);
    let on_record = entries
        .chain(facts.labels.keys())
        .chain(facts.answers.keys());
    on_record
        .filter(|order| !orders.knows(order))
        .cloned()
        .collect()
}
