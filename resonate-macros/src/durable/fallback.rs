//! What stands in place of a function that has a mistake: something that callers still compile against, so that the
//! mistake is the only error. The body is left out, since it may depend on what is wrong.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{FnArg, Safety, Type, parse_quote};

use super::attributes;
use super::borrowed::{Part, parts};
use super::model::Function;
use crate::paths;

/// The same name, parameters and result, with a body that diverges.
///
/// The parameters have no names, so none is unused. `const`, `extern` and `...` are left out: rustc has rules of its
/// own for them, which would be second errors.
pub(super) fn fallback(function: &Function) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let source = &function.source;
    let attrs = attributes::outside(&source.attrs);
    let vis = &source.vis;
    let unsafety = match &source.sig.safety {
        Safety::Unsafe(token) => Some(token),
        Safety::Safe(_) | Safety::Default => None,
    };
    let ident = &source.sig.ident;
    let (generics, _, clause) = source.sig.generics.split_for_impl();
    let inputs = source.sig.inputs.iter().map(|input| match input {
        FnArg::Receiver(receiver) => quote!(#receiver),
        FnArg::Typed(typed) => {
            let ty = &typed.ty;
            quote!(_: #ty)
        }
    });
    let result = named(&function.result);
    quote! {
        #(#attrs)*
        #vis #unsafety fn #ident #generics (#(#inputs),*) -> #private::Call<#result> #clause {
            ::core::unreachable!()
        }
    }
}

/// `impl Trait` as a result takes its type from the body, which is not here, and `!` is no type of its own yet.
fn named(result: &Type) -> Type {
    let is_unnamed = parts(result)
        .iter()
        .any(|part| matches!(part, Part::ImplTrait(_)));
    if is_unnamed || matches!(result, Type::Never(_)) {
        parse_quote!(())
    } else {
        result.clone()
    }
}
