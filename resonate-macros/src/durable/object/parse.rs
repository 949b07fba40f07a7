//! The block as source text. Bodies are kept as opaque token groups, as those of functions are; what is no function is
//! kept whole.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, ImplItem, Path, Token, Type, Visibility, braced};

use super::super::parse::{Source as Function, keyword};

/// An `impl` block as the user wrote it.
pub(super) struct Source {
    pub(super) attrs: Vec<Attribute>,
    pub(super) unsafety: Option<Token![unsafe]>,
    pub(super) impl_token: Token![impl],
    pub(super) generics: Generics,
    /// Of what trait, if it is of one.
    pub(super) of: Option<(Path, Token![for])>,
    pub(super) ty: Type,
    pub(super) items: Vec<Item>,
}

/// Something in the block.
pub(super) enum Item {
    Function(Box<Function>),
    Other(Box<ImplItem>),
}

/// Reads a block.
pub(super) fn parse(item: TokenStream) -> syn::Result<Source> {
    syn::parse2(item)
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let unsafety = input.parse()?;
        let impl_token = input.parse()?;
        let mut generics: Generics = if input.peek(Token![<]) {
            input.parse()?
        } else {
            Generics::default()
        };
        let first: Type = input.parse()?;
        let (of, ty) = match (input.parse::<Option<Token![for]>>()?, first) {
            (Some(token), Type::Path(path)) => (Some((path.path, token)), input.parse()?),
            (Some(token), other) => {
                return Err(syn::Error::new_spanned(
                    other,
                    format!("before `{}` comes a trait", token.to_token_stream()),
                ));
            }
            (None, ty) => (None, ty),
        };
        generics.where_clause = input.parse()?;
        let content;
        braced!(content in input);
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        Ok(Self {
            attrs,
            unsafety,
            impl_token,
            generics,
            of,
            ty,
            items,
        })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if keyword(&ahead).is_ok_and(|word| word == "fn") {
            return Ok(Self::Function(Box::new(input.parse()?)));
        }
        Ok(Self::Other(Box::new(input.parse()?)))
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Other(other) => other.to_tokens(tokens),
            Self::Function(function) => {
                let Function {
                    attrs,
                    vis,
                    sig,
                    body,
                } = &**function;
                attrs.iter().for_each(|attr| attr.to_tokens(tokens));
                vis.to_tokens(tokens);
                sig.to_tokens(tokens);
                match body {
                    Some(body) => body.to_tokens(tokens),
                    None => <Token![;]>::default().to_tokens(tokens),
                }
            }
        }
    }
}
