//! Functions as a worker registers them.

use std::{sync::Arc, time::Duration};

use resonate_core::{
    Address, Key, RetryPolicy,
    flow::{Allowed, Rate},
    keys::PerKey,
};

use crate::{
    convert::{BadMessage, Reading, millis, read_all, write_all},
    v1,
};

/// A function as a worker registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its address.
    pub address: Address,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What it returns, as Rust writes it.
    pub result: String,
    /// A digest of the types of parameters and result.
    pub signature: u64,
    /// A digest of its body.
    pub body_fingerprint: u64,
    /// False when it is declared here and served elsewhere; then it is checked against who serves it.
    pub served: bool,
    /// File and line.
    pub location: String,
    /// What counts for a call that says nothing about it.
    pub defaults: Defaults,
}

/// What a function says of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// When failed attempts are tried again.
    pub retry: Option<RetryPolicy>,
    /// How long a call may take.
    pub timeout: Option<Duration>,
    /// Before others of its service, when higher.
    pub priority: i8,
    /// How much of it may run in the whole fleet.
    pub allowed: Allowed,
    /// Which parameter, from 0, is the key of its calls; none if it has no key, or all have one.
    pub key: Option<u32>,
}

impl Defaults {
    /// The key of a call whose arguments are these, as JSON; empty if all calls have one, none if the function has no key
    /// or the arguments cannot be read.
    #[must_use]
    pub fn key_of(&self, arguments: &[u8]) -> Option<Arc<str>> {
        self.allowed.per_key?;
        let Some(position) = self.key else {
            return Some(Key::text(""));
        };
        let arguments: Vec<serde_json::Value> = serde_json::from_slice(arguments).ok()?;
        let argument = arguments.get(usize::try_from(position).ok()?)?;
        Some(key_text(argument))
    }
}

/// The key that an argument is: a text as it is, anything else as compact JSON.
#[must_use]
pub fn key_text(argument: &serde_json::Value) -> Arc<str> {
    match argument.as_str() {
        Some(text) => Key::text(text),
        None => Key::text(&argument.to_string()),
    }
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, as Rust writes it.
    pub ty: String,
}

impl From<&Function> for v1::Function {
    fn from(function: &Function) -> Self {
        let per_key = function.defaults.allowed.per_key;
        let rate_per_key = per_key.and_then(|per_key| per_key.rate);
        Self {
            service: function.address.service.to_string(),
            name: function.address.function.to_string(),
            version: function.address.version,
            parameters: write_all(&function.parameters),
            result: function.result.clone(),
            signature: function.signature,
            body_fingerprint: function.body_fingerprint,
            served: function.served,
            location: function.location.clone(),
            retry: function.defaults.retry.as_ref().map(Into::into),
            timeout_ms: function.defaults.timeout.map_or(0, millis),
            priority: function.defaults.priority.into(),
            concurrency: function.defaults.allowed.concurrency.unwrap_or(0),
            rate_starts: function.defaults.allowed.rate.map_or(0, |rate| rate.starts),
            rate_per_ms: function
                .defaults
                .allowed
                .rate
                .map_or(0, |rate| millis(rate.per)),
            keyed: per_key.is_some(),
            key_position: function
                .defaults
                .key
                .map_or(0, |position| position.saturating_add(1)),
            per_key: per_key.and_then(|per_key| per_key.at_once).unwrap_or(0),
            rate_per_key_starts: rate_per_key.map_or(0, |rate| rate.starts),
            rate_per_key_ms: rate_per_key.map_or(0, |rate| millis(rate.per)),
            latest_wins: per_key.is_some_and(|per_key| per_key.latest_wins),
            debounce_ms: per_key
                .and_then(|per_key| per_key.debounce)
                .map_or(0, millis),
        }
    }
}

impl TryFrom<v1::Function> for Function {
    type Error = BadMessage;
    fn try_from(wire: v1::Function) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Function");
        let address = Address::new(wire.service, wire.name, wire.version);
        READING.check_address("name", &address)?;
        let timeout = (wire.timeout_ms > 0).then(|| Duration::from_millis(wire.timeout_ms));
        let rate = |starts, per_ms| {
            (starts > 0 && per_ms > 0).then(|| Rate {
                starts,
                per: Duration::from_millis(per_ms),
            })
        };
        let per_key = wire.keyed.then(|| PerKey {
            at_once: Some(wire.per_key).filter(|most| *most > 0),
            rate: rate(wire.rate_per_key_starts, wire.rate_per_key_ms),
            latest_wins: wire.latest_wins,
            debounce: (wire.debounce_ms > 0).then(|| Duration::from_millis(wire.debounce_ms)),
        });
        let rate = rate(wire.rate_starts, wire.rate_per_ms);
        let key = wire.key_position.checked_sub(1).filter(|_| wire.keyed);
        let concurrency = Some(wire.concurrency).filter(|most| *most > 0);
        let defaults = Defaults {
            allowed: Allowed {
                concurrency,
                rate,
                per_key,
            },
            key,
            retry: wire.retry.map(Into::into),
            timeout,
            priority: READING.number("priority", wire.priority)?,
        };
        Ok(Self {
            address,
            parameters: read_all(wire.parameters)?,
            result: wire.result,
            signature: wire.signature,
            body_fingerprint: wire.body_fingerprint,
            served: wire.served,
            location: wire.location,
            defaults,
        })
    }
}

impl From<&Parameter> for v1::Parameter {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            r#type: parameter.ty.clone(),
        }
    }
}

impl TryFrom<v1::Parameter> for Parameter {
    type Error = BadMessage;
    fn try_from(wire: v1::Parameter) -> Result<Self, BadMessage> {
        Ok(Self {
            name: wire.name,
            ty: Reading("Parameter").text("type", wire.r#type)?,
        })
    }
}
