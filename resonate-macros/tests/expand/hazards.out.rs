// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn stamp(name: String) -> ::resonate::__private::Call<u64> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __stamp_body(name: String) -> u64 {
        let zone = std::env::var("ZONE");
        write(&name, SystemTime::now(), zone).await
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<(String,)>::new()).decoder(),
        (&&__stamp_result()).output(),
        |(name,)| async move { __stamp_body(name).await },
    );
    fn __stamp_result() -> ::resonate::__private::Tag<u64> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<String>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__stamp_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__stamp_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__stamp_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "stamp",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "name",
                ty: "String",
            },
        ],
        result: "u64",
        body_fingerprint: 6966347777225030544u64,
        item: || ::core::any::type_name_of_val(&__stamp_result),
        options: ::resonate::__private::Options {
            hazards: &[
                ::resonate::__private::Hazard {
                    name: "std::env::var",
                    advice: "may give something else in the process that replays; make it an argument, or read it inside of a `step`, or take the responsibility: `allow = \"env\"` in the attribute",
                    line: ::core::line!(),
                    is_allowed: true,
                },
                ::resonate::__private::Hazard {
                    name: "SystemTime::now",
                    advice: "gives another time in every replay; write `resonate::now()`, or read the clock inside of a `step`, or take the responsibility: `allow = \"time\"` in the attribute",
                    line: ::core::line!(),
                    is_allowed: false,
                },
            ],
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
        (&&__stamp_result()).output(),
        (&::resonate::__private::Given((&name,))).encode(&__DEFINITION),
    )
}
