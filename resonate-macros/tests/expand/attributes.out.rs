// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

/// Settles the accounts of a day.
#[deprecated = "use `close`"]
#[allow(clippy::too_many_lines)]
#[track_caller]
pub fn settle(day: u32) -> ::resonate::__private::Call<Result<()>> {
    use ::resonate::__private::probe::*;
    #[tracing::instrument(skip_all)]
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __settle_body(day: u32) -> Result<()> {
        close(day).await
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<(u32,)>::new()).decoder(),
        (&&__settle_result()).output(),
        |(day,)| async move { __settle_body(day).await },
    );
    fn __settle_result() -> ::resonate::__private::Tag<Result<()>> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<u32>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__settle_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__settle_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__settle_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "settle_up",
        service: "back-office",
        version: 2u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "day",
                ty: "u32",
            },
        ],
        result: "Result<(), Error>",
        body_fingerprint: 9843296234327526084u64,
        item: || ::core::any::type_name_of_val(&__settle_result),
        options: ::resonate::__private::Options {
            retry: ::core::option::Option::Some(|| Retry::exponential().max_attempts(5)),
            timeout: ::core::option::Option::Some(|| hours(1)),
            codec: ::core::option::Option::Some("bincode"),
            priority: ::core::option::Option::Some(-3i8),
            ..::resonate::__private::Options::NONE
        },
        file: ::core::file!(),
        line: ::core::line!(),
        run: ::core::option::Option::Some(__RUN),
    };
    ::resonate::__private::inventory::submit! {
        ::resonate::__private::Registration(& __DEFINITION)
    }
    ::resonate::__private::call(
        &__DEFINITION,
        (&&__settle_result()).output(),
        (&::resonate::__private::Given((&day,))).encode(&__DEFINITION),
    )
}
