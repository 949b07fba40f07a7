// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn countdown(from: u64) -> ::resonate::__private::Call<u64> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __countdown_body(from: u64) -> u64 {
        if from == 0 { 0 } else { countdown(from - 1).await }
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<(u64,)>::new()).decoder(),
        (&&__countdown_result()).output(),
        |(from,)| async move { __countdown_body(from).await },
    );
    fn __countdown_result() -> ::resonate::__private::Tag<u64> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<u64>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__countdown_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__countdown_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__countdown_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "countdown",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "from",
                ty: "u64",
            },
        ],
        result: "u64",
        body_fingerprint: 9186922011019996801u64,
        item: || ::core::any::type_name_of_val(&__countdown_result),
        options: ::resonate::__private::Options::NONE,
        file: ::core::file!(),
        line: ::core::line!(),
        run: ::core::option::Option::Some(__RUN),
    };
    ::resonate::__private::inventory::submit! {
        ::resonate::__private::Registration(& __DEFINITION)
    }
    ::resonate::__private::call(
        &__DEFINITION,
        (&&__countdown_result()).output(),
        (&::resonate::__private::Given((&from,))).encode(&__DEFINITION),
    )
}
