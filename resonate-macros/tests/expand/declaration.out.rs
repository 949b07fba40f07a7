// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

/// Lives in the ledger's own binary.
#[track_caller]
pub(crate) fn post(entry: &Entry) -> ::resonate::__private::Call<Result<u64>> {
    use ::resonate::__private::probe::*;
    fn __post_result() -> ::resonate::__private::Tag<Result<u64>> {
        ::resonate::__private::Tag::new()
    }
    const _: fn() = || {
        {
            let __tag = &::resonate::__private::Tag::<
                <Entry as ::std::borrow::ToOwned>::Owned,
            >::new();
            __tag.must_travel();
        }
        {
            let __tag = &&::resonate::__private::Lent::<Entry>::new();
            __tag.must_lend();
        }
        {
            let __tag = &(&__post_result()).value();
            __tag.must_travel();
        }
        {
            let __tag = &(&__post_result()).error();
            __tag.must_travel();
        }
        {
            let __tag = &(&__post_result()).error();
            __tag.must_answer();
        }
    };
    static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
        name: "post",
        service: "ledger",
        version: 3u32,
        parameters: &[
            ::resonate::__private::Parameter {
                name: "entry",
                ty: "Entry",
            },
        ],
        result: "Result<u64, Error>",
        body_fingerprint: 0u64,
        item: || ::core::any::type_name_of_val(&__post_result),
        options: ::resonate::__private::Options::NONE,
        file: ::core::file!(),
        line: ::core::line!(),
        run: ::core::option::Option::None,
    };
    ::resonate::__private::inventory::submit! {
        ::resonate::__private::Registration(& __DEFINITION)
    }
    ::resonate::__private::call(
        &__DEFINITION,
        (&&__post_result()).output(),
        (&::resonate::__private::Given((&entry,))).encode(&__DEFINITION),
    )
}
