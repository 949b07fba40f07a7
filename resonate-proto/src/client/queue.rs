//! What waits of a function: keys and who has them, tenants.

use resonate_core::{Timestamp, keys::KeyLook, queue::TenantWaiting};

use crate::{
    convert::{BadMessage, Reading},
    v1,
};

impl From<&KeyLook> for v1::KeyLine {
    fn from(key: &KeyLook) -> Self {
        Self {
            key: key.text.to_string(),
            holders: key.holders.iter().map(ToString::to_string).collect(),
            held: key.held,
            waiting: key.waiting,
            opens_at_ms: key.opens_at.map_or(0, Timestamp::as_millis),
        }
    }
}

impl TryFrom<v1::KeyLine> for KeyLook {
    type Error = BadMessage;
    fn try_from(wire: v1::KeyLine) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("KeyLine");
        let opens_at = READING.time("opens_at_ms", wire.opens_at_ms)?;
        Ok(Self {
            text: wire.key.into(),
            holders: READING.ids("holders", wire.holders)?,
            held: wire.held,
            waiting: wire.waiting,
            opens_at: Some(opens_at).filter(|at| *at != Timestamp::ZERO),
        })
    }
}

impl From<&TenantWaiting> for v1::TenantLine {
    fn from(tenant: &TenantWaiting) -> Self {
        Self {
            tenant: tenant.tenant.to_string(),
            waiting: tenant.tasks as u64,
            weight: tenant.weight,
        }
    }
}

impl TryFrom<v1::TenantLine> for TenantWaiting {
    type Error = BadMessage;
    fn try_from(wire: v1::TenantLine) -> Result<Self, BadMessage> {
        Ok(Self {
            tenant: wire.tenant.into(),
            tasks: usize::try_from(wire.waiting).unwrap_or(usize::MAX),
            weight: wire.weight,
        })
    }
}
