//! The generated code. It decides nothing and is thin: what can be a generic function is one, in the runtime.
//!
//! One item comes out, under the user's name; body, definition and registration are nested inside it, so that nothing
//! can collide with what the user names.
//!
//! Only signatures and constants name the user's types: inside a function rustc words an unknown type differently, and
//! would report it twice.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::attributes;
use super::bounds::bounds;
use super::fingerprint::fingerprint;
use super::model::{Function, Parameter, Passing, first_span};
use super::type_text::type_text;
use crate::paths;

/// The function that users call, with all that belongs to it inside.
pub(super) fn expand(function: &Function) -> TokenStream {
    let private = &paths::private(Span::mixed_site());
    let source = &function.source;
    let attrs = attributes::outside(&source.attrs);
    let (vis, ident, result) = (&source.vis, &source.sig.ident, &function.result);
    let variables = &variables(function);
    let types = function.parameters.iter().map(|parameter| &parameter.ty);
    let (body, run, result_type) = (body(function), run(function), function.result_ident());
    let (bounds, definition) = (bounds(function), definition(function));
    let given = if variables.is_empty() {
        quote!(#private::NoArguments)
    } else {
        quote!((#(&#variables,)*))
    };
    quote! {
        #(#attrs)*
        #[track_caller]
        #vis fn #ident(#(#variables: #types),*) -> #private::Call<#result> {
            use #private::probe::*;
            #body
            #run
            fn #result_type() -> #private::Tag<#result> {
                #private::Tag::new()
            }
            #bounds
            #definition
            #private::inventory::submit! { #private::Registration(&__DEFINITION) }
            #private::call(
                &__DEFINITION,
                (&&#result_type()).output(),
                (&#private::Given(#given)).encode(&__DEFINITION),
            )
        }
    }
}

fn variables(function: &Function) -> Vec<&Ident> {
    function
        .parameters
        .iter()
        .map(|parameter| &parameter.variable)
        .collect()
}

/// The user's function, but for its name. One lint is off: the function cannot become less than async.
fn body(function: &Function) -> Option<TokenStream> {
    let source = &function.source;
    let body = source.body.as_ref()?;
    let attrs = attributes::inside(&source.attrs);
    let mut sig = source.sig.clone();
    sig.ident = function.body_ident();
    Some(quote! {
        #(#attrs)*
        #[allow(clippy::unused_async, reason = "a durable function is async")]
        #sig #body
    })
}

/// What a worker calls. The call of `run` stands at the user's name, where rustc then reports a future that is not
/// `Send`; all else about it is generated code, which lints leave alone.
fn run(function: &Function) -> Option<TokenStream> {
    function.source.body.as_ref()?;
    let private = paths::private(Span::mixed_site());
    let (body, result_type) = (function.body_ident(), function.result_ident());
    let variables = &variables(function);
    let owned = function.parameters.iter().map(Parameter::owned);
    let lent = function.parameters.iter().map(lent);
    let (taken, owned) = if variables.is_empty() {
        (quote!(_), quote!(#private::NoArguments))
    } else {
        (quote!((#(#variables,)*)), quote!((#(#owned,)*)))
    };
    let arguments = quote! {
        __input,
        (&#private::Tag::<#owned>::new()).decoder(),
        (&&#result_type()).output(),
        |#taken| async move { #body(#(#lent),*).await },
    };
    let here = function.source.sig.ident.span();
    let run = paths::private(here);
    let call = quote_spanned!(here=> #run::run(#arguments));
    Some(quote! {
        const __RUN: fn(#private::Input) -> #private::Running = |__input| #call;
    })
}

/// What the body gets of a parameter.
fn lent(parameter: &Parameter) -> TokenStream {
    let variable = &parameter.variable;
    let borrow = paths::borrow();
    match &parameter.passing {
        Passing::Owned => quote!(#variable),
        Passing::Lent(_) => quote!(#borrow(&#variable)),
    }
}

fn definition(function: &Function) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let here = function.source.sig.ident.span();
    let (some, none) = (paths::some(), paths::none());
    let (name, result) = (function.name(), type_text(&function.result));
    let version = function.attrs.version.unwrap_or(1);
    let service = match &function.attrs.service {
        Some(service) => quote!(#service),
        None => quote!(::core::env!("CARGO_PKG_NAME")),
    };
    let names = function.parameters.iter().map(|parameter| &parameter.name);
    let types = function
        .parameters
        .iter()
        .map(|parameter| type_text(&parameter.ty));
    let fingerprint = function
        .source
        .body
        .as_ref()
        .map_or(0, |body| fingerprint(body.clone().into()));
    let (options, result_type) = (options(function), function.result_ident());
    let (file, line) = (
        quote_spanned!(here=> ::core::file!()),
        quote_spanned!(here=> ::core::line!()),
    );
    let run = if function.source.body.is_some() {
        quote!(#some(__RUN))
    } else {
        none
    };
    quote! {
        static __DEFINITION: #private::Definition = #private::Definition {
            name: #name,
            service: #service,
            version: #version,
            parameters: &[#(#private::Parameter { name: #names, ty: #types }),*],
            result: #result,
            body_fingerprint: #fingerprint,
            item: || ::core::any::type_name_of_val(&#result_type),
            options: #options,
            file: #file,
            line: #line,
            run: #run,
        };
    }
}

/// What the user chose, over the defaults.
fn options(function: &Function) -> TokenStream {
    let private = paths::private(Span::mixed_site());
    let some = paths::some();
    let attrs = &function.attrs;
    let retry = attrs
        .retry
        .as_ref()
        .map(|retry| quote!(retry: #some(|| #retry),));
    let timeout = attrs
        .timeout
        .as_ref()
        .map(|timeout| quote!(timeout: #some(|| #timeout),));
    let codec = attrs
        .codec
        .as_ref()
        .map(|codec| quote!(codec: #some(#codec),));
    let priority = attrs
        .priority
        .map(|priority| quote!(priority: #some(#priority),));
    let concurrency = attrs
        .concurrency
        .map(|most| quote!(concurrency: #some(#most),));
    let rate_limit = attrs
        .rate_limit
        .map(|(starts, millis)| quote!(rate_limit: #some((#starts, #millis)),));
    let schedule = attrs.schedule.as_ref().map(|(cron, _)| {
        let timezone = attrs.timezone.as_ref().map_or("UTC", |(zone, _)| zone);
        quote!(schedule: #some((#cron, #timezone)),)
    });
    let hazards = hazards(function);
    let chosen =
        quote!(#retry #timeout #codec #priority #concurrency #rate_limit #schedule #hazards);
    if chosen.is_empty() {
        return quote!(#private::Options::NONE);
    }
    quote!(#private::Options { #chosen ..#private::Options::NONE })
}

/// What its body does that a replay would do otherwise, for the runtime to tell if the function turns out to call others.
fn hazards(function: &Function) -> Option<TokenStream> {
    let found = function.hazards();
    if found.is_empty() {
        return None;
    }
    let private = paths::private(Span::mixed_site());
    let hazards = found.iter().map(|hazard| {
        let (name, advice, here) = (&hazard.name, &hazard.advice, first_span(&hazard.path));
        let is_allowed = hazard.is_allowed;
        let line = quote_spanned!(here=> ::core::line!());
        quote!(#private::Hazard { name: #name, advice: #advice, line: #line, is_allowed: #is_allowed })
    });
    Some(quote!(hazards: &[#(#hazards),*],))
}
