use resonate::prelude::*;

#[durable]
async fn race() -> Result<u32> {
    let first = tokio::select! {
        biased;
        one = async { 1 } => one,
        two = async { 2 } => two,
    };
    let second = resonate::select! {
        one = async { 1 } => one,
        two = async { 2 } => two,
    };
    let (three, four) = futures::join!(async { 3 }, async { 4 });
    let drawn = step(|| async {
        tokio::select! { five = async { Ok::<u32, Error>(5) } => five }
    });
    Ok(first + second + three + four + drawn.await?)
}

pub fn main() {
    let _: Call<Result<u32>> = race();
}
