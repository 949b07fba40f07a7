//! What in a type cannot travel as written: borrowed parts, and types that are not spelled out. Syntax only; whether a
//! named type can be serialized is for the trait checks in the expansion.

use syn::{
    GenericArgument, Lifetime, PathArguments, ReturnType, Type, TypeImplTrait, TypePath,
    TypeReference,
};

/// A part of a type that a durable function cannot have.
pub(super) enum Part<'a> {
    /// `&T`. What is behind it is not looked at: it is one mistake.
    Reference(&'a TypeReference),
    /// `impl Trait`.
    ImplTrait(&'a TypeImplTrait),
    /// `'_` as an argument of a type. Names are not looked at: declared ones are refused where they are declared,
    /// others by rustc, and `'static` borrows from nobody.
    Lifetime(&'a Lifetime),
}

/// All such parts of a type, from left to right.
pub(super) fn parts(ty: &Type) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    look(ty, &mut found);
    found
}

fn look<'a>(ty: &'a Type, found: &mut Vec<Part<'a>>) {
    match ty {
        Type::Reference(reference) => found.push(Part::Reference(reference)),
        Type::ImplTrait(unnamed) => found.push(Part::ImplTrait(unnamed)),
        Type::Path(path) => look_at_path(path, found),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|element| look(element, found)),
        Type::Array(array) => look(&array.elem, found),
        Type::Slice(slice) => look(&slice.elem, found),
        Type::Paren(paren) => look(&paren.elem, found),
        Type::Group(group) => look(&group.elem, found),
        // Pointers, functions, trait objects and macros: no such type can be serialized, and rustc says so.
        _ => {}
    }
}

fn look_at_path<'a>(path: &'a TypePath, found: &mut Vec<Part<'a>>) {
    if let Some(qself) = &path.qself {
        look(&qself.ty, found);
    }
    for segment in &path.path.segments {
        match &segment.arguments {
            PathArguments::None => {}
            PathArguments::AngleBracketed(arguments) => {
                arguments
                    .args
                    .iter()
                    .for_each(|argument| look_at_argument(argument, found));
            }
            PathArguments::Parenthesized(arguments) => {
                arguments
                    .inputs
                    .iter()
                    .for_each(|input| look(&input.ty, found));
                if let ReturnType::Type(_, output) = &arguments.output {
                    look(output, found);
                }
            }
        }
    }
}

fn look_at_argument<'a>(argument: &'a GenericArgument, found: &mut Vec<Part<'a>>) {
    match argument {
        GenericArgument::Type(ty) => look(ty, found),
        GenericArgument::AssocType(assoc) => look(&assoc.ty, found),
        GenericArgument::Lifetime(lifetime) if lifetime.ident == "_" => {
            found.push(Part::Lifetime(lifetime))
        }
        _ => {}
    }
}
