// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

/// Charges a card.
#[track_caller]
pub fn charge(
    card: String,
    cents: u64,
) -> ::resonate::__private::Call<Result<Receipt, PaymentError>> {
    use ::resonate::__private::probe::*;
    #[allow(clippy::unused_async, reason = "a durable function is async")]
    async fn __charge_body(card: String, cents: u64) -> Result<Receipt, PaymentError> {
        let receipt = bank(&card).await?;
        Ok(receipt.of(cents))
    }
    const __RUN: fn(::resonate::__private::Input) -> ::resonate::__private::Running = |
        __input|
    ::resonate::__private::run(
        __input,
        (&::resonate::__private::Tag::<(String, u64)>::new()).decoder(),
        (&&__charge_result()).output(),
        |(card, cents)| async move { __charge_body(card, cents).await },
    );
    fn __charge_result() -> ::resonate::__private::Tag<Result<Receipt, PaymentError>> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<String>::new();
            __tag.must_travel();
        }
        {
            let __tag = &::resonate::__private::Tag::<u64>::new();
            __tag.must_travel();
        }
        {
            let __tag = &(&__charge_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__charge_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__charge_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "charge",
        service: "payments",
        version: 1u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "card",
                ty: "String",
            },
            ::resonate::__private::Parameter {
                name: "cents",
                ty: "u64",
            },
        ],
        result: "Result<Receipt, PaymentError>",
        body_fingerprint: 3753366323981232920u64,
        item: || ::core::any::type_name_of_val(&__charge_result),
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
        (&&__charge_result()).output(),
        (&::resonate::__private::Given((&card, &cents))).encode(&__DEFINITION),
    )
}
