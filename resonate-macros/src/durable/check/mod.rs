//! The rules of a durable function. All of them run, always; none of them makes tokens. A message says what is wrong in
//! the user's terms and what to write instead, and underlines the smallest token that is wrong.

#[cfg(test)]
mod tests;

use syn::{FnArg, GenericParam, Lifetime, PatType, ReturnType, Safety, Type, TypeReference};

use super::borrowed::{Part, parts};
use super::mentions::mentions;
use super::model::Function;
use super::type_text::type_text;
use super::unbiased::unbiased;
use crate::errors::Errors;

/// Tuples of so many elements can be serialized; more arguments than that want a name for what they are together.
const PARAMETERS_MAX: usize = 12;

type Rule = fn(&Function, &mut Errors);

const RULES: &[Rule] = &[
    is_async,
    is_not_const,
    is_safe,
    has_no_abi,
    is_addressable,
    is_not_generic,
    has_no_receiver,
    is_not_variadic,
    has_few_parameters,
    has_every_parameter_always,
    can_own_its_arguments,
    can_give_its_result_away,
    polls_in_one_order,
    does_the_same_again,
    can_be_called_by_the_clock,
];

/// Adds every violation of every rule to `errors`.
pub(super) fn check(function: &Function, errors: &mut Errors) {
    for rule in RULES {
        rule(function, errors);
    }
}

/// A schedule calls with nothing, a function that is here.
fn can_be_called_by_the_clock(function: &Function, errors: &mut Errors) {
    let attrs = &function.attrs;
    if let (Some((_, span)), None) = (&attrs.timezone, &attrs.schedule) {
        let message =
            "a time zone says nothing without a schedule; write `schedule = \"0 3 * * *\"` too";
        errors.push(syn::Error::new(*span, message));
    }
    let Some((_, span)) = &attrs.schedule else {
        return;
    };
    if !function.parameters.is_empty() {
        let message = "a function with a schedule has no parameters, since nobody is there to give arguments; remove \
            them, or use `resonate.schedule(..)`";
        errors.push(syn::Error::new(*span, message));
    }
    if function.source.body.is_none() {
        let message = "a declaration has no schedule; write it where the function has its body";
        errors.push(syn::Error::new(*span, message));
    }
}

fn is_async(function: &Function, errors: &mut Errors) {
    let sig = &function.source.sig;
    if sig.asyncness.is_none() {
        errors.at(
            sig.fn_token,
            format!(
                "a durable function is async; write `async fn {}`",
                sig.ident
            ),
        );
    }
}

fn is_not_const(function: &Function, errors: &mut Errors) {
    if let Some(token) = &function.source.sig.constness {
        errors.at(
            token,
            "a durable function is not evaluated by the compiler; remove `const`",
        );
    }
}

fn is_safe(function: &Function, errors: &mut Errors) {
    if let Safety::Unsafe(token) = &function.source.sig.safety {
        errors.at(token, "any process may call a durable function; remove `unsafe` and check what it needs inside");
    }
}

fn has_no_abi(function: &Function, errors: &mut Errors) {
    if let Some(abi) = &function.source.sig.abi {
        errors.at(
            abi,
            "a durable function is called through resonate, not through an ABI; remove `extern`",
        );
    }
}

fn is_addressable(function: &Function, errors: &mut Errors) {
    let ident = &function.source.sig.ident;
    if !function.name().is_ascii() {
        let message = "the name of a durable function is made of ASCII letters, digits and `_`; \
            choose one with `#[durable(name = \"..\")]`";
        errors.at(ident, message);
    }
}

/// Parameters are the mistake; a `where` clause is one only without them.
fn is_not_generic(function: &Function, errors: &mut Errors) {
    let generics = &function.source.sig.generics;
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) => {
                errors.at(
                    &parameter.lifetime,
                    "a durable function has no lifetime parameters; write `&T` without one",
                );
            }
            GenericParam::Type(parameter) => not_generic(&parameter.ident, errors),
            GenericParam::Const(parameter) => not_generic(&parameter.ident, errors),
        }
    }
    if let Some(clause) = &generics.where_clause
        && generics.params.is_empty()
    {
        errors.at(
            clause.where_token,
            "a durable function is not generic; remove the `where` clause",
        );
    }
}

fn not_generic(parameter: &syn::Ident, errors: &mut Errors) {
    let message = format!(
        "a durable function is not generic; write a concrete type or value instead of `{parameter}`"
    );
    errors.at(parameter, message);
}

fn has_no_receiver(function: &Function, errors: &mut Errors) {
    for input in &function.source.sig.inputs {
        if let FnArg::Receiver(receiver) = input {
            let message = "a durable function has no receiver; make it a free function and pass what it needs as an argument";
            errors.at(receiver.self_token, message);
        }
    }
}

