//! A verdict that cannot be wrong is no verdict: each test spoils one thing.

use super::*;
use crate::{
    effects::{Effect, Run, What},
    orders::Money,
    payments::Receipt,
    shop::Shipped,
};

fn orders(limit: usize) -> Orders {
    Orders::load(None, Some(limit)).unwrap()
}

/// What is on record when everything went well.
fn facts(orders: &Orders) -> Facts {
    let stock = Stock::load(None).unwrap();
    let mut facts = Facts::default();
    for order in orders.iter() {
        let charge = format!("{}.charge", order.id);
        let receipt = Receipt {
            charge: charge.clone(),
            order: order.id.clone(),
            amount: order.total(),
        };
        let records = Records {
            order,
            outcome: None,
            charges: vec![],
            refunds: vec![],
            labels: &[],
        };
        let due = records.due(&stock);
        if matches!(due, Due::Shipped | Due::Declined(Reason::OutOfStock)) {
            facts.entries.push(entry(&charge, order, None));
            facts.effects.push(effect(&charge, What::Charge));
        }
        let outcome = match due {
            Due::Shipped => {
                let label = |(at, item): (usize, &crate::orders::Item)| Label {
                    order: order.id.clone(),
                    sku: item.sku.clone(),
                    promise: if at == 0 {
                        format!("{}.ship", order.id)
                    } else {
                        format!("{}.ship-{at}", order.id)
                    },
                };
                let labels: Vec<Label> = order.items.iter().enumerate().map(label).collect();
                facts.effects.extend(
                    labels
                        .iter()
                        .map(|label| effect(&label.promise, What::Label)),
                );
                facts.labels.insert(order.id.clone(), labels.clone());
                Outcome::Shipped(Shipped { receipt, labels })
            }
            Due::Declined(reason) => {
                if reason == Reason::OutOfStock {
                    let refund = format!("{}.refund", order.id);
                    facts.entries.push(entry(&refund, order, Some(charge)));
                    facts.effects.push(effect(&refund, What::Refund));
                }
                Outcome::Declined(reason)
            }
        };
        facts.answers.insert(order.id.clone(), outcome);
        facts.effects.push(effect(&order.id, What::Answer));
    }
    facts
}

fn entry(promise: &str, order: &Order, refunds: Option<String>) -> Entry {
    Entry {
        promise: promise.to_owned(),
        order: order.id.clone(),
        amount: order.total(),
        refunds,
    }
}

fn effect(promise: &str, what: What) -> Effect {
    Effect {
        run: Run {
            promise: promise.to_owned(),
            version: 1,
            attempt: 1,
        },
        what,
    }
}

/// Spoils good facts and finds what the verdict says.
#[track_caller]
fn check_spoiled(spoil: impl FnOnce(&mut Facts), expected: &str) {
    let orders = orders(50);
    let mut facts = facts(&orders);
    assert!(check(&orders, &Stock::load(None).unwrap(), &facts).is_good());
    spoil(&mut facts);
    let verdict = check(&orders, &Stock::load(None).unwrap(), &facts);
    let text = verdict.to_string();
    assert!(
        !verdict.is_good() && text.contains(expected),
        "{expected} is not in\n{text}"
    );
}

#[test]
fn the_rules_make_of_all_orders_what_the_readme_says() {
    let orders = Orders::load(None, None).unwrap();
    let verdict = check(&orders, &Stock::load(None).unwrap(), &facts(&orders));
    assert!(verdict.is_good() && verdict.is_as_in_readme, "{verdict}");
    assert!(
        verdict
            .to_string()
            .ends_with("the figures are those of the README")
    );
}

#[test]
fn an_order_without_an_answer_is_found() {
    check_spoiled(
        |facts| drop(facts.answers.remove("order-0003")),
        "order-0003 has no answer",
    );
}

