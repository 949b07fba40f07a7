//! What is printed for people. A reader that has gone away, as in `.. | head`, is no mistake: what is done goes on.

/// `println!` that does not mind when nobody reads.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _gone = writeln!(std::io::stdout(), $($text)*);
    }};
}

pub(crate) use say;
