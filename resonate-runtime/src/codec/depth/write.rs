//! Writing: a limit on nesting, around any serializer; and which part of a tuple is being written.
//!
//! A serializer goes as deep as the value does, until the stack ends and the process with it. Levels are counted as
//! they are when the value is read again: in a text, what an enum's variant holds is inside of an object of its own.

use std::{cell::Cell, fmt};

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::deeper;

/// A value that is written under guard.
pub(in super::super) struct Guarding<'a, T: ?Sized> {
    value: &'a T,
    depth: usize,
    parts: Option<&'a Cell<usize>>,
}

impl<'a, T: ?Sized> Guarding<'a, T> {
    /// If the value is a tuple, `parts` says how many of its parts have been begun.
    pub(in super::super) fn new(value: &'a T, parts: &'a Cell<usize>) -> Self {
        Self {
            value,
            depth: 0,
            parts: Some(parts),
        }
    }

    fn below(value: &'a T, depth: usize) -> Self {
        Self {
            value,
            depth,
            parts: None,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Guarding<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let Self { depth, parts, .. } = *self;
        self.value.serialize(Guard {
            inner,
            depth,
            parts,
        })
    }
}

/// Anything of serde's, and the depth of what it writes.
struct Guard<'a, S> {
    inner: S,
    depth: usize,
    /// Counts the parts that are begun: of the value itself, if it is a tuple.
    parts: Option<&'a Cell<usize>>,
}

impl<'a, S> Guard<'a, S> {
    /// What holds other values, of which nobody counts the parts.
    fn uncounted(inner: S, depth: usize) -> Self {
        Self {
            inner,
            depth,
            parts: None,
        }
    }
}

impl<S: Serializer> Guard<'_, S> {
    /// The depth of what is inside.
    fn below(&self, levels: usize) -> Result<usize, S::Error> {
        deeper(self.depth, levels).map_err(S::Error::custom)
    }

    /// The levels of a variant that holds several values.
    fn variant_levels(&self) -> usize {
        1 + usize::from(self.inner.is_human_readable())
    }
}

/// Scalars hold nothing, so they pass as they are.
macro_rules! pass {
    ($($method:ident($type:ty))*) => { $(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )* };
}

impl<'a, S: Serializer> Serializer for Guard<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Guard<'a, S::SerializeSeq>;
    type SerializeTuple = Guard<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Guard<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guard<'a, S::SerializeTupleVariant>;
    type SerializeMap = Guard<'a, S::SerializeMap>;
    type SerializeStruct = Guard<'a, S::SerializeStruct>;
    type SerializeStructVariant = Guard<'a, S::SerializeStructVariant>;

    pass! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128) serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_str(&str)
        serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let depth = self.depth;
        self.inner.serialize_some(&Guarding::below(value, depth))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.below(1)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = self.below(1)?;
        self.inner
            .serialize_newtype_struct(name, &Guarding::below(value, depth))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = self.below(1)?;
        self.inner
            .serialize_newtype_variant(name, index, variant, &Guarding::below(value, depth))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let depth = self.below(1)?;
        let inner = self.inner.serialize_seq(len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let depth = self.below(1)?;
        let inner = self.inner.serialize_tuple(len)?;
        Ok(Guard {
            inner,
            depth,
            parts: self.parts,
        })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let depth = self.below(1)?;
        let inner = self.inner.serialize_tuple_struct(name, len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let depth = self.below(self.variant_levels())?;
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let depth = self.below(1)?;
        let inner = self.inner.serialize_map(len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let depth = self.below(1)?;
        let inner = self.inner.serialize_struct(name, len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let depth = self.below(self.variant_levels())?;
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, len)?;
        Ok(Guard::uncounted(inner, depth))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What holds values one after the other.
macro_rules! hold {
    ($($trait:ident::$method:ident)*) => { $(
        impl<S: $trait> $trait for Guard<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                if let Some(parts) = self.parts {
                    parts.set(parts.get() + 1);
                }
                let depth = self.depth;
                self.inner.$method(&Guarding::below(value, depth))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )* };
}

hold! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// What holds values under names.
macro_rules! name {
    ($($trait:ident)*) => { $(
        impl<S: $trait> $trait for Guard<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                let depth = self.depth;
                self.inner.serialize_field(name, &Guarding::below(value, depth))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )* };
}

name! { SerializeStruct SerializeStructVariant }

impl<S: SerializeMap> SerializeMap for Guard<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let depth = self.depth;
        self.inner.serialize_key(&Guarding::below(value, depth))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let depth = self.depth;
        self.inner.serialize_value(&Guarding::below(value, depth))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
