//! Reading: a limit on nesting and on elements, around any deserializer.
//!
//! bincode reads as deep as the bytes say, which ends the process; and a sequence of nothing, such as `Vec<()>`, as long
//! as they say. The guard counts both and gives an error in time. It knows no format.

use std::cell::Cell;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
};

use super::deeper;
use crate::limits;

/// A value that was read under guard.
pub(in super::super) struct Guarded<T>(pub(in super::super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Guarded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Cell::new(limits::ELEMENTS);
        let level = Level {
            depth: 0,
            elements: &elements,
        };
        T::deserialize(Guard {
            inner: deserializer,
            level,
        })
        .map(Self)
    }
}

/// How deep we are, and how many elements may still come.
#[derive(Clone, Copy)]
struct Level<'a> {
    depth: usize,
    elements: &'a Cell<usize>,
}

impl Level<'_> {
    /// One deeper.
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = deeper(self.depth, 1).map_err(E::custom)?;
        Ok(Self { depth, ..self })
    }

    /// One element more.
    fn element<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.elements.get().checked_sub(1);
        left.map(|left| self.elements.set(left)).ok_or_else(|| {
            E::custom(format_args!(
                "it has more than {} elements",
                limits::ELEMENTS
            ))
        })
    }
}

/// Anything of serde's, and the level it is at.
struct Guard<'a, T> {
    inner: T,
    level: Level<'a>,
}

/// Scalars hold nothing, so they pass as they are.
macro_rules! pass {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guard<'_, D> {
    type Error = D::Error;

    pass! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_any(Guard {
            inner: visitor,
            level,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_ignored_any(Guard {
            inner: visitor,
            level,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let level = self.level;
        self.inner.deserialize_option(Guard {
            inner: visitor,
            level,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_newtype_struct(
            name,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_seq(Guard {
            inner: visitor,
            level,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_tuple(
            len,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_tuple_struct(
            name,
            len,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_map(Guard {
            inner: visitor,
            level,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_struct(
            name,
            fields,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let level = self.level.below()?;
        self.inner.deserialize_enum(
            name,
            variants,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What is visited may hold something, which is visited at the same level.
macro_rules! visit {
    ($($method:ident($type:ty))*) => { $(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guard<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.expecting(f)
    }

    visit! {
        visit_bool(bool) visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128) visit_f32(f32) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let Self { inner, level } = self;
        inner.visit_some(Guard {
            inner: deserializer,
            level,
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let Self { inner, level } = self;
        inner.visit_newtype_struct(Guard {
            inner: deserializer,
            level,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let Self { inner, level } = self;
        inner.visit_seq(Guard {
            inner: access,
            level,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let Self { inner, level } = self;
        inner.visit_map(Guard {
            inner: access,
            level,
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let Self { inner, level } = self;
        inner.visit_enum(Guard {
            inner: access,
            level,
        })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guard<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let Self { inner, level } = self;
        inner.deserialize(Guard {
            inner: deserializer,
            level,
        })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let level = self.level;
        level.element()?;
        self.inner.next_element_seed(Guard { inner: seed, level })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let level = self.level;
        level.element()?;
        self.inner.next_key_seed(Guard { inner: seed, level })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let level = self.level;
        self.inner.next_value_seed(Guard { inner: seed, level })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'a, A: EnumAccess<'de>> EnumAccess<'de> for Guard<'a, A> {
    type Error = A::Error;
    type Variant = Guard<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { inner, level } = self;
        let (value, variant) = inner.variant_seed(Guard { inner: seed, level })?;
        Ok((
            value,
            Guard {
                inner: variant,
                level,
            },
        ))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let Self { inner, level } = self;
        inner.newtype_variant_seed(Guard { inner: seed, level })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let Self { inner, level } = self;
        inner.tuple_variant(
            len,
            Guard {
                inner: visitor,
                level,
            },
        )
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let Self { inner, level } = self;
        inner.struct_variant(
            fields,
            Guard {
                inner: visitor,
                level,
            },
        )
    }
}
