use resonate::{prelude::*, testing::World};

#[resonate::test(crash_everywere, seed, workers = 1, workers = 2)]
async fn arguments_that_are_none(world: World) {}

#[resonate::test(crash_everywhere = true)]
fn not_async(world: World, other: World) {}

#[resonate::test(crash_everywhere, crash_randomly = 3)]
async fn both<T>(world: World) {}

#[resonate::test]
#[test]
async fn twice() {}

fn main() {}
