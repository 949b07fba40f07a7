use resonate::prelude::*;

#[durable]
async fn countdown(from: u64) -> u64 {
    if from == 0 {
        0
    } else {
        countdown(from - 1).await
    }
}

#[durable]
async fn even(n: u64) -> bool {
    if n == 0 { true } else { odd(n - 1).await }
}

#[durable]
async fn odd(n: u64) -> bool {
    if n == 0 { false } else { even(n - 1).await }
}

pub(crate) fn main() {
    let _calls = (countdown(3), even(4));
}
