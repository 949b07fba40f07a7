//! Keys: who may have one is let go, and whom a later call with the same key puts an end to is canceled, or merges into it.

use resonate_core::{Request, keys::Over};

use super::{Engine, EngineError, round::Round};
use crate::limits;

impl Engine {
    /// Lets go whom nothing holds back any more, once everything that has a key is known; then puts an end to others, a
    /// bounded number per round.
    pub(super) fn open_keys(&mut self, round: &mut Round) -> Result<(), EngineError> {
        if self.window.has_reached(round.now) || self.ready.is_open() {
            self.ready.open(round.now);
        }
        let share = round.share();
        for _ in 0..limits::ROUND_RELEASES {
            if !round.has_room_in(share) {
                break;
            }
            let Some((id, over)) = self.ready.take_over() else {
                break;
            };
            let request = match over {
                Over::Superseded(by) => Request::Cancel {
                    id,
                    reason: format!("{by} came later with the same key, and the latest wins"),
                    key: None,
                },
                Over::Merged(into) => Request::Merge { id, into },
            };
            // One that is over by itself leaves the line as well.
            let _over_already = self.apply(round, request)?;
        }
        Ok(())
    }
}
