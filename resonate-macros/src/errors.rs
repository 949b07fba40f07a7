//! The sink for mistakes: every stage adds to it and goes on, so that a user sees all of them in one compilation.

use std::fmt::Display;
use std::thread;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Gathers mistakes. The only way out is [`Errors::into_tokens`]; dropping it any other way is a bug of ours.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    reported: bool,
}

impl Errors {
    /// Adds a mistake that underlines `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake that already knows its place.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// The same sink with one more mistake: for the one after which nothing can be looked at any more.
    pub(crate) fn and(mut self, error: syn::Error) -> Self {
        self.push(error);
        self
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Every mistake as `compile_error!`, followed by `code`, which must still declare what the user declared.
    pub(crate) fn into_tokens(mut self, code: TokenStream) -> TokenStream {
        self.reported = true;
        let errors = self.found.iter().map(syn::Error::to_compile_error);
        errors.chain([code]).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            self.reported || thread::panicking(),
            "Errors dropped without being reported"
        );
    }
}

#[cfg(test)]
impl Errors {
    /// The messages, for tests of a single stage.
    pub(crate) fn into_messages(mut self) -> Vec<String> {
        self.reported = true;
        self.found.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::quote;

    use super::*;

    #[test]
    fn every_mistake_is_reported_and_the_item_stays() {
        let mut errors = Errors::default();
        errors.at(quote!(fn), "first");
        let errors = errors.and(syn::Error::new(Span::call_site(), "second"));

        let tokens = errors
            .into_tokens(quote!(
                fn charge() {}
            ))
            .to_string();

        assert_eq!(tokens.matches("compile_error").count(), 2, "{tokens}");
        assert!(tokens.ends_with("fn charge () { }"), "{tokens}");
    }

    #[test]
    #[should_panic(expected = "dropped without being reported")]
    fn a_sink_that_nobody_reported_panics() {
        drop(Errors::default());
    }
}
