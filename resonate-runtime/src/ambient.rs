//! What surrounds a call that names nobody: the execution that is being polled, else the process's own `Resonate`.

use crate::codec::Codecs;

/// How arguments are written here and now.
pub(crate) fn codecs() -> Codecs {
    Codecs::default()
}
