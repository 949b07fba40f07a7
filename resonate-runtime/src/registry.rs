//! Every durable function that is linked into this binary, by address.

use std::collections::BTreeMap;

use resonate_core::Address;

use crate::function::Definition;

/// A function that registers itself.
#[derive(Debug)]
pub struct Registration(pub &'static Definition);

inventory::collect!(Registration);

/// Two functions claim one address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "two functions are {address}: {first} and {second}; give one of them another `name`, `service` or `version`"
)]
pub struct DuplicateFunction {
    /// What both claim.
    pub address: String,
    /// File and line of one.
    pub first: String,
    /// File and line of the other.
    pub second: String,
}

/// The functions of this binary, by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    functions: BTreeMap<Address, &'static Definition>,
}

impl Registry {
    /// All functions that are linked in.
    ///
    /// # Errors
    /// Two different functions with the same address.
    pub(crate) fn linked() -> Result<Self, DuplicateFunction> {
        Self::of(inventory::iter::<Registration>().map(|registration| registration.0))
    }

    /// These functions. A declaration beside the function it declares is no conflict: the one with a body stands.
    ///
    /// # Errors
    /// Two different functions with the same address.
    pub(crate) fn of(
        definitions: impl IntoIterator<Item = &'static Definition>,
    ) -> Result<Self, DuplicateFunction> {
        let mut functions: BTreeMap<Address, &'static Definition> = BTreeMap::new();
        for new in definitions {
            let old = functions.get(&new.address()).copied();
            let stands = match old {
                None => new,
                Some(old) if is_same(old, new) => old,
                Some(old) if is_declared_alike(old, new) => {
                    if old.run.is_some() {
                        old
                    } else {
                        new
                    }
                }
                Some(old) => return Err(conflict(old, new)),
            };
            functions.insert(stands.address(), stands);
        }
        Ok(Self { functions })
    }

    /// All of them, in the order of their addresses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Definition> {
        self.functions.values().copied()
    }

    /// The services for which a body is linked in.
    pub(crate) fn services(&self) -> Vec<String> {
        let mut services: Vec<String> = self
            .iter()
            .filter(|function| function.run.is_some())
            .map(|function| function.service.to_owned())
            .collect();
        services.dedup();
        services
    }
}

/// One function that was linked twice, as happens with a library that is both a dependency and a test.
fn is_same(one: &Definition, other: &Definition) -> bool {
    (one.file, one.line) == (other.file, other.line)
        && one.body_fingerprint == other.body_fingerprint
}

/// One of them is a declaration, and both have the same signature.
fn is_declared_alike(one: &Definition, other: &Definition) -> bool {
    (one.run.is_none() || other.run.is_none()) && one.signature() == other.signature()
}

fn conflict(one: &Definition, other: &Definition) -> DuplicateFunction {
    let mut places = [one.location(), other.location()];
    places.sort();
    let [first, second] = places;
    DuplicateFunction {
        address: one.address().to_string(),
        first,
        second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Options, Parameter, Running};
    use crate::plumbing::Input;

    const fn function(
        line: u32,
        result: &'static str,
        run: Option<fn(Input) -> Running>,
    ) -> Definition {
        const PARAMETERS: &[Parameter] = &[];
        Definition {
            name: "charge",
            service: "payments",
            version: 1,
            parameters: PARAMETERS,
            result,
            body_fingerprint: 0,
            item: || "",
            options: Options::NONE,
            file: "src/pay.rs",
            line,
            run,
        }
    }

    fn body(_: Input) -> Running {
        Box::pin(std::future::pending())
    }

    static ONE: Definition = function(1, "u64", Some(body));
    static TWO: Definition = function(20, "u64", Some(body));
    static DECLARED: Definition = function(30, "u64", None);
    static DECLARED_OTHERWISE: Definition = function(31, "String", None);

    #[test]
    fn two_functions_of_one_address_are_refused_with_both_places() {
        let error = Registry::of([&TWO, &ONE]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "two functions are payments/charge@1: src/pay.rs:1 and src/pay.rs:20; give one of them another `name`, `service` or `version`"
        );
    }

    #[test]
    fn one_function_linked_twice_is_one() {
        let registry = Registry::of([&ONE, &ONE]).unwrap();
        assert_eq!(registry.iter().count(), 1);
    }

    #[test]
    fn a_body_stands_beside_its_declaration_in_either_order() {
        for order in [[&ONE, &DECLARED], [&DECLARED, &ONE]] {
            let registry = Registry::of(order).unwrap();
            assert_eq!(registry.iter().next().unwrap().line, 1);
            assert_eq!(registry.services(), ["payments"]);
        }
        assert_eq!(Registry::of([&DECLARED]).unwrap().services(), [""; 0]);
    }

    #[test]
    fn a_declaration_with_another_signature_is_refused() {
        assert!(Registry::of([&ONE, &DECLARED_OTHERWISE]).is_err());
    }
}
