//! The attribute `#[resonate::test]`: an `async fn` of a world becomes a test.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Expr, Ident, ItemFn, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{errors::Errors, paths};

/// What the attribute knows.
const KNOWN: &str = "`crash_everywhere`, `crash_randomly = RUNS`, `seed = N`, `workers = N`, `give_up_after = DURATION` and `setup = FUNCTION`";

/// `crash_everywhere`, or `seed = 7`.
struct Argument {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self { name, value })
    }
}

pub(crate) fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let plan = plan(args, &mut errors);
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => return errors.and(error).into_tokens(item),
    };
    check(&function, &mut errors);
    if !errors.is_empty() {
        return errors.into_tokens(TokenStream::new());
    }
    let errors = errors.into_tokens(TokenStream::new());
    let testing = paths::testing(Span::mixed_site());
    let (attrs, vis, ident) = (&function.attrs, &function.vis, &function.sig.ident);
    let (inputs, output, body) = (&function.sig.inputs, &function.sig.output, &function.block);
    let world = if inputs.is_empty() {
        quote!(_: #testing::World)
    } else {
        quote!(#inputs)
    };
    quote! {
        #errors
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #ident() {
            async fn __test(#world) #output #body
            #testing::Plan::new(::core::stringify!(#ident)) #plan .run(__test)
        }
    }
}

/// The calls that say how the test is run.
fn plan(args: TokenStream, errors: &mut Errors) -> TokenStream {
    let parsed = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(args);
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.push(error);
            return TokenStream::new();
        }
    };
    let mut plan = TokenStream::new();
    let mut seen: Vec<String> = Vec::new();
    for Argument { name, value } in arguments {
        let text = name.to_string();
        if seen.contains(&text) {
            errors.at(&name, format!("`{text}` is said twice; leave one out"));
            continue;
        }
        match (text.as_str(), value) {
            ("crash_everywhere", None) => plan.extend(quote!(.crash_everywhere())),
            ("crash_everywhere", Some(value)) => {
                errors.at(value, "`crash_everywhere` takes no value")
            }
            ("crash_randomly" | "seed" | "workers" | "give_up_after" | "setup", Some(value)) => {
                plan.extend(quote!(.#name(#value)))
            }
            ("crash_randomly" | "seed" | "workers" | "give_up_after" | "setup", None) => {
                errors.at(
                    &name,
                    format!("`{text}` needs a value, as in `{text} = ..`"),
                );
            }
            _ => errors.at(
                &name,
                format!("there is no argument `{text}`; there are {KNOWN}"),
            ),
        }
        seen.push(text);
    }
    let both = ["crash_everywhere", "crash_randomly"]
        .iter()
        .all(|one| seen.iter().any(|seen| seen == one));
    if both {
        errors.push(syn::Error::new(
            Span::call_site(),
            "`crash_everywhere` and `crash_randomly` are two tests; write two",
        ));
    }
    plan
}

fn check(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        errors.at(
            sig.fn_token,
            "a test of durable functions is async; write `async fn`",
        );
    }
    if let Some(second) = sig.inputs.iter().nth(1) {
        errors.at(second, "a test takes a `World`, or nothing");
    }
    if !sig.generics.params.is_empty() {
        errors.at(
            &sig.generics,
            "a test has no type parameters and no lifetimes",
        );
    }
    for attr in &function.attrs {
        if attr
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "test")
        {
            errors.at(attr, "`#[resonate::test]` makes it a test; leave this out");
        }
    }
}
