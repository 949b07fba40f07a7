//! What a promise was settled with, as the type of who awaits it by name: the two sides of a `Result` apart.
//!
//! A call that returns `Result<T, E>` keeps a `T` or an `E`; which of the two is the promise's state, not its payload. A
//! call knows that of itself. A `Promise<Result<T, E>>` that came as an argument knows only its type, so it asks serde,
//! to which every `Result` is the enum of that name.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, VariantAccess, Visitor, value::U32Deserializer},
};

/// Of the enum that serde takes a `Result` for.
const NAME: &str = "Result";
const VARIANTS: [&str; 2] = ["Ok", "Err"];

/// A `T` from what a promise was resolved with: the value, or what is in its `Ok`.
pub(super) struct Resolved<T>(pub(super) T);

/// A `T` from what a promise was rejected with: what is in its `Err`. No other type can be read so.
pub(super) struct Rejected<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Resolved<T> {
    fn deserialize<D: Deserializer<'de>>(inner: D) -> Result<Self, D::Error> {
        T::deserialize(Sided {
            inner,
            side: Side::Ok,
        })
        .map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rejected<T> {
    fn deserialize<D: Deserializer<'de>>(inner: D) -> Result<Self, D::Error> {
        T::deserialize(Sided {
            inner,
            side: Side::Err,
        })
        .map(Self)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ok = 0,
    Err = 1,
}

/// What is read, and which side of a `Result` it is.
struct Sided<D> {
    inner: D,
    side: Side,
}

impl<'de, D: Deserializer<'de>> Sided<D> {
    /// Anything but a `Result` is a value.
    fn plain(self) -> Result<D, D::Error> {
        match self.side {
            Side::Ok => Ok(self.inner),
            Side::Err => Err(D::Error::custom("the type has no place for an error")),
        }
    }
}

macro_rules! pass {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.plain()?.$method(visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Sided<D> {
    type Error = D::Error;

    pass! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.plain()?.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.plain()?.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.plain()?.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.plain()?.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.plain()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if name == NAME && variants == VARIANTS {
            return visitor.visit_enum(self);
        }
        self.plain()?.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The variant is the side, what is in it is everything.
impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Sided<D> {
    type Error = D::Error;
    type Variant = Content<D>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<D>), D::Error> {
        let variant = seed.deserialize(U32Deserializer::new(self.side as u32))?;
        Ok((variant, Content(self.inner)))
    }
}

/// What is in the variant.
struct Content<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Content<D> {
    type Error = D::Error;

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn unit_variant(self) -> Result<(), D::Error> {
        Err(not_of_a_result())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, D::Error> {
        Err(not_of_a_result())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, D::Error> {
        Err(not_of_a_result())
    }
}

fn not_of_a_result<E: Error>() -> E {
    E::custom("the variants of a `Result` hold one value each")
}
