//! The traits behind [`Tag`](super::Tag) and its like, for generated code to bring into scope: without names, so that nothing collides.

pub use super::ask::{
    Answers as _, CanAnswer as _, CanDecode as _, CanEncode as _, CanKeep as _, CanLend as _,
    CanTravel as _, CannotAnswer as _, CannotDecode as _, CannotEncode as _, CannotKeep as _,
    CannotLend as _, CannotTravel as _, Keeps as _, Lends as _, MayLend as _, NoOutput as _,
    PlainOutput as _, PlainParts as _, ResultOutput as _, ResultParts as _, Travels as _,
};
