//! What executions emit: each item is in its stream once, after the one that the function emitted before it.

use std::collections::BTreeMap;

use resonate_core::{Feed, PromiseId, Slip};

/// The last item of each stream: its offset, the generation that emitted it, and its number there.
#[derive(Debug, Default)]
pub(crate) struct Streams(BTreeMap<PromiseId, (u64, u32, usize)>);

impl Streams {
    /// Some items became durable.
    pub(crate) fn follow(&mut self, slip: &Slip) -> Result<(), String> {
        if slip.feed == Feed::Inbox {
            return Ok(());
        }
        for (offset, item) in (slip.number..).zip(&slip.items) {
            let (generation, at): (u32, usize) =
                serde_json::from_slice(&item.data).map_err(|error| error.to_string())?;
            let before = self.0.insert(slip.of.clone(), (offset, generation, at));
            let is_next = match before {
                None => (offset, at) == (0, 0),
                Some((last, of, _)) if of != generation => {
                    offset == last + 1 && of < generation && at == 0
                }
                Some((last, _, then)) => (offset, at) == (last + 1, then + 1),
            };
            if !is_next {
                return Err(format!(
                    "{} emits {at} of generation {generation} as {offset}, after {before:?}",
                    slip.of
                ));
            }
        }
        Ok(())
    }
}
