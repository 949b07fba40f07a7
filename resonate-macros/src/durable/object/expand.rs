//! The generated code of a durable object: the block as it was, and a handle with a function for each async method.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Type};

use super::super::attributes;
use super::super::bounds::bounds;
use super::super::expand::{definition, lent, variables};
use super::super::model::{Function, Parameter, first_span};
use super::Object;
use super::parse::Source;
use crate::paths;

/// The block, the handle and how to get one.
pub(super) fn expand(object: &Object) -> TokenStream {
    let block = block(&object.source);
    let Some(name) = &object.name else {
        return block;
    };
    let ty = &object.source.ty;
    let methods = object.methods.iter().map(|method| function(method, ty));
    let handle = handle(name, ty, methods.collect());
    let keeps = keeps(ty);
    quote!(#block #handle #keeps)
}

/// After a mistake: the same names, with bodies that diverge.
pub(super) fn fallback(object: &Object) -> TokenStream {
    let block = block(&object.source);
    let Some(name) = &object.name else {
        return block;
    };
    let private = paths::private(Span::mixed_site());
    let methods = object.methods.iter().map(|method| {
        let source = &method.source;
        let (vis, ident, result) = (&source.vis, &source.sig.ident, &method.result);
        let types = method.parameters.iter().map(|parameter| &parameter.ty);
        quote! {
            #vis fn #ident(&self, #(_: #types),*) -> #private::Call<#result> {
                ::core::unreachable!()
            }
        }
    });
    let handle = handle(name, &object.source.ty, methods.collect());
    quote!(#block #handle)
}

/// The block as the user wrote it, but for our own attributes.
fn block(source: &Source) -> TokenStream {
    let Source {
        attrs,
        unsafety,
        impl_token,
        generics,
        of,
        ty,
        items,
    } = source;
    let (params, _, clause) = generics.split_for_impl();
    let of = of.as_ref().map(|(of, token)| quote!(#of #token));
    quote! {
        #(#attrs)*
        #[allow(clippy::unused_async, reason = "a method of a durable object is async")]
        #unsafety #impl_token #params #of #ty #clause {
            #(#items)*
        }
    }
}

fn handle(name: &Ident, ty: &Type, methods: Vec<TokenStream>) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let handle = format_ident!("{}Object", name.unraw(), span = name.span());
    let of_handle = format!("A durable [`{name}`]; [`{name}::at`] gives one.");
    let of_at = format!(
        "The durable `{name}` of this key. That asks nobody: it exists when something was written to it."
    );
    quote! {
        #[doc = #of_handle]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(unreachable_pub, reason = "its type may be used wherever the object's is")]
        pub struct #handle(#private::Key);
        impl #ty {
            #[doc = #of_at]
            #[allow(unreachable_pub, reason = "it may be used wherever the object's type is")]
            #[must_use = "a durable object does nothing until one of its methods is called"]
            pub fn at(key: impl ::core::convert::Into<::std::string::String>) -> #handle {
                #handle(#private::Key::new(key))
            }
        }
        impl #handle {
            #(#methods)*
        }
    }
}

/// What users call, with all that belongs to it inside.
fn function(method: &Function, ty: &Type) -> TokenStream {
    let private = &paths::private(Span::mixed_site());
    let source = &method.source;
    let attrs = about(&source.attrs);
    let (vis, ident, result) = (&source.vis, &source.sig.ident, &method.result);
    let variables = &variables(method);
    let types = method.parameters.iter().map(|parameter| &parameter.ty);
    let (run, result_type) = (run(method, ty), method.result_ident());
    let (bounds, definition) = (bounds(method), definition(method));
    let given = if variables.is_empty() {
        quote!(#private::NoArguments)
    } else {
        quote!((#(&#variables,)*))
    };
    quote! {
        #(#attrs)*
        #[track_caller]
        #vis fn #ident(&self, #(#variables: #types),*) -> #private::Call<#result> {
            use #private::probe::*;
            #run
            fn #result_type() -> #private::Tag<#result> {
                #private::Tag::new()
            }
            #bounds
            #definition
            #private::inventory::submit! { #private::Registration(&__DEFINITION) }
            #private::call_of(
                &__DEFINITION,
                (&&#result_type()).output(),
                (&#private::Given(#given)).encode(&__DEFINITION),
                &self.0,
            )
        }
    }
}

/// What a worker calls: the user's own method, on the state that the call begins with.
fn run(method: &Function, ty: &Type) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let result_type = method.result_ident();
    let variables = &variables(method);
    let owned = method.parameters.iter().map(Parameter::owned);
    let lent = method.parameters.iter().map(lent);
    let (taken, owned) = if variables.is_empty() {
        (quote!(_), quote!(#private::NoArguments))
    } else {
        (quote!((#(#variables,)*)), quote!((#(#owned,)*)))
    };
    let state = Ident::new("__state", Span::mixed_site());
    let writes = method.method.as_ref().is_some_and(|method| method.writes);
    let (mutability, ident) = (writes.then(|| quote!(mut)), &method.source.sig.ident);
    let arguments = quote! {
        __input,
        (&#private::Tag::<#ty>::new()).keeper(),
        (&#private::Tag::<#owned>::new()).decoder(),
        (&&#result_type()).output(),
        |#mutability #state: #ty, #taken| async move {
            let __result = <#ty>::#ident(&#mutability #state, #(#lent),*).await;
            (#state, __result)
        },
    };
    let run = paths::private(ident.span());
    let call = quote_spanned!(ident.span()=> #run::run_on(#arguments));
    quote! {
        const __RUN: fn(#private::Input) -> #private::Running = |__input| #call;
    }
}

/// The bound on the type of the state, where the user wrote it.
fn keeps(ty: &Type) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let here = first_span(ty);
    let (variable, method) = (Ident::new("__tag", here), Ident::new("must_keep", here));
    quote! {
        const _: fn() = || {
            use #private::probe::*;
            let #variable = &#private::Tag::<#ty>::new();
            #variable.#method();
        };
    }
}

/// What is said about the method stays with the user's own; docs, conditions and lints are of the handle's as well.
fn about(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes::outside(attrs).filter(|attr| {
        !["inline", "no_mangle", "export_name", "cold"]
            .iter()
            .any(|word| attr.path().is_ident(word))
    })
}
