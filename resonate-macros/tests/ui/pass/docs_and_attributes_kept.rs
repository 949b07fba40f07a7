#![deny(missing_docs, deprecated, unused_variables)]
//! Docs, visibility and lints stay on the function; what rewrites a body goes to the body.
use resonate::prelude::*;

/// A shop.
pub mod shop {
    use resonate::prelude::*;

    /// Charges a card.
    #[durable]
    #[allow(unused_variables)]
    #[deprecated = "use `ship`"]
    #[must_use]
    #[inline]
    #[track_caller]
    pub async fn charge(card: &str) -> u64 {
        let unused = 1;
        2
    }

    #[durable]
    #[cfg(any())]
    pub async fn absent(card: NoSuchType) -> u64 {
        0
    }

    #[cfg_attr(all(), durable)]
    pub(super) async fn ship(#[allow(unused)] card: String) -> u64 {
        0
    }
}

#[expect(deprecated)]
pub(crate) fn main() {
    let _call = shop::charge("4242");
    let _call = shop::ship("4242".to_owned());
    let _: fn(String) -> _ = shop::ship;
    let _: Option<Error> = None;
}
