//! All that `expand` needs, with spans. Building it cannot fail: what is wrong is left for `check` to find.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, FnArg, Ident, Pat, PatType, ReturnType, Type, parse_quote};

use super::attr::Attrs;
use super::hazards::{self, Hazard};
use super::parse::Source;
use crate::paths;

/// A durable function.
pub(super) struct Function {
    pub(super) attrs: Attrs,
    pub(super) source: Source,
    /// Without a receiver, which is a mistake.
    pub(super) parameters: Vec<Parameter>,
    /// `()` if nothing is written.
    pub(super) result: Type,
    /// None for a free function.
    pub(super) method: Option<Method>,
}

/// What makes a function the method of a durable object.
pub(super) struct Method {
    /// `Cart`.
    pub(super) object: Ident,
    /// True for `&mut self`.
    pub(super) writes: bool,
    /// For how long the object may be idle.
    pub(super) expire: Option<Expr>,
}

/// One parameter.
pub(super) struct Parameter {
    /// What callers and messages call it.
    pub(super) name: String,
    /// The variable that holds it in generated code. It stands where the user's does, but is not the user's: nothing
    /// that the user names can capture it.
    pub(super) variable: Ident,
    /// As written.
    pub(super) ty: Type,
    pub(super) passing: Passing,
}

/// How an argument gets to the body.
pub(super) enum Passing {
    /// By value.
    Owned,
    /// `&T`, with `T`: the execution owns what [`Parameter::owned`] says and lends it to the body.
    Lent(Box<Type>),
}

impl Function {
    pub(super) fn new(attrs: Attrs, source: Source) -> Self {
        let inputs = source.sig.inputs.iter();
        let typed = inputs.filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let parameters = typed
            .zip(1..)
            .map(|(typed, number)| Parameter::new(typed, number))
            .collect();
        let result = match &source.sig.output {
            ReturnType::Type(_, ty) => (**ty).clone(),
            ReturnType::Default => parse_quote!(()),
        };
        Self {
            attrs,
            source,
            parameters,
            result,
            method: None,
        }
    }

    /// The function's name in its address.
    pub(super) fn name(&self) -> String {
        let own = || self.source.sig.ident.unraw().to_string();
        let name = self.attrs.name.clone().unwrap_or_else(own);
        match &self.method {
            Some(method) => format!("{}.{name}", method.object.unraw()),
            None => name,
        }
    }

    /// What its body does that a replay would do otherwise.
    pub(super) fn hazards(&self) -> Vec<Hazard> {
        let body = self.source.body.iter();
        body.flat_map(|body| hazards::hazards(body.clone().into(), &self.attrs.allow))
            .collect()
    }

    /// True if its tokens say beyond doubt that it calls something durable.
    pub(super) fn is_caller(&self) -> bool {
        let own_name = self.source.sig.ident.to_string();
        let body = self.source.body.as_ref();
        body.is_some_and(|body| hazards::is_caller(body.clone().into(), &own_name))
    }

    /// The nested function with the user's body. Never the user's name: a recursive call would mean the body.
    pub(super) fn body_ident(&self) -> Ident {
        self.nested("body")
    }

    /// The nested function that says what the result type is.
    pub(super) fn result_ident(&self) -> Ident {
        self.nested("result")
    }

    /// In lower case, so that a lint about the user's name speaks once.
    fn nested(&self, role: &str) -> Ident {
        let ident = &self.source.sig.ident;
        let name = ident.unraw().to_string().to_lowercase();
        Ident::new(&format!("__{name}_{role}"), ident.span())
    }
}

impl Parameter {
    fn new(typed: &PatType, number: usize) -> Self {
        let (name, span) = match &*typed.pat {
            Pat::Ident(pat) => (pat.ident.unraw().to_string(), pat.ident.span()),
            pattern => (format!("argument_{number}"), first_span(pattern)),
        };
        let variable = match &*typed.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => Ident::new(&name, span),
        };
        Self {
            name,
            variable: with_span(variable, generated(span)),
            ty: (*typed.ty).clone(),
            passing: Passing::of(&typed.ty),
        }
    }

    /// The type that an execution owns of it, standing where the user's type does. For `&[T]` it is written out, since
    /// `[T]: ToOwned` would want a `T: Clone` that nobody needs.
    pub(super) fn owned(&self) -> TokenStream {
        match &self.passing {
            Passing::Owned => self.ty.to_token_stream(),
            Passing::Lent(ty) => {
                let here = first_span(ty);
                let (vec, to_owned) = (paths::vec(here), paths::to_owned(here));
                match &**ty {
                    Type::Slice(slice) => {
                        let element = &slice.elem;
                        quote_spanned!(here=> #vec<#element>)
                    }
                    ty => quote_spanned!(here=> <#ty as #to_owned>::Owned),
                }
            }
        }
    }
}

impl Passing {
    fn of(ty: &Type) -> Self {
        match ty {
            Type::Reference(reference) => Self::Lent(reference.elem.clone()),
            Type::Paren(paren) => Self::of(&paren.elem),
            Type::Group(group) => Self::of(&group.elem),
            _ => Self::Owned,
        }
    }
}

/// Where `span` is, but as generated code: rustc reports mistakes there, and lints know that no person wrote it.
fn generated(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Where the first of some tokens is.
pub(super) fn first_span(tokens: impl ToTokens) -> Span {
    tokens
        .into_token_stream()
        .into_iter()
        .next()
        .map_or_else(Span::call_site, |token| token.span())
}

fn with_span(mut ident: Ident, span: Span) -> Ident {
    ident.set_span(span);
    ident
}
