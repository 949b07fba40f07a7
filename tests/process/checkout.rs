//! The example `checkout`, each of its services in a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::harness::{Process, example};

/// The first so many orders of the example, on a server.
#[derive(Debug)]
pub(crate) struct Checkout {
    folder: PathBuf,
    url: String,
    orders: String,
}

impl Checkout {
    pub(crate) fn new(folder: &Path, url: &str, orders: u32) -> Self {
        Self {
            folder: folder.to_owned(),
            url: url.to_owned(),
            orders: orders.to_string(),
        }
    }

    /// One of its processes; the role comes with its own arguments.
    pub(crate) fn start(&self, name: &str, role: &[&str]) -> Process {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        let common = [
            "--limit",
            &self.orders,
            "--url",
            &self.url,
            "--data-dir",
            data,
        ];
        let args = [role, &common].concat();
        Process::start(&self.folder, name, &example("checkout"), &args)
    }

    /// Demands of whoever gave the orders that all went well, and that nothing ran twice.
    pub(crate) fn expect_once(&self, shop: &mut Process) {
        let (status, printed) = (shop.wait(), shop.output());
        let orders = &self.orders;
        let verdict = format!("VERDICT: all {orders} orders are paid");
        assert!(status.success() && printed.contains(&verdict), "{printed}");
        let effects = printed
            .lines()
            .rfind(|line| line.starts_with("side effects"));
        let effects = effects.unwrap_or_default();
        assert!(
            effects.ends_with("and 0 runs again after a crash"),
            "{printed}"
        );
    }

    /// The example's log of effects.
    pub(crate) fn effects(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.data().join("effects.log")).unwrap_or_default();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("shop")
    }
}
