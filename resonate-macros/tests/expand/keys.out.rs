// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn fetch(path: String, host: &str) -> ::resonate::__private::Call<String> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __fetch_body(path: String, host: &str) -> String {
        path + host
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<
            (String, <str as ::std::borrow::ToOwned>::Owned),
        >::new())
            .decoder(),
        (&&__fetch_result()).output(),
        |(path, host)| async move {
            __fetch_body(path, ::core::borrow::Borrow::borrow(&host)).await
        },
    );
    fn __fetch_result() -> ::resonate::__private::Tag<String> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<String>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<
                <str as ::std::borrow::ToOwned>::Owned,
            >::new();
            __tag.must_travel();
        }
        {
            let __tag = &&::resonate::__private::Lent::<str>::new();
            __tag.must_lend();
        }
        {
            let __tag = &(&__fetch_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__fetch_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__fetch_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "fetch",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "path",
                ty: "String",
            },
            ::resonate::__private::Parameter {
                name: "host",
                ty: "String",
            },
        ],
        result: "String",
        body_fingerprint: 1979871993176392583u64,
        item: || ::core::any::type_name_of_val(&__fetch_result),
        options: ::resonate::__private::Options {
            key: ::core::option::Option::Some(1u32),
            per_key: ::core::option::Option::Some(2u32),
            rate_per_key: ::core::option::Option::Some((1u32, 1000u64)),
            debounce: ::core::option::Option::Some(5000u64),
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
        (&&__fetch_result()).output(),
        (&::resonate::__private::Given((&path, &host)))
            .encode(&__DEFINITION)
            .keyed((&::resonate::__private::Given(&host)).key()),
    )
}
