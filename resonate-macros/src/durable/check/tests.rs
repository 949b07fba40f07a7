//! Every rule: what it refuses, in which words, and what it lets pass. Where a message points is seen in `tests/ui`.

use super::*;
use crate::durable::{attr, parse};

#[track_caller]
fn check_refused(function: &str, messages: &[&str]) {
    let mut errors = Errors::default();
    let attrs = attr::parse(Default::default(), &mut errors);
    let source = parse::parse(function.parse().expect("tokens")).expect("a function");
    check(&Function::new(attrs, source), &mut errors);
    assert_eq!(errors.into_messages(), messages, "{function}");
}

#[track_caller]
fn check_accepted(function: &str) {
    check_refused(function, &[]);
}

#[test]
fn ordinary_functions_are_accepted() {
    check_accepted("async fn f() {}");
    check_accepted(
        "pub(crate) async fn f(a: &str, b: &[u8], (c, d): (u8, String)) -> Result<Vec<u8>>;",
    );
    check_accepted(
        "async fn r#match(mut a: Cow<'static, str>, _: &BTreeMap<String, [u8; 4]>) -> Cow<'static, str> {}",
    );
    check_accepted("async fn f(a: &'_ str, b: (&str)) {}");
    check_accepted(
        "async fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8) {}",
    );
}

#[test]
fn what_stands_before_fn_is_async_and_nothing_else() {
    check_refused(
        "fn charge() {}",
        &["a durable function is async; write `async fn charge`"],
    );
    check_refused(
        "const async fn f() {}",
        &["a durable function is not evaluated by the compiler; remove `const`"],
    );
    check_refused(
        "async unsafe fn f() {}",
        &[
            "any process may call a durable function; remove `unsafe` and check what it needs inside",
        ],
    );
    check_refused(
        "async extern \"C\" fn f() {}",
        &["a durable function is called through resonate, not through an ABI; remove `extern`"],
    );
}

#[test]
fn names_are_ascii() {
    let message = "the name of a durable function is made of ASCII letters, digits and `_`; \
        choose one with `#[durable(name = \"..\")]`";
    check_refused("async fn größe() {}", &[message]);
}

#[test]
fn generics_are_refused_one_by_one() {
    check_refused(
        "async fn f<'a, T: Clone, const N: usize>(a: &'a [T; N]) where T: Copy {}",
        &[
            "a durable function has no lifetime parameters; write `&T` without one",
            "a durable function is not generic; write a concrete type or value instead of `T`",
            "a durable function is not generic; write a concrete type or value instead of `N`",
        ],
    );
    check_refused(
        "async fn f() where u8: Copy {}",
        &["a durable function is not generic; remove the `where` clause"],
    );
}

#[test]
fn parameters_are_at_most_twelve_and_always_there() {
    let receiver = "a durable function has no receiver; make it a free function and pass what it needs as an argument";
    check_refused("async fn f(&mut self) {}", &[receiver]);
    check_refused("async fn f(self: Box<Self>, a: u8) {}", &[receiver]);
    check_refused(
        "async fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8, n: u8) {}",
        &["a durable function has at most 12 parameters, not 14; put some into a struct"],
    );
    check_refused(
        "async fn f(a: ...) {}",
        &["a durable function has a fixed number of parameters; write `Vec<T>`"],
    );
    check_refused(
        "async fn f(#[cfg(test)] a: u8, #[cfg_attr(x, y)] b: u8, #[allow(unused)] c: u8) {}",
        &["a durable function has the same parameters in every build; write an `Option<T>`"; 2],
    );
}

#[test]
fn arguments_are_owned_or_lent_as_a_whole() {
    let changed = "an argument travels to another process, which cannot change it here; \
        take it by value and return the changed one";
    check_refused("async fn f(a: &mut u8) {}", &[changed]);
    check_refused(
        "async fn f(a: &'static str) {}",
        &["an argument is lent for one execution only; write `&T` without a lifetime"],
    );
    check_refused(
        "async fn f(a: &&str) {}",
        &["an argument is lent as a whole or not at all; write `String`"],
    );
    check_refused(
        "async fn f(a: Option<&[u8]>) {}",
        &["an argument is lent as a whole or not at all; write `Option<Vec<u8>>`"],
    );
    check_refused(
        "async fn f(a: (u8, [&mut u8; 2])) {}",
        &["an argument is lent as a whole or not at all; write `(u8, [u8;2])`"],
    );
    check_refused(
        "async fn f(a: &dyn Clerk) {}",
        &["an argument has the same type in every process; write a concrete type"],
    );
    check_refused(
        "async fn f(a: &Vec<impl Fn()>) {}",
        &["an argument has the same type in every process; write a concrete type"],
    );
    check_refused(
        "async fn f(a: &Cow<'_, str>) {}",
        &["an argument owns all that it holds; write `'static` or a type without a lifetime"],
    );
}

#[test]
fn results_are_given_away() {
    check_refused(
        "async fn f() -> &'static str {}",
        &["a result outlives its function and its process; write `String`"],
    );
    check_refused(
        "async fn f(a: &str) -> Result<&str> {}",
        &["a result outlives its function and its process; write `Result<String, Error>`"],
    );
    check_refused(
        "async fn f() -> ! {}",
        &["a durable function ends with a result; write `()`"],
    );
    check_refused(
        "async fn f() -> Result<impl Fn()> {}",
        &["a result has the same type in every process; write a concrete type"],
    );
    check_refused(
        "async fn f(a: &str) -> Cow<'_, str> {}",
        &["a result owns all that it holds; write `'static` or a type without a lifetime"],
    );
}

#[test]
fn all_mistakes_of_a_function_are_found_at_once() {
    check_refused(
        "const fn f(a: &mut u8) -> &str {}",
        &[
            "a durable function is async; write `async fn f`",
            "a durable function is not evaluated by the compiler; remove `const`",
            "an argument travels to another process, which cannot change it here; take it by value and return the changed one",
            "a result outlives its function and its process; write `String`",
        ],
    );
}
