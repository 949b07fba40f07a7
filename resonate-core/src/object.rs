//! Durable objects: a state per key, changed by calls of which one at a time may write.
//!
//! An object is the root of a tree of its own, `shop/Cart/user-7`; each of its calls is a child of it,
//! `shop/Cart/user-7.request-1`. The rules of the line in which calls wait are in `apply/object.rs`.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{Address, BadId, Payload, PromiseId, limits};

/// What is kept of a durable object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its state; none before the first call that changed it, and after it was forgotten.
    pub state: Option<Payload>,
    /// How often that was written or forgotten.
    pub version: u64,
    /// For how long it may be idle before it is forgotten; none for ever.
    pub expire_after: Option<Duration>,
}

/// How a call uses the state of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Access {
    /// It reads, beside others that read.
    Read,
    /// It may change it, and is alone.
    Write,
}

/// The parts of an object's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Whose workers run its calls.
    pub service: Arc<str>,
    /// Its type.
    pub ty: Arc<str>,
    /// Which of that type, as the user wrote it.
    pub key: String,
}

impl ObjectName {
    /// The id of the object: `shop/Cart/user-7`. What would end a root, and `%`, is written in hexadecimal.
    ///
    /// # Errors
    /// An empty key, one with control characters, or one that makes the id longer than a root may be.
    pub fn id(&self) -> Result<PromiseId, BadId> {
        if self.key.is_empty() {
            return Err(BadId::Empty);
        }
        let key = self.key.replace('%', "%25");
        let key = key.replace('.', "%2E").replace(':', "%3A");
        PromiseId::user_root(format!("{}/{}/{key}", self.service, self.ty))
    }

    /// What the id of an object, or of one of its calls, says of the object; none if it is no such id.
    #[must_use]
    pub fn of(id: &PromiseId) -> Option<Self> {
        let mut parts = id.root().splitn(3, '/');
        let (service, ty, key) = (parts.next()?, parts.next()?, parts.next()?);
        if service.is_empty() || ty.is_empty() || key.is_empty() {
            return None;
        }
        let key = key.replace("%3A", ":").replace("%2E", ".");
        Some(Self {
            service: service.into(),
            ty: ty.into(),
            key: key.replace("%25", "%"),
        })
    }

    /// True if this function, such as `shop/Cart.add`, is one of the type's.
    #[must_use]
    pub fn has(&self, function: &Address) -> bool {
        let ty = function.function.split_once('.').map(|(ty, _)| ty);
        function.service == self.service && ty == Some(&*self.ty)
    }
}

/// The id of a call that its caller has given this one.
///
/// # Errors
/// What is wrong with it.
pub fn call_with_id(object: &PromiseId, own: &str) -> Result<PromiseId, BadId> {
    PromiseId::user_root(own)?;
    let text = format!("{object}.{own}");
    if text.len() <= limits::ID_BYTES {
        return PromiseId::new(text);
    }
    PromiseId::new(hashed(object, "id", own))
}

/// The id of a call that is awaited through this proxy: the same whenever it is asked for, and nobody else's.
#[must_use]
pub fn call_through(object: &PromiseId, method: &str, proxy: &PromiseId) -> PromiseId {
    PromiseId::new(hashed(object, method, proxy.as_str()))
        .expect("an id of a root has room for a method and a number")
}

/// `%` is in no id that a user gives to a call but for the key, which comes before the first `.`.
fn hashed(object: &PromiseId, name: &str, text: &str) -> String {
    let name = name.get(..name.floor_char_boundary(64)).unwrap_or(name);
    let [high, low] = [1, 2].map(|seed| XxHash3_64::oneshot_with_seed(seed, text.as_bytes()));
    format!("{object}.{name}%{high:016x}{low:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> ObjectName {
        ObjectName {
            service: "shop".into(),
            ty: "Cart".into(),
            key: key.to_owned(),
        }
    }

    #[test]
    fn an_id_is_read_back_whatever_is_in_the_key() {
        for key in ["user-7", "a.b@c", "a:b/c", "100%", "%2E", "größe"] {
            let id = name(key).id().expect("a good key");
            assert_eq!(id.root(), id.as_str(), "{key}");
            assert_eq!(ObjectName::of(&id), Some(name(key)));
        }
        assert_eq!(
            name("a.b").id().expect("a good key").as_str(),
            "shop/Cart/a%2Eb"
        );
        assert!(name("").id().is_err() && name("a\nb").id().is_err());
        assert!(name(&"x".repeat(400)).id().is_err());
    }

    #[test]
    fn calls_of_different_callers_have_different_ids() {
        let object = name("user-7").id().expect("a good key");
        let id = |text: &str| PromiseId::new(text).expect("a good id");
        let one = call_through(&object, "add", &id("order-1.add"));
        let other = call_through(&object, "add", &id("order-1/add"));
        assert_ne!(one, other);
        assert_eq!(one.to_root(), object);
        let own = call_with_id(&object, "request-1").expect("a good id");
        assert_eq!(own.as_str(), "shop/Cart/user-7.request-1");
        assert!(call_with_id(&object, "a.b").is_err());
        let long = name(&"x".repeat(380)).id().expect("a good key");
        assert!(call_with_id(&long, &"y".repeat(400)).is_ok());
    }

    #[test]
    fn a_method_belongs_to_its_type() {
        let address = |text: &str| text.parse::<Address>().expect("a good address");
        let cart = name("user-7");
        assert!(cart.has(&address("shop/Cart.add")));
        assert!(!cart.has(&address("shop/Basket.add")) && !cart.has(&address("shop/Cart")));
        assert!(!cart.has(&address("other/Cart.add")));
    }
}
