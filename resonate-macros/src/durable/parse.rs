//! The item as source text: a signature, and a body that is kept as one opaque token group, so that errors inside it
//! come from rustc and not from us; one rule looks for macros in it. A declaration ends with `;` and has none.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Ident, LitStr, Signature, Token, Visibility};

/// A function as the user wrote it.
pub(super) struct Source {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) sig: Signature,
    /// The braces and what is between them.
    pub(super) body: Option<TokenTree>,
}

/// True for an `impl` block, which is read as a durable object.
pub(super) fn is_impl(item: &TokenStream) -> bool {
    let word = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let word = keyword(input)?;
        input.parse::<TokenStream>()?;
        Ok(word)
    };
    word.parse2(item.clone()).is_ok_and(|word| word == "impl")
}

/// Reads a function; the error says what else it is.
pub(super) fn parse(item: TokenStream) -> syn::Result<Source> {
    syn::parse2(item)
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let keyword = keyword(&input.fork())?;
        if keyword != "fn" {
            return Err(syn::Error::new(keyword.span(), not_a_function(&keyword)));
        }
        let sig = input.parse()?;
        let body = match input.parse::<Option<Token![;]>>()? {
            Some(_) => None,
            None => Some(input.parse()?),
        };
        Ok(Self {
            attrs,
            vis,
            sig,
            body,
        })
    }
}

/// The word that says what the item is, behind what may stand before `fn`.
pub(super) fn keyword(input: ParseStream<'_>) -> syn::Result<Ident> {
    loop {
        let word = input.call(Ident::parse_any)?;
        let may_come_before_fn = ["async", "const", "default", "extern", "safe", "unsafe"]
            .iter()
            .any(|it| word == it);
        input.parse::<Option<LitStr>>()?;
        if !may_come_before_fn || !input.peek(Ident::peek_any) {
            return Ok(word);
        }
    }
}

fn not_a_function(keyword: &Ident) -> String {
    if keyword == "impl" {
        return "an `impl` block in an `impl` block is no function; move it out".to_owned();
    }
    "`#[durable]` marks a function; put it on a free `async fn`, or on the `impl` block of a durable object"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(item: &str) -> Result<Source, String> {
        parse(item.parse().expect("tokens")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_kept_whatever_is_in_it() {
        let source = read("pub async fn charge() { this is [no] Rust; }").expect("a function");
        let body = source.body.expect("a body").to_string();
        assert_eq!(body, "{ this is [no] Rust ; }");
    }

    #[test]
    fn a_declaration_has_no_body() {
        let source =
            read("#[doc = \"x\"] async fn charge(card: &str) -> u64;").expect("a function");
        assert!(source.body.is_none());
        assert_eq!(source.attrs.len(), 1);
    }

    #[test]
    fn what_stands_before_fn_does_not_hide_it() {
        for before in [
            "",
            "const",
            "async unsafe",
            "extern",
            "unsafe extern \"C\"",
            "pub(crate) const async unsafe",
        ] {
            assert!(
                read(&format!("{before} fn charge() {{}}")).is_ok(),
                "{before}"
            );
        }
    }

    #[test]
    fn everything_else_is_told_what_it_is_not() {
        for item in [
            "struct S;",
            "pub enum E {}",
            "mod m {}",
            "const X: u8 = 1;",
            "static X: u8 = 1;",
            "extern crate core;",
        ] {
            let message = "`#[durable]` marks a function; put it on a free `async fn`, or on the `impl` block of a durable object";
            assert_eq!(read(item).err().as_deref(), Some(message), "{item}");
        }
        for item in [
            "impl S {}",
            "unsafe impl T for S {}",
            "#[a] impl<T> S<T> {}",
        ] {
            assert!(is_impl(&item.parse().expect("tokens")), "{item}");
        }
        assert!(!is_impl(&"fn implement() {}".parse().expect("tokens")));
    }
}
