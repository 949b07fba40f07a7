//! The attribute's arguments: `name = value`, separated by commas. A bad one is reported and left out, and the rest is
//! read on.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::str::FromStr;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, Token, UnOp};

use super::cron;
use super::hazards::KINDS;
use super::nearest::nearest;
use crate::errors::Errors;

/// What the user said about the function. Absent means the default.
#[derive(Default)]
pub(super) struct Attrs {
    pub(super) name: Option<String>,
    pub(super) service: Option<String>,
    pub(super) version: Option<u32>,
    pub(super) retry: Option<Expr>,
    pub(super) timeout: Option<Expr>,
    pub(super) codec: Option<String>,
    pub(super) priority: Option<i8>,
    pub(super) concurrency: Option<u32>,
    /// So many starts in so many milliseconds.
    pub(super) rate_limit: Option<(u32, u64)>,
    /// When it is called without being called, and where that was said.
    pub(super) schedule: Option<(String, Span)>,
    /// Where that time is meant.
    pub(super) timezone: Option<(String, Span)>,
    /// What the function may do though it is replayed.
    pub(super) allow: Vec<String>,
}

/// Every argument, with an example for messages.
const KNOWN: [(&str, &str); 12] = [
    ("name", "name = \"charge\""),
    ("service", "service = \"payments\""),
    ("version", "version = 2"),
    ("retry", "retry = Retry::exponential().max_attempts(5)"),
    ("timeout", "timeout = hours(1)"),
    ("codec", "codec = \"bincode\""),
    ("priority", "priority = 10"),
    ("concurrency", "concurrency = 10"),
    ("rate_limit", "rate_limit = \"100/s\""),
    ("schedule", "schedule = \"0 3 * * *\""),
    ("timezone", "timezone = \"Europe/Berlin\""),
    ("allow", "allow = \"time\""),
];
/// Words that will mean something; refused, so that nobody believes they already do.
const LATER: [&str; 1] = ["key"];
const CODECS: [&str; 2] = ["json", "bincode"];

/// Reads all arguments; what is wrong with one of them goes to `errors`.
pub(super) fn parse(args: TokenStream, errors: &mut Errors) -> Attrs {
    let mut attrs = Attrs::default();
    let mut seen = Vec::new();
    let arguments = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = argument(input, &mut attrs, &mut seen) {
                errors.push(error);
                skip_to_the_next(input)?;
            }
        }
        Ok(())
    };
    if let Err(error) = arguments.parse2(args) {
        errors.push(error);
    }
    attrs
}

fn argument(input: ParseStream<'_>, attrs: &mut Attrs, seen: &mut Vec<Ident>) -> syn::Result<()> {
    let word = input.call(Ident::parse_any).map_err(|error| {
        let message =
            "an argument of `#[durable]` is a name and a value; write `service = \"payments\"`";
        syn::Error::new(error.span(), message)
    })?;
    // The value is read first: commas inside it do not end the argument, whatever is wrong with its name.
    let value = match input.parse::<Option<Token![=]>>()? {
        Some(_) if !input.is_empty() && !input.peek(Token![,]) => Some(input.parse::<Expr>()?),
        _ => None,
    };
    let example = example(&word)?;
    if seen.contains(&word) {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}` is given twice; keep one of them"),
        ));
    }
    seen.push(word.clone());
    let Some(value) = value else {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}` needs a value; write `{example}`"),
        ));
    };
    set(attrs, &word, value, example)?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// After a mistake: to the beginning of the next argument.
fn skip_to_the_next(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// The example of a known argument, or why the word is none.
fn example(word: &Ident) -> syn::Result<&'static str> {
    let text = word.to_string();
    if let Some((_, example)) = KNOWN.iter().find(|(known, _)| *known == text) {
        return Ok(example);
    }
    let message = if LATER.contains(&text.as_str()) {
        format!("`{word}` is not available yet; leave it out")
    } else if let Some(known) = nearest(&text, KNOWN.map(|(known, _)| known)) {
        format!("`#[durable]` has no argument `{word}`; write `{known}`")
    } else {
        let all = KNOWN.map(|(known, _)| format!("`{known}`")).join(", ");
        format!("`#[durable]` has no argument `{word}`; it has {all}")
    };
    Err(syn::Error::new(word.span(), message))
}

