//! The figures of the README, which were not computed by the code that they check.

use super::verdict::Verdict;
use crate::orders::Reason;

const SHIPPED: usize = 902;
const LABELS: usize = 3_306;
const DECLINED: &[(Reason, usize)] = &[
    (Reason::InsufficientFunds, 24),
    (Reason::ExpiredCard, 15),
    (Reason::RefusedByBank, 11),
    (Reason::StolenCard, 6),
    (Reason::LostCard, 4),
    (Reason::OutOfStock, 38),
];
/// What the books keep: currency, orders, amount.
const KEPT: &[(&str, usize, u64)] = &[
    ("CAD", 27, 1_103_511),
    ("CHF", 23, 488_697),
    ("CZK", 26, 17_528_100),
    ("DKK", 6, 1_449_400),
    ("EUR", 363, 6_994_150),
    ("GBP", 67, 3_633_400),
    ("JPY", 60, 2_438_990),
    ("NOK", 21, 4_955_000),
    ("PLN", 46, 11_792_601),
    ("SEK", 28, 8_096_500),
    ("USD", 235, 7_386_541),
];

/// Compares, if all approvals were given: the figures say so.
pub(super) fn check(verdict: &mut Verdict) {
    if verdict.declined.contains_key(&Reason::NotApproved) {
        return;
    }
    let declined = verdict
        .declined
        .iter()
        .map(|(reason, orders)| (*reason, *orders))
        .collect::<Vec<_>>();
    let mut figures = DECLINED.to_vec();
    figures.sort_unstable();
    let kept = verdict
        .kept
        .iter()
        .map(|(currency, kept)| (currency.as_str(), kept.orders, kept.cents))
        .collect::<Vec<_>>();
    if declined != figures {
        verdict.find("README", "has other numbers of declined orders");
    } else if (verdict.shipped, verdict.labels) != (SHIPPED, LABELS) || kept != KEPT {
        verdict.find(
            "README",
            "has other numbers of shipped orders, labels or amounts",
        );
    } else {
        verdict.is_as_in_readme = true;
    }
}
