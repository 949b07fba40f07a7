// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[track_caller]
fn ship(
    item: &str,
    to: &[crate::model::Address],
    order: &Order,
    express: bool,
) -> ::resonate::__private::Call<resonate::Result<Tracking>> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __ship_body(
        item: &str,
        to: &[crate::model::Address],
        order: &Order,
        express: bool,
    ) -> resonate::Result<Tracking> {
        carrier(express).send(item, to, order.id).await
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<
            (
                <str as ::std::borrow::ToOwned>::Owned,
                ::std::vec::Vec<crate::model::Address>,
                <Order as ::std::borrow::ToOwned>::Owned,
                bool,
            ),
        >::new())
            .decoder(),
        (&&__ship_result()).output(),
        |(item, to, order, express)| async move {
            __ship_body(
                    ::core::borrow::Borrow::borrow(&item),
                    ::core::borrow::Borrow::borrow(&to),
                    ::core::borrow::Borrow::borrow(&order),
                    express,
                )
                .await
        },
    );
    fn __ship_result() -> ::resonate::__private::Tag<resonate::Result<Tracking>> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
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
            let __tag = &::resonate::__private::Tag::<
                ::std::vec::Vec<crate::model::Address>,
            >::new();
            __tag.must_travel();
        }
        {
            let __tag = &&::resonate::__private::Lent::<[crate::model::Address]>::new();
            __tag.must_lend();
        }
        {
            let __tag = &::resonate::__private::Tag::<
                <Order as ::std::borrow::ToOwned>::Owned,
            >::new();
            __tag.must_travel();
        }
        {
            let __tag = &&::resonate::__private::Lent::<Order>::new();
            __tag.must_lend();
        }
        {
            let __tag = &::resonate::__private::Tag::<bool>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__ship_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__ship_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__ship_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "ship",
        service: ::core::env!("CARGO_PKG_NAME"),
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "item",
                ty: "String",
            },
            ::resonate::__private::Parameter {
                name: "to",
                ty: "Vec<Address>",
            },
            ::resonate::__private::Parameter {
                name: "order",
                ty: "Order",
            },
            ::resonate::__private::Parameter {
                name: "express",
                ty: "bool",
            },
        ],
        result: "Result<Tracking, Error>",
        body_fingerprint: 18045097630254887482u64,
        item: || ::core::any::type_name_of_val(&__ship_result),
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
        (&&__ship_result()).output(),
        (&::resonate::__private::Given((&item, &to, &order, &express)))
            .encode(&__DEFINITION),
    )
}
