use resonate::prelude::*;

mod shop {
    use resonate::prelude::*;

    #[durable(service = "shop")]
    pub async fn close(day: u32) -> u32 {
        day
    }
}

#[durable]
async fn close(day: u32) -> u32 {
    shop::close(day).await
}

pub(crate) fn main() {
    #[durable(service = "inner")]
    async fn close(day: u32) -> u32 {
        self::close(day).await
    }
    let _call = close(1);
}
