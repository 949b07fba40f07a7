//! What is ordered: the orders of a file, what each costs, and the reasons to decline one.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use resonate::prelude::*;

/// The orders that come with the example.
const BUILT_IN: &str = include_str!("orders.jsonl");

/// One line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Also the id of the checkout's promise.
    pub(crate) id: String,
    pub(crate) customer: Customer,
    pub(crate) currency: String,
    pub(crate) card: String,
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) needs_approval: bool,
}

/// Who ordered, as the customer writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) country: String,
}

/// So many units of one thing. It gets one label, whatever its quantity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) quantity: u32,
    /// The price of one.
    pub(crate) cents: u64,
}

/// An amount in the smallest unit of its currency: cents, pence, öre, yen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Money {
    pub(crate) currency: String,
    pub(crate) cents: u64,
}

/// Why an order was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    NotApproved,
    InsufficientFunds,
    ExpiredCard,
    StolenCard,
    LostCard,
    RefusedByBank,
    OutOfStock,
}

impl Order {
    /// What the customer pays.
    pub(crate) fn total(&self) -> Money {
        Money {
            currency: self.currency.clone(),
            cents: self.cents().expect("checked when it was read"),
        }
    }

    /// The promise that a person settles, if the order needs one.
    pub(crate) fn approval(&self) -> Option<String> {
        self.needs_approval.then(|| format!("{}.approval", self.id))
    }

    /// None if it is more than the books can hold.
    fn cents(&self) -> Option<u64> {
        self.items
            .iter()
            .map(|item| u64::from(item.quantity).checked_mul(item.cents))
            .try_fold(0u64, |sum, cents| sum.checked_add(cents?))
            .filter(|cents| i64::try_from(*cents).is_ok())
    }

    /// What is wrong with it.
    fn fault(&self) -> Option<String> {
        let skus: BTreeSet<&str> = self.items.iter().map(|item| item.sku.as_str()).collect();
        if !is_plain(&self.id) {
            return Some(format!("{:?} is no id of an order", self.id));
        }
        if self.items.is_empty() {
            return Some("it has no items".to_owned());
        }
        if let Some(sku) = skus.iter().find(|sku| !is_plain(sku)) {
            return Some(format!("{sku:?} is no SKU"));
        }
        if skus.len() < self.items.len() {
            return Some("it has a SKU twice".to_owned());
        }
        self.cents()
            .is_none()
            .then(|| "its amount is too large".to_owned())
    }
}

/// A name that may be part of a promise's id and of a file's name.
pub(crate) fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits)
}

/// The orders of a file, of which the first `limit` are to be worked on.
#[derive(Debug)]
pub(crate) struct Orders {
    all: Vec<Order>,
    limit: usize,
    /// True if they are those of the README, and all of them.
    pub(crate) are_complete: bool,
}

impl Orders {
    /// Reads the file, or the orders that come with the example.
    ///
    /// # Errors
    /// A line that is no order; its number is told.
    pub(crate) fn load(file: Option<&Path>, limit: Option<usize>) -> Result<Self> {
        let orders = match file {
            Some(file) => {
                let text = fs::read_to_string(file).map_err(|error| {
                    Error::from(error).context(format!("reading {}", file.display()))
                })?;
                Self::parse(&text, limit)
                    .map_err(|error| error.context(format!("reading {}", file.display())))?
            }
            None => Self::parse(BUILT_IN, limit)?,
        };
        let is_built_in = file.is_none();
        Ok(Self {
            are_complete: is_built_in && orders.limit == orders.all.len(),
            ..orders
        })
    }

    fn parse(text: &str, limit: Option<usize>) -> Result<Self> {
        let mut all: Vec<Order> = Vec::new();
        let mut ids = BTreeSet::new();
        for (line, text) in text
            .lines()
            .enumerate()
            .filter(|(_, text)| !text.trim().is_empty())
        {
            let at = |what: String| Error::terminal(format!("line {}: {what}", line + 1));
            let order: Order = serde_json::from_str(text).map_err(|error| at(error.to_string()))?;
            if let Some(fault) = order.fault() {
                return Err(at(fault));
            }
            if !ids.insert(order.id.clone()) {
                return Err(at(format!("{} is there twice", order.id)));
            }
            all.push(order);
        }
        let limit = limit.unwrap_or(all.len()).min(all.len());
        Ok(Self {
            all,
            limit,
            are_complete: false,
        })
    }

    /// Those that are to be worked on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.all.iter().take(self.limit)
    }

    /// How many are to be worked on.
    pub(crate) fn len(&self) -> usize {
        self.limit
    }

    /// True if the file has an order of this id, also beyond the limit.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.all.iter().any(|order| order.id == id)
    }
}

impl Reason {
    /// The word for it in the README.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotApproved => "not_approved",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::StolenCard => "stolen_card",
            Self::LostCard => "lost_card",
            Self::RefusedByBank => "refused_by_bank",
            Self::OutOfStock => "out_of_stock",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, grouped(self.cents))
    }
}

/// `7386541` as `7,386,541`.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_orders_are_those_of_the_readme() {
        let orders = Orders::load(None, None).unwrap();
        assert!(orders.are_complete);
        assert_eq!(orders.len(), 1_000);
        assert_eq!(
            orders.iter().map(|order| order.items.len()).sum::<usize>(),
            3_672
        );
        let approvals: Vec<String> = orders.iter().filter_map(Order::approval).collect();
        assert_eq!(
            approvals,
            [
                "order-0150.approval",
                "order-0298.approval",
                "order-0355.approval"
            ]
        );
    }

    #[test]
    fn a_limited_file_knows_what_it_leaves_out() {
        let orders = Orders::load(None, Some(10)).unwrap();
        assert_eq!((orders.len(), orders.iter().count()), (10, 10));
        assert!(!orders.are_complete && orders.knows("order-1000") && !orders.knows("order-1001"));
    }

    #[test]
    fn a_line_that_is_no_order_is_named() {
        let order = BUILT_IN.lines().next().unwrap();
        let refused = |text: &str| Orders::parse(text, None).unwrap_err().to_string();
        assert!(refused(&format!("{order}\n{{}}")).contains("line 2: missing field `id`"));
        assert!(
            refused(&format!("{order}\n\n{order}")).contains("line 3: order-0001 is there twice")
        );
        assert!(refused(&order.replace("order-0001", "../etc")).contains("is no id"));
        assert!(refused(&order.replace("STAT-150", "TOYS-129")).contains("a SKU twice"));
        assert!(refused(&order.replace("1490", "18446744073709551615")).contains("too large"));
    }

    #[test]
    fn numbers_are_grouped_as_people_read_them() {
        assert_eq!(
            [0u64, 999, 1_000, 7_386_541].map(grouped),
            ["0", "999", "1,000", "7,386,541"]
        );
    }
}
