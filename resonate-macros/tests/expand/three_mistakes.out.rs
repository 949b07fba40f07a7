// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

::core::compile_error! {
    "`#[durable]` has no argument `retries`; write `retry`"
}
::core::compile_error! {
    "a durable function is async; write `async fn charge`"
}
::core::compile_error! {
    "an argument travels to another process, which cannot change it here; take it by value and return the changed one"
}
/// Callers still compile.
pub fn charge(_: &mut Card, _: (u64, u64)) -> ::resonate::__private::Call<u64> {
    ::core::unreachable!()
}
