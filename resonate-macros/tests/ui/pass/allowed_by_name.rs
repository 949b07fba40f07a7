use std::time::Instant;

use resonate::prelude::*;

/// A leaf: this is where such things belong.
#[durable]
async fn measure() -> Result<u128> {
    let began = Instant::now();
    tokio::spawn(async {}).await?;
    Ok(began.elapsed().as_millis())
}

/// It calls, and knows what it does.
#[durable(allow = ["time", "order"])]
async fn logs_how_long_it_took() -> Result<u8> {
    let began = Instant::now();
    let (one, _) = tokio::join!(step(|| async { Ok::<_, Error>(1) }), async {});
    println!("{:?} in this attempt", began.elapsed());
    one
}

pub fn main() {
    let _: (Call<Result<u128>>, Call<Result<u8>>) = (measure(), logs_how_long_it_took());
}
