#[durable(retries = 3, service = "payments")]
/// Callers still compile.
pub fn charge(card: &mut Card, (a, b): (u64, u64)) -> u64 {
    a + b
}