#[test]
fn a_second_charge_is_found() {
    check_spoiled(
        |facts| {
            let mut again = facts.entries[0].clone();
            again.promise = "order-0001.charge-1".to_owned();
            facts.entries.push(again);
        },
        "order-0001 has 2 charges, not 1",
    );
}

#[test]
fn another_amount_is_found() {
    check_spoiled(
        |facts| {
            facts.entries[0].amount = Money {
                currency: "EUR".to_owned(),
                cents: 1,
            }
        },
        "order-0001 costs EUR 3,480, but order-0001.charge is about EUR 1",
    );
}

#[test]
fn a_missing_refund_is_found() {
    check_spoiled(
        |facts| facts.entries.retain(|entry| entry.refunds.is_none()),
        "has 0 refunds, not 1",
    );
}

#[test]
fn a_missing_label_is_found() {
    check_spoiled(
        |facts| drop(facts.labels.get_mut("order-0001").unwrap().pop()),
        "order-0001 has labels for",
    );
}

#[test]
fn two_labels_of_one_promise_are_found() {
    check_spoiled(
        |facts| {
            for label in facts.labels.get_mut("order-0001").unwrap() {
                label.promise = "order-0001.ship".to_owned();
            }
        },
        "order-0001 has two labels of one promise",
    );
}

#[test]
fn a_wrong_reason_is_found() {
    check_spoiled(
        |facts| {
            drop(
                facts
                    .answers
                    .insert("order-0001".to_owned(), Outcome::Declined(Reason::LostCard)),
            )
        },
        "order-0001 must not be declined: lost_card",
    );
}

#[test]
fn labels_of_an_order_that_nobody_gave_are_found() {
    check_spoiled(
        |facts| drop(facts.labels.insert("order-9999".to_owned(), Vec::new())),
        "order-9999 is on record, but was never ordered",
    );
}

/// Adds a run of `promise` with this version as the n-th line of the log.
fn run_again(facts: &mut Facts, at: usize, promise: &str, what: What, version: u64) {
    let mut again = effect(promise, what);
    again.run.version = version;
    facts.effects.insert(at, again);
}

#[test]
fn a_charge_that_ran_again_after_a_label_is_found() {
    check_spoiled(
        |facts| run_again(facts, 2, "order-0001.charge", What::Charge, 2),
        "order-0001 order-0001.charge ran again after its result was recorded",
    );
}

#[test]
fn a_label_that_ran_again_after_the_answer_is_found() {
    check_spoiled(
        |facts| {
            let last = facts.effects.len();
            run_again(facts, last, "order-0001.ship", What::Label, 2);
        },
        "order-0001 order-0001.ship ran again after its result was recorded",
    );
}

#[test]
fn two_runs_of_one_claim_are_found() {
    check_spoiled(
        |facts| run_again(facts, 1, "order-0001.charge", What::Charge, 1),
        "order-0001 order-0001.charge ran twice in one attempt of version 1",
    );
}

#[test]
fn an_old_claim_that_the_books_let_pass_is_found() {
    check_spoiled(
        |facts| run_again(facts, 1, "order-0001.charge", What::Charge, 0),
        "order-0001 order-0001.charge ran with version 0 after 1: no fence",
    );
}

#[track_caller]
fn check_counted(at: usize, promise: &str, what: What, version: u64, expected: (usize, usize)) {
    let orders = orders(1);
    let mut facts = facts(&orders);
    run_again(&mut facts, at, promise, what, version);
    let verdict = check(&orders, &Stock::load(None).unwrap(), &facts);
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!((verdict.effects.again, verdict.effects.late), expected);
}

#[test]
fn a_run_again_before_the_result_is_recorded_is_no_fault() {
    check_counted(1, "order-0001.charge", What::Charge, 2, (1, 0));
}

#[test]
fn a_worker_that_wakes_up_and_writes_the_same_label_is_no_fault() {
    let last = facts(&orders(1)).effects.len();
    check_counted(last, "order-0001.ship", What::Label, 0, (0, 1));
}
