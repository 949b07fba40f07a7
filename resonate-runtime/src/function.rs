//! What `#[durable]` says about a function: its [`Definition`], and the fingerprint of its signature.

use std::{fmt, pin::Pin, time::Duration};

use resonate_core::{
    Address, RetryPolicy,
    flow::{Allowed, Rate},
};
use twox_hash::XxHash3_64;

use crate::{
    Retry,
    plumbing::{Ended, Input},
};

/// One durable function, as the attribute describes it.
pub struct Definition {
    /// Its name in its service.
    pub name: &'static str,
    /// The service whose workers serve it.
    pub service: &'static str,
    /// The function version.
    pub version: u32,
    /// Its parameters, in order.
    pub parameters: &'static [Parameter],
    /// The normalized text of its result type.
    pub result: &'static str,
    /// A digest of the tokens of its body; 0 for a declaration.
    pub body_fingerprint: u64,
    /// The path of an item inside of the function, by which the function's own is known.
    pub item: fn() -> &'static str,
    /// What the attribute's arguments say.
    pub options: Options,
    /// Where it is written.
    pub file: &'static str,
    /// Where it is written.
    pub line: u32,
    /// Runs its body; none for a declaration.
    pub run: Option<fn(Input) -> Running>,
}

/// A body under way.
pub type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// A parameter of a durable function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; for people only.
    pub name: &'static str,
    /// The normalized text of its owned type.
    pub ty: &'static str,
}

/// What the arguments of the attribute say.
#[derive(Clone, Copy)]
pub struct Options {
    /// When failed attempts are tried again.
    pub retry: Option<fn() -> Retry>,
    /// How long a call may take.
    pub timeout: Option<fn() -> Duration>,
    /// The label of the codec of arguments and result.
    pub codec: Option<&'static str>,
    /// Before others of its service, when higher.
    pub priority: Option<i8>,
    /// How many run at once in the whole fleet.
    pub concurrency: Option<u32>,
    /// So many starts in so many milliseconds.
    pub rate_limit: Option<(u32, u64)>,
    /// A cron expression and a time zone: when it is called without being called.
    pub schedule: Option<(&'static str, &'static str)>,
    /// What its body does that a replay would do otherwise.
    pub hazards: &'static [Hazard],
}

/// Something in a body that is different, or happens again, in every replay. A leaf may do so; a function that calls
/// others may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Its path, as written.
    pub name: &'static str,
    /// What is wrong with it, and what to write instead.
    pub advice: &'static str,
    /// Where it is written, in the file of the function.
    pub line: u32,
    /// True if the attribute names it in `allow`.
    pub is_allowed: bool,
}

impl Options {
    /// Nothing was said.
    pub const NONE: Self = Self {
        retry: None,
        timeout: None,
        codec: None,
        priority: None,
        concurrency: None,
        rate_limit: None,
        schedule: None,
        hazards: &[],
    };

    /// What the fleet may run of it.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed {
            concurrency: self.concurrency,
            rate: self.rate_limit.map(|(starts, millis)| Rate {
                starts,
                per: Duration::from_millis(millis),
            }),
        }
    }
}

impl Definition {
    /// `service/name@version`.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::new(self.service, self.name, self.version)
    }

    /// A fingerprint of the types of parameters and result. Names do not count: arguments travel by position.
    #[must_use]
    pub fn signature(&self) -> u64 {
        let mut text = String::new();
        for parameter in self.parameters {
            text.push_str(parameter.ty);
            text.push(',');
        }
        text.push_str("->");
        text.push_str(self.result);
        XxHash3_64::oneshot(text.as_bytes())
    }

    /// What the attribute says of failed attempts.
    pub(crate) fn retry(&self) -> Option<RetryPolicy> {
        self.options.retry.map(|retry| retry().policy())
    }

    /// True if `type_name` gives this of the function as users name it.
    pub(crate) fn is_item(&self, name: &str) -> bool {
        (self.item)()
            .rsplit_once("::")
            .is_some_and(|(function, _)| function == name)
    }

    /// Why it cannot be replayed although it calls something, here at `call`: the first of what it does otherwise then.
    pub(crate) fn hazard(&self, call: &str) -> Option<String> {
        let mut hazards = self.options.hazards.iter();
        let Hazard {
            name, advice, line, ..
        } = hazards.find(|hazard| !hazard.is_allowed)?;
        let (function, file) = (self.name, self.file);
        Some(format!(
            "`{name}` at {file}:{line} in {function}, which calls others (at {call}), {advice}"
        ))
    }

    /// What may be the reason if a replay has left its history, although it was allowed.
    pub(crate) fn suspect(&self) -> Option<String> {
        let Hazard { name, line, .. } = self.options.hazards.first()?;
        let file = self.file;
        Some(format!(
            "`{name}` at {file}:{line}, which differs in every replay, may be the reason"
        ))
    }

    /// File and line, as compilers write them.
    #[must_use]
    pub fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address(), self.location())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("retry", &self.retry.map(|retry| retry()))
            .field("timeout", &self.timeout.map(|timeout| timeout()))
            .field("codec", &self.codec)
            .field("priority", &self.priority)
            .field("concurrency", &self.concurrency)
            .field("rate_limit", &self.rate_limit)
            .field("schedule", &self.schedule)
            .field("hazards", &self.hazards)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn function(parameters: &'static [Parameter], result: &'static str) -> Definition {
        Definition {
            name: "charge",
            service: "payments",
            version: 2,
            parameters,
            result,
            body_fingerprint: 0,
            item: || "",
            options: Options::NONE,
            file: "src/pay.rs",
            line: 7,
            run: None,
        }
    }

    const fn parameter(name: &'static str, ty: &'static str) -> Parameter {
        Parameter { name, ty }
    }

    #[test]
    fn a_signature_is_types_in_order_without_names() {
        const ONE: Definition = function(
            &[parameter("card", "String"), parameter("cents", "u64")],
            "Receipt",
        );
        const RENAMED: Definition = function(
            &[parameter("c", "String"), parameter("n", "u64")],
            "Receipt",
        );
        const SWAPPED: Definition = function(
            &[parameter("cents", "u64"), parameter("card", "String")],
            "Receipt",
        );
        const RETYPED: Definition = function(
            &[parameter("card", "String"), parameter("cents", "u64")],
            "Bill",
        );
        assert_eq!(ONE.signature(), RENAMED.signature());
        assert_ne!(ONE.signature(), SWAPPED.signature());
        assert_ne!(ONE.signature(), RETYPED.signature());
    }

    #[test]
    fn a_definition_reads_as_its_address_and_place() {
        assert_eq!(
            format!("{:?}", function(&[], "()")),
            "payments/charge@2 (src/pay.rs:7)"
        );
    }

    /// The fingerprint is compared between binaries: it must not change with the library.
    #[test]
    fn a_fingerprint_is_part_of_the_protocol() {
        const ONE: Definition = function(&[parameter("card", "String")], "u64");
        assert_eq!(ONE.signature(), XxHash3_64::oneshot(b"String,->u64"));
    }
}
