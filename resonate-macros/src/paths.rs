//! All that generated code may name, by absolute path: nothing relies on the user's prelude or imports.
//!
//! Of ours that is one module, `::resonate::__private`, the runtime's `plumbing.rs`; and `::resonate::testing` in tests.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// `::resonate::__private`, at `span`: where rustc looks when something below it does not fit the user's types.
pub(crate) fn private(span: Span) -> TokenStream {
    quote_spanned!(span=> ::resonate::__private)
}

/// `::resonate::testing`, which is there with the feature `testing`.
pub(crate) fn testing(span: Span) -> TokenStream {
    quote_spanned!(span=> ::resonate::testing)
}

/// `Option::Some`.
pub(crate) fn some() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some)
}

/// `Option::None`.
pub(crate) fn none() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::option::Option::None)
}

/// `Borrow::borrow`: from an owned argument back to what the body borrows.
pub(crate) fn borrow() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::core::borrow::Borrow::borrow)
}

/// The trait `ToOwned`.
pub(crate) fn to_owned(span: Span) -> TokenStream {
    quote_spanned!(span=> ::std::borrow::ToOwned)
}

/// The type `Vec`.
pub(crate) fn vec(span: Span) -> TokenStream {
    quote_spanned!(span=> ::std::vec::Vec)
}
