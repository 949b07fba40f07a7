//! Random numbers and ids, the same in every replay and attempt.

use crate::context::{Draw, current};

/// A random number that is the same in every replay and attempt of this execution, and its own.
///
/// # Panics
/// Outside of durable functions, also in a tokio task that one has spawned.
#[must_use]
#[track_caller]
pub fn random() -> u64 {
    let bytes = draw(Draw::Random, "random()").to_le_bytes();
    let (low, _) = bytes.split_at(8);
    u64::from_le_bytes(low.try_into().expect("8 of 16 bytes"))
}

/// A UUID that is the same in every replay and attempt of this execution, and its own: a good idempotency key and a bad
/// secret.
///
/// # Panics
/// Outside of durable functions, also in a tokio task that one has spawned.
#[must_use]
#[track_caller]
pub fn uuid() -> String {
    // Version 8 of RFC 9562: made by rules of our own.
    const VERSION: u128 = 0x8 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let number = draw(Draw::Uuid, "uuid()") & !(0xf << 76) & !(0b11 << 62) | VERSION | VARIANT;
    let digits = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[track_caller]
fn draw(draw: Draw, name: &str) -> u128 {
    match current::scope() {
        Some(scope) => scope.context.draw(scope.step.as_deref(), draw),
        None => panic!(
            "`{name}` is outside of a durable function; take randomness from elsewhere there"
        ),
    }
}
