//! What `tests/it/generated.rs` makes of the `.proto` files. Nobody edits it; `UPDATE_EXPECT=1` writes it anew.

#![allow(
    missing_docs,
    unreachable_pub,
    rustdoc::all,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::use_self,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "generated; its docs are the comments of the .proto files"
)]

/// The messages and services of the wire.
pub mod v1 {
    include!("resonate.v1.rs");
}

/// What the rows of a store hold.
pub(crate) mod store {
    pub(crate) mod v1 {
        include!("resonate.store.v1.rs");
    }
}
