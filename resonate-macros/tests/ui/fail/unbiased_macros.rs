use resonate::prelude::*;

#[durable]
async fn race() -> u32 {
    tokio::select! {
        one = async { 1 } => one,
        two = async { 2 } => two,
    }
}

#[durable]
async fn both() -> u32 {
    let (one, two) = tokio::join!(async { 1 }, async { 2 });
    let three = async { futures::select! { three = async { 3 } => three } };
    one + two + three.await
}

fn main() {
    let _: (Call<u32>, Call<u32>) = (race(), both());
}
