//! What a chain of callers holds: calls, each of which nobody else can go past until it ends.
//!
//! The line travels in the tags of promises: a child has its caller's, and a call in another tree gets them when the
//! proxy that awaits it is created. So a call that waits for what its own callers hold is found when it is made, and
//! refused, instead of waiting for ever.

use std::collections::BTreeMap;

use crate::PromiseId;

/// The tag that has the line: ids of calls, the uppermost first. No id has a line break in it.
pub const TAG: &str = "resonate.held";

type Tags = BTreeMap<String, String>;

/// The calls that are held by, or above, whatever has these tags.
pub fn calls(tags: &Tags) -> impl Iterator<Item = &str> {
    tags.get(TAG).into_iter().flat_map(|line| line.lines())
}

/// What the caller holds is held by whoever is called and awaited, and by nobody else.
pub fn pass_on(caller: &Tags, called: &mut Tags) {
    match caller.get(TAG) {
        Some(line) => called.insert(TAG.to_owned(), line.clone()),
        None => called.remove(TAG),
    };
}

/// The call holds something itself from now on.
pub fn add(tags: &mut Tags, call: &PromiseId) {
    let line = tags.entry(TAG.to_owned()).or_default();
    if !line.is_empty() {
        line.push('\n');
    }
    line.push_str(call.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_grows_downwards_and_is_not_invented() {
        let id = |text: &str| PromiseId::new(text).expect("a good id");
        let (mut upper, mut lower) = (Tags::new(), Tags::new());
        add(&mut upper, &id("a/A/1.x"));
        pass_on(&upper, &mut lower);
        add(&mut lower, &id("b/B/2 and more.y"));
        assert_eq!(
            calls(&lower).collect::<Vec<_>>(),
            ["a/A/1.x", "b/B/2 and more.y"]
        );
        pass_on(&Tags::new(), &mut lower);
        assert_eq!(calls(&lower).count(), 0);
    }
}
