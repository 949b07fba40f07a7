//! What people type: names, addresses, and command lines.

use resonate_core::{Address, PromiseId, limits};
use resonate_server::testing;

pub(super) fn promise_id(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let address = text.parse::<Address>();
    if let Ok(address) = &address {
        assert_eq!(address.to_string().parse().as_ref(), Ok(address));
    }
    let Ok(id) = PromiseId::new(text) else {
        assert!(
            PromiseId::user_root(text).is_err(),
            "{text:?} is no id, and yet a root"
        );
        return address.is_ok();
    };
    assert_eq!(id.as_str(), text);
    assert_eq!(format!("{}{}", id.root(), id.rest()), text);
    let root = PromiseId::new(id.root()).expect("a root is an id");
    assert_eq!((root.root(), root.rest()), (id.root(), ""));
    assert_eq!(root.part(), id.part());
    // Nothing can be created under a longer root, so it never has children.
    if limits::ROOT_ID_BYTES < id.root().len() {
        return true;
    }
    // Children lie in the tree of their caller, under a name that no other of its calls has.
    let name = text.get(..4).unwrap_or("f");
    let children = [(1, name, 0), (1, name, 1), (2, name, 0), (1, "g.h", 0)];
    let children = children.map(|(generation, name, n)| id.child(generation, name, n));
    for (at, child) in children.iter().enumerate() {
        assert_eq!(child.root(), id.root());
        assert_eq!(PromiseId::new(child.as_str()).as_ref(), Ok(child));
        assert!(
            !children
                .iter()
                .skip(at + 1)
                .any(|other| other == child && name != "g.h")
        );
    }
    true
}

/// One argument a line.
pub(super) fn command_line(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let line = std::iter::once("resonate").chain(text.lines());
    let read = testing::command_line(line);
    if let Err(why) = &read {
        assert!(!why.is_empty(), "refused without a word: {text:?}");
    }
    read.is_ok()
}
