// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn place(
    argument_1: (u64, u64),
    budget: u64,
    argument_3: u8,
    argument_4: Order,
    r#type: u8,
) -> ::resonate::__private::Call<u64> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __place_body(
        (x, y): (u64, u64),
        mut budget: u64,
        _: u8,
        Order { id, .. }: Order,
        r#type: u8,
    ) -> u64 {
        budget -= x * y;
        budget + id + u64::from(r#type)
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<((u64, u64), u64, u8, Order, u8)>::new())
            .decoder(),
        (&&__place_result()).output(),
        |(argument_1, budget, argument_3, argument_4, r#type)| async move {
            __place_body(argument_1, budget, argument_3, argument_4, r#type).await
        },
    );
    fn __place_result() -> ::resonate::__private::Tag<u64> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<(u64, u64)>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<u64>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<u8>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<Order>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<u8>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__place_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__place_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__place_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "place",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "argument_1",
                ty: "(u64, u64)",
            },
            ::resonate::__private::Parameter {
                name: "budget",
                ty: "u64",
            },
            ::resonate::__private::Parameter {
                name: "argument_3",
                ty: "u8",
            },
            ::resonate::__private::Parameter {
                name: "argument_4",
                ty: "Order",
            },
            ::resonate::__private::Parameter {
                name: "type",
                ty: "u8",
            },
        ],
        result: "u64",
        body_fingerprint: 5533582096361162911u64,
        item: || ::core::any::type_name_of_val(&__place_result),
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
        (&&__place_result()).output(),
        (&::resonate::__private::Given((
            &argument_1,
            &budget,
            &argument_3,
            &argument_4,
            &r#type,
        )))
            .encode(&__DEFINITION),
    )
}