fn is_not_variadic(function: &Function, errors: &mut Errors) {
    if let Some(variadic) = &function.source.sig.variadic {
        errors.at(
            variadic.dots,
            "a durable function has a fixed number of parameters; write `Vec<T>`",
        );
    }
}

fn has_few_parameters(function: &Function, errors: &mut Errors) {
    if let Some(typed) = typed(function).nth(PARAMETERS_MAX) {
        let count = function.parameters.len();
        let message = format!(
            "a durable function has at most {PARAMETERS_MAX} parameters, not {count}; put some into a struct"
        );
        errors.at(&typed.pat, message);
    }
}

/// The signature is what callers and workers of different builds agree on.
fn has_every_parameter_always(function: &Function, errors: &mut Errors) {
    for attr in typed(function).flat_map(|typed| &typed.attrs) {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            errors.at(
                attr,
                "a durable function has the same parameters in every build; write an `Option<T>`",
            );
        }
    }
}

fn can_own_its_arguments(function: &Function, errors: &mut Errors) {
    for typed in typed(function) {
        match outermost(&typed.ty) {
            Type::Reference(reference) => argument_reference(reference, errors),
            ty => argument_parts(ty, errors),
        }
    }
}

fn argument_reference(reference: &TypeReference, errors: &mut Errors) {
    if let Some(token) = &reference.mutability {
        let message = "an argument travels to another process, which cannot change it here; \
            take it by value and return the changed one";
        errors.at(token, message);
    }
    if let Some(lifetime) = &reference.lifetime
        && lifetime.ident == "static"
    {
        let message = "an argument is lent for one execution only; write `&T` without a lifetime";
        errors.at(lifetime, message);
    }
    if let Type::TraitObject(object) = outermost(&reference.elem) {
        errors.at(
            object,
            "an argument has the same type in every process; write a concrete type",
        );
    }
    argument_parts(&reference.elem, errors);
}

fn argument_parts(ty: &Type, errors: &mut Errors) {
    for part in parts(ty) {
        match part {
            Part::Reference(reference) => {
                let message = format!(
                    "an argument is lent as a whole or not at all; write `{}`",
                    type_text(ty)
                );
                errors.at(reference.and_token, message);
            }
            Part::ImplTrait(unnamed) => {
                errors.at(
                    unnamed,
                    "an argument has the same type in every process; write a concrete type",
                );
            }
            Part::Lifetime(lifetime) => hidden_lifetime("an argument", lifetime, errors),
        }
    }
}

fn can_give_its_result_away(function: &Function, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &function.source.sig.output else {
        return;
    };
    if matches!(**ty, Type::Never(_)) {
        errors.at(ty, "a durable function ends with a result; write `()`");
    }
    for part in parts(ty) {
        match part {
            Part::Reference(reference) => {
                let message = format!(
                    "a result outlives its function and its process; write `{}`",
                    type_text(ty)
                );
                errors.at(reference.and_token, message);
            }
            Part::ImplTrait(unnamed) => {
                errors.at(
                    unnamed,
                    "a result has the same type in every process; write a concrete type",
                );
            }
            Part::Lifetime(lifetime) => hidden_lifetime("a result", lifetime, errors),
        }
    }
}

fn polls_in_one_order(function: &Function, errors: &mut Errors) {
    let Some(body) = &function.source.body else {
        return;
    };
    if function
        .attrs
        .allow
        .iter()
        .any(|allowed| allowed == "order")
    {
        return;
    }
    let mentions = mentions(body.clone().into());
    for found in mentions.iter().filter_map(unbiased) {
        let message = format!(
            "`{}` polls in another order each time, and a replay could take another branch; write `resonate::{}!`, or {}",
            found.name, found.instead, found.own_way
        );
        errors.at(&found.path, message);
    }
}

/// What a replay would do otherwise, in a function that calls others beyond doubt; else the runtime tells it.
fn does_the_same_again(function: &Function, errors: &mut Errors) {
    if !function.is_caller() {
        return;
    }
    let hazards = function.hazards().into_iter();
    for hazard in hazards.filter(|hazard| !hazard.is_allowed) {
        let message = format!("`{}` {}", hazard.name, hazard.advice);
        errors.at(&hazard.path, message);
    }
}

fn hidden_lifetime(what: &str, lifetime: &Lifetime, errors: &mut Errors) {
    errors.at(
        lifetime,
        format!("{what} owns all that it holds; write `'static` or a type without a lifetime"),
    );
}

fn typed(function: &Function) -> impl Iterator<Item = &PatType> {
    function
        .source
        .sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
}

/// A type without the parentheses around it.
fn outermost(ty: &Type) -> &Type {
    match ty {
        Type::Paren(paren) => outermost(&paren.elem),
        Type::Group(group) => outermost(&group.elem),
        ty => ty,
    }
}
