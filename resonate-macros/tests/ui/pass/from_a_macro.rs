use resonate::prelude::*;

macro_rules! leaf {
    ($name:ident, $argument:ident: $ty:ty, $result:ty, $body:block) => {
        #[durable]
        async fn $name($argument: $ty) -> $result $body
    };
}

leaf!(double, n: u64, u64, { n * 2 });
leaf!(measure, text: &str, Result<usize>, { Ok(text.len()) });

pub(crate) fn main() {
    let _calls = (double(2), measure("x"));
}
