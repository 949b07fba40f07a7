//! A durable object: an `impl` block whose async methods can be called from anywhere, one that writes at a time per key.
//!
//! The block stays as the user wrote it. Beside it comes a handle, `CartObject`, with a function for each method; to the
//! other stages that is a durable function without its receiver.
//!
//! - `parse`: the block, bodies as opaque token groups
//! - `check`: the rules of the block and of its methods' receivers; the rest is the rules of functions
//! - `expand`: the generated code

mod check;
mod expand;
mod parse;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, Ident, Type};

use self::parse::{Item, Source};
use super::attr::{self, Attrs};
use super::model::{Function, Method};
use super::parse::Source as FunctionSource;
use super::{check as functions, debug};
use crate::errors::Errors;

/// A durable object.
struct Object {
    source: Source,
    /// `Cart`, if the type is a plain name.
    name: Option<Ident>,
    /// Its async methods.
    methods: Vec<Function>,
}

/// From the attribute's arguments and the block to what replaces the block.
pub(super) fn object(attrs: Attrs, item: TokenStream, mut errors: Errors) -> TokenStream {
    let mut source = match parse::parse(item.clone()) {
        Ok(source) => source,
        Err(error) => return errors.and(error).into_tokens(item),
    };
    check::block(&attrs, &source, &mut errors);
    let name = name(&source.ty);
    let mut methods = Vec::new();
    for item in &mut source.items {
        let Item::Function(function) = item else {
            continue;
        };
        let own = take_own_arguments(function, &mut errors);
        check::arguments(&own, &mut errors);
        check::receiver(function, &own, &mut errors);
        let Some(writes) = check::access(function) else {
            continue;
        };
        if let Some(name) = &name {
            methods.push(method(&attrs, own, function, (name, &source.ty), writes));
        }
    }
    for method in &methods {
        functions::check(method, &mut errors);
    }
    let object = Object {
        source,
        name,
        methods,
    };
    let code = if errors.is_empty() {
        expand::expand(&object)
    } else {
        expand::fallback(&object)
    };
    let code = errors.into_tokens(code);
    if let Some(name) = &object.name {
        debug::show(name, &code);
    }
    code
}

/// The method as a function without a receiver.
fn method(
    block: &Attrs,
    own: Attrs,
    source: &FunctionSource,
    (object, ty): (&Ident, &Type),
    writes: bool,
) -> Function {
    let attrs = Attrs {
        service: block.service.clone(),
        codec: block.codec.clone(),
        ..own
    };
    let mut sig = source.sig.clone();
    sig.inputs = sig
        .inputs
        .into_iter()
        .filter(|input| matches!(input, FnArg::Typed(_)))
        .collect();
    // Outside of the block `Self` is something else.
    let named = with_self(sig.to_token_stream(), ty);
    let source = FunctionSource {
        attrs: source.attrs.clone(),
        vis: source.vis.clone(),
        sig: syn::parse2(named).unwrap_or(sig),
        body: source.body.clone(),
    };
    let method = Method {
        object: block
            .name
            .as_ref()
            .map_or_else(|| object.clone(), |name| Ident::new(name, object.span())),
        writes,
        expire: block.expire.clone(),
    };
    Function {
        method: Some(method),
        ..Function::new(attrs, source)
    }
}

/// Takes `#[durable(..)]` out of a method's attributes, and reads it.
fn take_own_arguments(function: &mut FunctionSource, errors: &mut Errors) -> Attrs {
    let is_ours = |attr: &syn::Attribute| {
        let last = attr.path().segments.last();
        last.is_some_and(|last| last.ident == "durable")
    };
    let (ours, others) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition::<Vec<_>, _>(is_ours);
    function.attrs = others;
    let mut arguments = TokenStream::new();
    for attr in ours {
        if let syn::Meta::List(list) = attr.meta {
            arguments = list.tokens;
        }
    }
    attr::parse(arguments, errors)
}

/// The last segment of the type's path, if that is all there is to it.
fn name(ty: &Type) -> Option<Ident> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    (path.qself.is_none() && last.arguments.is_none()).then(|| last.ident.clone())
}

/// The same tokens with the type in place of `Self`.
fn with_self(tokens: TokenStream, ty: &Type) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => ty.to_token_stream(),
        TokenTree::Group(group) => {
            let mut inner =
                proc_macro2::Group::new(group.delimiter(), with_self(group.stream(), ty));
            inner.set_span(group.span());
            TokenTree::Group(inner).into()
        }
        other => other.into(),
    });
    replaced.collect()
}
