// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn sweep() -> ::resonate::__private::Call<()> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __sweep_body() {
        clean().await;
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<::resonate::__private::NoArguments>::new())
            .decoder(),
        (&&__sweep_result()).output(),
        |_| async move { __sweep_body().await },
    );
    fn __sweep_result() -> ::resonate::__private::Tag<()> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &(&__sweep_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__sweep_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__sweep_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "sweep",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[],
        result: "()",
        body_fingerprint: 13619541879086152382u64,
        item: || ::core::any::type_name_of_val(&__sweep_result),
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
        (&&__sweep_result()).output(),
        (&::resonate::__private::Given(::resonate::__private::NoArguments))
            .encode(&__DEFINITION),
    )
}
