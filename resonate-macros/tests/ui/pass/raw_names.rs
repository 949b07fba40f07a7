use resonate::prelude::*;

#[durable]
async fn r#match(r#type: u8, r#fn: &str) -> usize {
    r#fn.len() + r#type as usize
}

pub(crate) fn main() {
    let _call = r#match(1, "x");
}
