//! The rules of the block of a durable object, and of what its methods have that functions have not.

use syn::{FnArg, Receiver, ReceiverKind};

use super::super::attr::Attrs;
use super::super::parse::Source as Function;
use super::parse::Source;
use crate::errors::Errors;

/// Arguments that say something of the object, and those that say something of a call.
const OF_THE_BLOCK: [&str; 4] = ["service", "name", "codec", "expire"];

/// The block itself.
pub(super) fn block(attrs: &Attrs, source: &Source, errors: &mut Errors) {
    for word in &attrs.given {
        if !OF_THE_BLOCK.iter().any(|known| word == known) {
            let message =
                format!("`{word}` is said of a method; write `#[durable({word} = ..)]` before it");
            errors.at(word, message);
        }
    }
    if let Some((of, _)) = &source.of {
        let message = "a durable object has methods of its own; put `#[durable]` on an `impl` block without a trait";
        errors.at(of, message);
    }
    if let Some(unsafety) = &source.unsafety {
        errors.at(
            unsafety,
            "a durable object is called by anybody; remove `unsafe`",
        );
    }
    if !source.generics.params.is_empty() || source.generics.where_clause.is_some() {
        let message =
            "a durable object is not generic; its state has one type that is stored under one name";
        errors.at(&source.generics, message);
    } else if super::name(&source.ty).is_none() {
        let message = "a durable object is a type with a name and without arguments; write a struct of your own around it";
        errors.at(&source.ty, message);
    }
}

/// What a method may say of itself.
pub(super) fn arguments(own: &Attrs, errors: &mut Errors) {
    for word in &own.given {
        if word != "name" && OF_THE_BLOCK.iter().any(|known| word == known) {
            let message = format!(
                "`{word}` is said of the whole object; write it in the `#[durable(..)]` of the `impl` block"
            );
            errors.at(word, message);
        }
    }
}

/// What the methods of the block are called with.
pub(super) fn receiver(function: &Function, own: &Attrs, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        // A helper of the methods, which nobody calls from outside.
        if let Some(word) = own.given.first() {
            let message = "only an async method can be called from elsewhere; write `async fn`, or leave the attribute out";
            errors.at(word, message);
        }
        return;
    }
    let Some(receiver) = first_receiver(function) else {
        let message = "an async function without `self` belongs to no object; move it to another `impl` block";
        errors.at(&sig.ident, message);
        return;
    };
    if let Err(message) = lent(receiver) {
        errors.at(receiver, message);
    }
    if function.body.is_none() {
        let message = "the methods of an object have bodies; a program that only calls them links the crate that has them";
        errors.at(&sig.ident, message);
    }
}

/// True for a method that writes, false for one that reads; none for what is not called from elsewhere.
pub(super) fn access(function: &Function) -> Option<bool> {
    function.sig.asyncness?;
    lent(first_receiver(function)?).ok()
}

fn first_receiver(function: &Function) -> Option<&Receiver> {
    function.sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => Some(receiver),
        FnArg::Typed(_) => None,
    })
}

fn lent(receiver: &Receiver) -> Result<bool, &'static str> {
    match &receiver.kind {
        ReceiverKind::Reference(_, None, mutability) => Ok(mutability.is_some()),
        ReceiverKind::Reference(_, Some(_), _) => Err(
            "the state is lent to a method for one call; write `&self` or `&mut self` without a lifetime",
        ),
        _ => Err(
            "the state outlives every call of it; write `&self` to read it, or `&mut self` to change it",
        ),
    }
}
