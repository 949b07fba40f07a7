// Made by `UPDATE_EXPECT=1 cargo test -p resonate-macros`.

#[allow(clippy::unused_async, reason = "a method of a durable object is async")]
impl Cart {
    /// One more.
    pub async fn add(&mut self, item: &str) -> usize {
        self.items.push(item.to_owned());
        self.len()
    }
    async fn all(&self) -> Self {
        self.clone()
    }
    fn len(&self) -> usize {
        self.items.len()
    }
}
///A durable [`Cart`]; [`Cart::at`] gives one.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(unreachable_pub, reason = "its type may be used wherever the object's is")]
pub struct CartObject(::resonate::__private::Key);
impl Cart {
    ///The durable `Cart` of this key. That asks nobody: it exists when something was written to it.
    #[allow(unreachable_pub, reason = "it may be used wherever the object's type is")]
    #[must_use = "a durable object does nothing until one of its methods is called"]
    pub fn at(key: impl ::core::convert::Into<::std::string::String>) -> CartObject {
        CartObject(::resonate::__private::Key::new(key))
    }
}
impl CartObject {
    /// One more.
    #[track_caller]
    pub fn add(&self, item: &str) -> ::resonate::__private::Call<usize> {
        use ::resonate::__private::probe::*;
        const __RUN: fn(
            ::resonate::__private::Input,
        ) -> ::resonate::__private::Running = |__input| ::resonate::__private::run_on(
            __input,
            (&::resonate::__private::Tag::<Cart>::new()).keeper(),
            (&::resonate::__private::Tag::<
                (<str as ::std::borrow::ToOwned>::Owned,),
            >::new())
                .decoder(),
            (&&__add_result()).output(),
            |mut __state: Cart, (item,)| async move {
                let __result = <Cart>::add(
                        &mut __state,
                        ::core::borrow::Borrow::borrow(&item),
                    )
                    .await;
                (__state, __result)
            },
        );
        fn __add_result() -> ::resonate::__private::Tag<usize> {
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
                let __tag = &(&__add_result()).value();
                __tag.must_travel();
            }
            {
                let __tag = &(&__add_result()).error();
                __tag.must_travel();
            }
            {
                let __tag = &(&__add_result()).error();
                __tag.must_answer();
            }
        };
        static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
            name: "Cart.add",
            service: "shop",
            version: 1u32,
            parameters: &[
                ::resonate::__private::Parameter {
                    name: "item",
                    ty: "String",
                },
            ],
            result: "usize",
            body_fingerprint: 12806187416797808644u64,
            item: || ::core::any::type_name_of_val(&__add_result),
            options: ::resonate::__private::Options {
                retry: ::core::option::Option::Some(|| Retry::never()),
                object: ::core::option::Option::Some(::resonate::__private::Method {
                    writes: true,
                    expire: ::core::option::Option::Some(|| days(30)),
                }),
                ..::resonate::__private::Options::NONE
            },
            file: ::core::file!(),
            line: ::core::line!(),
            run: ::core::option::Option::Some(__RUN),
        };
        ::resonate::__private::inventory::submit! {
            ::resonate::__private::Registration(& __DEFINITION)
        }
        ::resonate::__private::call_of(
            &__DEFINITION,
            (&&__add_result()).output(),
            (&::resonate::__private::Given((&item,))).encode(&__DEFINITION),
            &self.0,
        )
    }
    #[track_caller]
    fn all(&self) -> ::resonate::__private::Call<Cart> {
        use ::resonate::__private::probe::*;
        const __RUN: fn(
            ::resonate::__private::Input,
        ) -> ::resonate::__private::Running = |__input| ::resonate::__private::run_on(
            __input,
            (&::resonate::__private::Tag::<Cart>::new()).keeper(),
            (&::resonate::__private::Tag::<::resonate::__private::NoArguments>::new())
                .decoder(),
            (&&__all_result()).output(),
            |__state: Cart, _| async move {
                let __result = <Cart>::all(&__state).await;
                (__state, __result)
            },
        );
        fn __all_result() -> ::resonate::__private::Tag<Cart> {
            ::resonate::__private::Tag::new()
        }
        const _: fn() = || {
            {
                let __tag = &(&__all_result()).value();
                __tag.must_travel();
            }
            {
                let __tag = &(&__all_result()).error();
                __tag.must_travel();
            }
            {
                let __tag = &(&__all_result()).error();
                __tag.must_answer();
            }
        };
        static __DEFINITION: ::resonate::__private::Definition = ::resonate::__private::Definition {
            name: "Cart.all",
            service: "shop",
            version: 1u32,
            parameters: &[],
            result: "Cart",
            body_fingerprint: 8893052003103888181u64,
            item: || ::core::any::type_name_of_val(&__all_result),
            options: ::resonate::__private::Options {
                object: ::core::option::Option::Some(::resonate::__private::Method {
                    writes: false,
                    expire: ::core::option::Option::Some(|| days(30)),
                }),
                ..::resonate::__private::Options::NONE
            },
            file: ::core::file!(),
            line: ::core::line!(),
            run: ::core::option::Option::Some(__RUN),
        };
        ::resonate::__private::inventory::submit! {
            ::resonate::__private::Registration(& __DEFINITION)
        }
        ::resonate::__private::call_of(
            &__DEFINITION,
            (&&__all_result()).output(),
            (&::resonate::__private::Given(::resonate::__private::NoArguments))
                .encode(&__DEFINITION),
            &self.0,
        )
    }
}
const _: fn() = || {
    use ::resonate::__private::probe::*;
    let __tag = &::resonate::__private::Tag::<Cart>::new();
    __tag.must_keep();
};
