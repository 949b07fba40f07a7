//! `#[durable]`: one stage per file, read from top to bottom.
//!
//! - `attr`: the attribute's arguments
//! - `parse`: the item, with the body as one opaque token group
//! - `model`: all that `expand` needs, with spans
//! - `check`: the rules; makes no tokens
//! - `expand`: the generated code; decides nothing; `bounds` is the part of it that rustc may complain about
//! - `fallback`: what stands there instead after a mistake
//!
//! Helpers: `attributes` (which of the user's other attributes goes where), `borrowed` (what a type borrows),
//! `type_text` (types as texts that compare), `fingerprint` (bodies as numbers that compare), `nearest` (spelling),
//! `mentions` (the paths in a body), `unbiased` (macros that poll in another order each time), `hazards` (what a replay
//! would do otherwise), `cron` (when a schedule fires), `tokens` (token trees as text), `debug` (shows one expansion).

mod attr;
mod attributes;
mod borrowed;
mod bounds;
mod check;
mod cron;
mod debug;
mod expand;
mod fallback;
mod fingerprint;
mod hazards;
mod mentions;
mod model;
mod nearest;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;
mod type_text;
mod unbiased;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// The pipeline: from the attribute's arguments and the item it marks to what replaces the item.
pub(crate) fn durable(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attrs = attr::parse(args, &mut errors);
    let source = match parse::parse(item.clone()) {
        Ok(source) => source,
        // Not a function: the item goes back unchanged.
        Err(error) => return errors.and(error).into_tokens(item),
    };
    let function = model::Function::new(attrs, source);
    check::check(&function, &mut errors);
    let code = if errors.is_empty() {
        expand::expand(&function)
    } else {
        fallback::fallback(&function)
    };
    let code = errors.into_tokens(code);
    debug::show(&function.source.sig.ident, &code);
    code
}
