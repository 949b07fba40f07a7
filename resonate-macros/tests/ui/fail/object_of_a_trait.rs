use resonate::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Cart;

trait Empty {}

#[durable]
impl Empty for Cart {}

fn main() {}
