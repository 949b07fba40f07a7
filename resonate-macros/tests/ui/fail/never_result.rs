use resonate::prelude::*;

#[durable]
async fn charge() -> ! {
    loop {
        std::future::ready(()).await;
    }
}

fn main() {}
