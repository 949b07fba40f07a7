//! The bounds on the user's types, as generated code: each is a method call that stands at the type it is about.
//!
//! They are checked here and nowhere else. What depends on a bound in the rest of the expansion is reached through
//! methods that fall back in silence (see `probe` in the runtime), or each missing derive would be reported three times.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{GenericArgument, Ident, PathArguments, Type};

use super::model::{Function, Parameter, Passing, first_span};
use crate::paths;

/// All bounds of a function. Compiled and never run.
pub(super) fn bounds(function: &Function) -> TokenStream {
    let result_type = function.result_ident();
    let (value, error) = value_and_error(&function.result);
    let parameters = function.parameters.iter().map(parameter_bounds);
    let value = bound(value, "must_travel", quote!(&(&#result_type()).value()));
    let error_travels = bound(error, "must_travel", quote!(&(&#result_type()).error()));
    let error_answers = bound(error, "must_answer", quote!(&(&#result_type()).error()));
    quote! {
        const _: fn() = || {
            #(#parameters)*
            #value
            #error_travels
            #error_answers
        };
    }
}

fn parameter_bounds(parameter: &Parameter) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let here = name_span(&parameter.ty);
    let owned = parameter.owned();
    let travels = bound(here, "must_travel", quote!(&#private::Tag::<#owned>::new()));
    match &parameter.passing {
        Passing::Owned => travels,
        Passing::Lent(ty) => {
            let lends = bound(here, "must_lend", quote!(&&#private::Lent::<#ty>::new()));
            quote!(#travels #lends)
        }
    }
}

/// One bound. rustc blames the receiver of the method, so that is a variable which stands at the user's type.
fn bound(here: Span, method: &str, tag: TokenStream) -> TokenStream {
    let (variable, method) = (Ident::new("__tag", here), Ident::new(method, here));
    quote! {
        {
            let #variable = #tag;
            #variable.#method();
        }
    }
}

/// Where the two types of a `Result<T, E>` are, as far as its spelling shows; an alias may hide either.
fn value_and_error(result: &Type) -> (Span, Span) {
    let whole = name_span(result);
    let Type::Path(path) = result else {
        return (whole, whole);
    };
    let arguments = path.path.segments.last().map(|last| &last.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = arguments else {
        return (whole, whole);
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(name_span(ty)),
        _ => None,
    });
    (types.next().unwrap_or(whole), types.next().unwrap_or(whole))
}

/// The token that names a type: `Order` of `&crate::model::Order`.
fn name_span(ty: &Type) -> Span {
    match ty {
        Type::Reference(reference) => name_span(&reference.elem),
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or_else(|| first_span(ty), |last| last.ident.span()),
        other => first_span(other),
    }
}
