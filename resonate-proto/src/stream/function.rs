//! Functions as a worker registers them.

use std::time::Duration;

use resonate_core::{
    Address, RetryPolicy,
    flow::{Allowed, Rate},
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
        let rate = (wire.rate_starts > 0 && wire.rate_per_ms > 0).then(|| Rate {
            starts: wire.rate_starts,
            per: Duration::from_millis(wire.rate_per_ms),
        });
        let concurrency = Some(wire.concurrency).filter(|most| *most > 0);
        let defaults = Defaults {
            allowed: Allowed { concurrency, rate },
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
