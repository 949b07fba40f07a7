//! The attribute `#[durable]`, as a small compiler, and `#[resonate::test]`.
//!
//! It is a separate package because Rust wants that of a proc macro. It knows syntax only: whatever needs a type, a
//! value or a clock is a function of the module that generated code names, `resonate::__private`. It depends on
//! nothing of ours; users reach it through the facade `resonate`.
//!
//! In reading order:
//! - `durable`: the pipeline, attr → parse → model → check → expand or fallback, one stage per file
//! - `errors`: gathers mistakes, so that all of them are reported at once
//! - `paths`: all that generated code may name
//! - `test`: the attribute `#[resonate::test]`

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the enums of syn are open: they cannot be matched without a wildcard"
)]

mod durable;
mod errors;
mod paths;
mod test;

use proc_macro::TokenStream;

/// Makes an `async fn` durable: calling it gives a `Call`, a lazy future that survives crashes and that any process
/// which serves the function may execute.
///
/// ```text
/// #[durable(service = "payments")]
/// async fn charge(card: &str, cents: u64) -> Result<Receipt, PaymentError> { .. }
///
/// #[durable(service = "ledger")]                              // without a body: it lives elsewhere
/// async fn post(entry: &Entry) -> Result<u64>;
/// ```
///
/// # Arguments of the attribute
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `name = ".."` | its name in addresses and ids, letters, digits and `_` | the name of the `fn` |
/// | `service = ".."` | the service whose workers execute it; also `-` | the package |
/// | `version = N` | its function version, from 1 | 1 |
/// | `retry = EXPR` | a `Retry`: what happens after a failure | the default policy |
/// | `timeout = EXPR` | a `Duration`: when a call settles by itself | the caller's |
/// | `codec = ".."` | `"json"` or `"bincode"`, for arguments and result | the process's |
/// | `priority = N` | −128 to 127; higher is claimed earlier | 0 |
/// | `concurrency = N` | how many run at once on all workers together; who waits does not count | as there is room |
/// | `rate_limit = "N/s"` | how often one starts in the whole fleet; also `/min`, `/h`, `/d` | as there is room |
/// | `key = parameter` | calls with the same value of it run one at a time, from start to result | none |
/// | `per_key = N` | so many at a time per key | 1 |
/// | `rate_per_key = "N/s"` | how often one starts per key | as there is room |
/// | `latest_wins` | a later call cancels those before it with the same key | off |
/// | `debounce = "5s"` | of calls that come within that time of each other the last one runs, for all | off |
/// | `allow = ".."` | `"spawn"`, `"sleep"`, `"time"`, `"random"`, `"env"`, `"io"`, `"statics"`, `"order"`, or several in `[..]`: what a function that calls others does though a replay does it again, or otherwise | none |
///
/// # Parameters and result
///
/// At most 12 parameters, each `T` or `&T`; patterns are allowed. `T` (of `&T` the owned type) and the result are
/// `Serialize + DeserializeOwned + Send + 'static`. A result `Result<T, E>` also needs `E: From<resonate::Error>`.
///
/// # Errors
///
/// Everything that is wrong with a function is reported at once, each mistake at the smallest token that is wrong.
/// After a mistake the function still exists with its signature, so that its callers compile.
///
/// `RESONATE_MACRO_DEBUG=<function>` in the environment of the compiler prints what became of one function.
#[proc_macro_attribute]
pub fn durable(args: TokenStream, item: TokenStream) -> TokenStream {
    durable::durable(args.into(), item.into()).into()
}

/// Makes an `async fn` a test of durable functions: with a server and workers of its own, on virtual time. It takes a
/// `World`, or nothing, and returns what a test may return.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `crash_everywhere` | once more for each turn of a worker and each side of it, with a crash there | one run |
/// | `crash_randomly = N` | N runs, in each of which workers crash at one turn of ten | one run |
/// | `seed = N` | where chance begins | 0 |
/// | `workers = N` | how many workers serve | 2 |
/// | `give_up_after = DURATION` | how much of its time may pass | two years |
/// | `setup = FUNCTION` | `fn(Builder) -> Builder`: what each process is told before it starts, such as `provide` | nothing |
///
/// See `resonate::testing`, which needs the feature `testing`.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    test::test(args.into(), item.into()).into()
}
