//! What is not taken on while the store has room only for what is under way.

use resonate_core::Request;

use super::{AskError, Engine, EngineError, round::Round};

impl Engine {
    /// Why a request is not taken on, before anything is touched. A new root is; whoever asks for one that exists gets
    /// it, and everything that ends something goes on.
    pub(super) fn has_no_room_for(
        &mut self,
        round: &mut Round,
        request: &Request,
    ) -> Result<Option<AskError>, EngineError> {
        let id = if let Request::Create(create) = request {
            &create.promise.id
        } else if let Request::Fork(story) = request {
            &story.promise.id
        } else {
            return Ok(None);
        };
        if self.store.has_room() {
            return Ok(None);
        }
        self.load(round, id.part(), id.root())?;
        Ok(self.memory.record(id).is_none().then(|| {
            AskError::NoRoom(
                "the disk of the server is full: it takes no new promises until there is room, and goes on with those it has"
                    .to_owned(),
            )
        }))
    }
}