fn set(attrs: &mut Attrs, word: &Ident, value: Expr, example: &str) -> syn::Result<()> {
    match word.to_string().as_str() {
        "name" => attrs.name = Some(address_part(word, &value, example, "_", "digits and `_`")?),
        "service" => {
            attrs.service = Some(address_part(
                word,
                &value,
                example,
                "_-",
                "digits, `_` and `-`",
            )?)
        }
        "version" => attrs.version = Some(whole_number(word, &value, example, 1..=u32::MAX)?),
        "priority" => {
            attrs.priority = Some(whole_number(word, &value, example, i8::MIN..=i8::MAX)?)
        }
        "codec" => attrs.codec = Some(codec(word, &value, example)?),
        "concurrency" => {
            attrs.concurrency = Some(whole_number(word, &value, example, 1..=u32::MAX)?)
        }
        "rate_limit" => attrs.rate_limit = Some(rate(word, &value, example)?),
        "schedule" => {
            attrs.schedule = Some(looked_at(word, &value, example, cron::mistake)?);
        }
        "timezone" => {
            attrs.timezone = Some(looked_at(word, &value, example, cron::zone_mistake)?);
        }
        "allow" => attrs.allow = allowed(word, &value, example)?,
        "retry" => attrs.retry = Some(value),
        "timeout" => attrs.timeout = Some(value),
        known => unreachable!(
            "`example` lets only the words of KNOWN pass, all of which are above: {known}"
        ),
    }
    Ok(())
}

/// A part of `service/name@version`: ASCII letters, digits and `marks`.
fn address_part(
    word: &Ident,
    value: &Expr,
    example: &str,
    marks: &str,
    others: &str,
) -> syn::Result<String> {
    let text = text(word, value, example)?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || marks.contains(letter);
    if !text.is_empty() && text.chars().all(fits) {
        return Ok(text);
    }
    let message = format!("`{word}` is made of ASCII letters, {others}; write `{example}`");
    Err(syn::Error::new_spanned(value, message))
}

fn codec(word: &Ident, value: &Expr, example: &str) -> syn::Result<String> {
    let text = text(word, value, example)?;
    if CODECS.contains(&text.as_str()) {
        return Ok(text);
    }
    let message =
        format!("there is no codec `{text}`; write `codec = \"json\"` or `codec = \"bincode\"`");
    Err(syn::Error::new_spanned(value, message))
}

/// `"100/s"`: how many, and in how many milliseconds.
fn rate(word: &Ident, value: &Expr, example: &str) -> syn::Result<(u32, u64)> {
    let text = text(word, value, example)?;
    let millis = |unit: &str| match unit {
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let rate = text.split_once('/').and_then(|(starts, unit)| {
        let starts = starts.parse().ok().filter(|starts: &u32| *starts > 0)?;
        Some((starts, millis(unit)?))
    });
    rate.ok_or_else(|| {
        let message = format!(
            "`{word}` is a whole number, `/` and `s`, `min`, `h` or `d`; write `{example}`"
        );
        syn::Error::new_spanned(value, message)
    })
}

/// A text without this mistake, and where the argument is.
fn looked_at(
    word: &Ident,
    value: &Expr,
    example: &str,
    mistake: fn(&str) -> Option<String>,
) -> syn::Result<(String, Span)> {
    let text = text(word, value, example)?;
    match mistake(&text) {
        Some(message) => Err(syn::Error::new_spanned(value, message)),
        None => Ok((text, word.span())),
    }
}

/// `"time"`, or `["time", "random"]`.
fn allowed(word: &Ident, value: &Expr, example: &str) -> syn::Result<Vec<String>> {
    let one = |value: &Expr| {
        let name = text(word, value, example)?;
        if KINDS.contains(&name.as_str()) {
            return Ok(name);
        }
        let all = KINDS.map(|kind| format!("`{kind}`")).join(", ");
        let message = format!("there is nothing called `{name}` to allow; there are {all}");
        Err(syn::Error::new_spanned(value, message))
    };
    match value {
        Expr::Array(array) => array.elems.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

fn text(word: &Ident, value: &Expr, example: &str) -> syn::Result<String> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text.value()),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{word}` is a string literal; write `{example}`"),
        )),
    }
}

fn whole_number<N>(
    word: &Ident,
    value: &Expr,
    example: &str,
    range: RangeInclusive<N>,
) -> syn::Result<N>
where
    N: FromStr + PartialOrd + ToString,
{
    let digits = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => Some(number.base10_digits().to_owned()),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => match &**expr {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => Some(format!("-{number}", number = number.base10_digits())),
            _ => None,
        },
        _ => None,
    };
    let number = digits.and_then(|digits| digits.parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (least, most) = (range.start().to_string(), range.end().to_string());
            let message =
                format!("`{word}` is a whole number from {least} to {most}; write `{example}`");
            syn::Error::new_spanned(value.to_token_stream(), message)
        })
}
