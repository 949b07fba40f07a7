//! Types as texts that compare: a caller's `&str` and a worker's `String`, `crate::model::Order` here and `Order` there
//! are the same text. Workers and callers exchange these texts to find out that their signatures differ.
//!
//! An alias is its own name, since tokens do not tell what it stands for. One is known: a `Result` of one argument is
//! resonate's, and so is its error.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{AngleBracketedGenericArguments, GenericArgument, PathArguments, Type, TypePath};

use super::tokens::delimiters;

/// The normalized text: references as what they own, paths cut to their last segment, no lifetimes, both arguments of a
/// `Result`, no spaces except after commas and between two words.
pub(super) fn type_text(ty: &Type) -> String {
    match ty {
        Type::Reference(reference) => owned_text(&reference.elem),
        Type::Paren(paren) => type_text(&paren.elem),
        Type::Group(group) => type_text(&group.elem),
        Type::Path(path) => path_text(path),
        Type::Slice(slice) => format!("[{}]", type_text(&slice.elem)),
        Type::Array(array) => {
            let length = compact(array.len.to_token_stream());
            format!("[{};{length}]", type_text(&array.elem))
        }
        Type::Tuple(tuple) => {
            let elements: Vec<String> = tuple.elems.iter().map(type_text).collect();
            let comma = if elements.len() == 1 { "," } else { "" };
            format!("({}{comma})", elements.join(", "))
        }
        other => compact(other.to_token_stream()),
    }
}

/// What is behind a reference, as the type that owns it.
fn owned_text(borrowed: &Type) -> String {
    match borrowed {
        Type::Slice(slice) => format!("Vec<{}>", type_text(&slice.elem)),
        other => match type_text(other).as_str() {
            "str" => "String".to_owned(),
            "Path" => "PathBuf".to_owned(),
            "OsStr" => "OsString".to_owned(),
            owned => owned.to_owned(),
        },
    }
}

fn path_text(path: &TypePath) -> String {
    let Some(last) = path.path.segments.last() else {
        return compact(path.to_token_stream());
    };
    let name = last.ident.unraw().to_string();
    match &last.arguments {
        PathArguments::None => name,
        PathArguments::AngleBracketed(arguments) => {
            let mut texts = arguments_texts(arguments);
            if name == "Result" && texts.len() == 1 {
                texts.push("Error".to_owned());
            }
            if texts.is_empty() {
                return name;
            }
            format!("{name}<{}>", texts.join(", "))
        }
        PathArguments::Parenthesized(arguments) => name + &compact(arguments.to_token_stream()),
    }
}

fn arguments_texts(arguments: &AngleBracketedGenericArguments) -> Vec<String> {
    let texts = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(type_text(ty)),
        GenericArgument::Lifetime(_) => None,
        other => Some(compact(other.to_token_stream())),
    });
    texts.collect()
}

/// Any tokens without spaces, except after commas and where two words would become one.
fn compact(tokens: TokenStream) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for token in tokens {
        let is_word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if is_word && after_word {
            text.push(' ');
        }
        after_word = is_word;
        match token {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                text.extend([open, compact(group.stream()).as_str(), close]);
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => text.push_str(", "),
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            TokenTree::Ident(_) | TokenTree::Literal(_) => text.push_str(&token.to_string()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ty: &str, text: &str) {
        let parsed = syn::parse_str(ty).expect("a type");
        assert_eq!(type_text(&parsed), text, "{ty}");
    }

    #[test]
    fn references_read_as_what_they_own() {
        check("&str", "String");
        check("&'static str", "String");
        check("&[u8]", "Vec<u8>");
        check("&[&str]", "Vec<String>");
        check("&Order", "Order");
        check("&(u64, &str)", "(u64, String)");
        check("Option<&str>", "Option<String>");
        check("&std::primitive::str", "String");
        check("&std::path::Path", "PathBuf");
        check("&OsStr", "OsString");
    }

    #[test]
    fn paths_are_cut_to_their_last_segment() {
        check("crate::model::Order", "Order");
        check(
            "std::collections::BTreeMap<std::string::String, crate::Order>",
            "BTreeMap<String, Order>",
        );
        check("<Cart as Object>::Key", "Key");
        check("r#type", "type");
    }

    #[test]
    fn a_result_has_its_error_whether_it_is_written_or_not() {
        for same in [
            "Result<u64>",
            "Result<u64,>",
            "Result < u64 , Error >",
            "resonate::Result<u64>",
            "std::result::Result<u64, resonate::Error>",
            "::core::result::Result<core::primitive::u64, crate::Error>",
        ] {
            check(same, "Result<u64, Error>");
        }
        check("Result<(), PaymentError>", "Result<(), PaymentError>");
        check("Option<Result<u64>>", "Option<Result<u64, Error>>");
        check("Vec<u64>", "Vec<u64>");
    }

    #[test]
    fn tuples_arrays_and_the_rest_have_one_spelling() {
        check("()", "()");
        check("(u64,)", "(u64,)");
        check("( u64 , & str )", "(u64, String)");
        check("[u8; 32]", "[u8;32]");
        check("[crate::Id; Self::N]", "[Id;Self::N]");
        check("(Vec < u8 >)", "Vec<u8>");
        check("Cow<'static, str>", "Cow<str>");
        check("Cow<'_, str>", "Cow<str>");
        check("Key<'static>", "Key");
        check(
            "Box<dyn Fn(u8, u16) -> u32 + Send>",
            "Box<dyn Fn(u8, u16)->u32+Send>",
        );
        check("!", "!");
        check("my_type!(a b)", "my_type!(a b)");
    }
}
