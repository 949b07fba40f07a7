//! Which promise is watched by which stream, and when small streams are gathered into a larger one. Pure.
//!
//! As in counting: eight streams of about one size become one of the next, until they are as large as the server allows.
//! So each id is sent a few times in all, and n of them need little more than n / 1,000 streams.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::{
    PromiseId,
    limits::{MESSAGE_BYTES, PAGE},
};

/// So many streams of about one size become one.
const GATHER: usize = 8;
/// Streams of this rank are not gathered: together they would be more than one stream may watch.
const LARGE: u32 = 3;
/// Bytes of the ids of one stream: they travel in one message.
const STREAM_BYTES: usize = MESSAGE_BYTES / 2;

/// A stream. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StreamNo(u64);

/// Streams to be closed, and then those to be opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) closed: Vec<StreamNo>,
    pub(super) opened: Vec<(StreamNo, Vec<PromiseId>)>,
}

/// All streams, each with what it still has to bring.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: BTreeMap<StreamNo, BTreeSet<PromiseId>>,
    last: u64,
}

impl Streams {
    /// Watches these too.
    pub(super) fn add(&mut self, mut ids: Vec<PromiseId>) -> Change {
        let mut closed = Vec::new();
        while let Some(alike) = self.alike(ids.len()) {
            for no in alike {
                ids.extend(self.remove(no));
                closed.push(no);
            }
        }
        let opened = cut(ids)
            .into_iter()
            .map(|ids| (self.open(&ids), ids))
            .collect();
        Change { closed, opened }
    }

    /// A stream has brought one.
    pub(super) fn settled(&mut self, no: StreamNo, id: &PromiseId) {
        if let Some(ids) = self.streams.get_mut(&no) {
            ids.remove(id);
        }
    }

    /// A stream is gone; gives what it has not brought.
    pub(super) fn remove(&mut self, no: StreamNo) -> BTreeSet<PromiseId> {
        self.streams.remove(&no).unwrap_or_default()
    }

    /// Forgets what nobody wants any more; gives the streams that are left with nothing to bring.
    pub(super) fn retain(&mut self, wanted: impl Fn(&PromiseId) -> bool) -> Vec<StreamNo> {
        self.streams
            .values_mut()
            .for_each(|ids| ids.retain(&wanted));
        let idle: Vec<StreamNo> = self
            .streams
            .iter()
            .filter(|(_, ids)| ids.is_empty())
            .map(|(no, _)| *no)
            .collect();
        for no in &idle {
            self.streams.remove(no);
        }
        idle
    }

    /// The streams of about this size, if one more makes them enough to be gathered.
    fn alike(&self, size: usize) -> Option<Vec<StreamNo>> {
        if LARGE <= rank(size) {
            return None;
        }
        let alike: Vec<StreamNo> = self
            .streams
            .iter()
            .filter(|(_, ids)| rank(ids.len()) == rank(size))
            .map(|(no, _)| *no)
            .collect();
        (GATHER <= alike.len() + 1).then_some(alike)
    }

    fn open(&mut self, ids: &[PromiseId]) -> StreamNo {
        self.last += 1;
        let no = StreamNo(self.last);
        self.streams.insert(no, ids.iter().cloned().collect());
        no
    }
}

/// Sizes of one rank are about the same.
fn rank(size: usize) -> u32 {
    size.checked_ilog(GATHER).unwrap_or(0)
}

/// Cuts ids so that each part fits a message.
fn cut(ids: Vec<PromiseId>) -> Vec<Vec<PromiseId>> {
    let mut parts: Vec<Vec<PromiseId>> = Vec::new();
    let mut bytes = STREAM_BYTES;
    for id in ids {
        bytes += id.as_str().len() + 8;
        match parts.last_mut() {
            Some(part) if bytes <= STREAM_BYTES && part.len() < PAGE => part.push(id),
            Some(_) | None => {
                bytes = id.as_str().len() + 8;
                parts.push(vec![id]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> PromiseId {
        PromiseId::new(format!("order-{n}")).unwrap()
    }

    #[test]
    fn ten_thousand_one_by_one_are_few_streams_and_few_messages() {
        let mut streams = Streams::default();
        let mut sent = 0;
        for n in 0..10_000 {
            let change = streams.add(vec![id(n)]);
            sent += change
                .opened
                .iter()
                .map(|(_, ids)| ids.len())
                .sum::<usize>();
        }
        assert!(streams.streams.values().all(|ids| ids.len() <= PAGE));
        assert!(
            streams.streams.len() <= 40,
            "{} streams",
            streams.streams.len()
        );
        assert!(sent <= 10_000 * 6, "{sent} ids sent");
        let watched: BTreeSet<_> = streams.streams.values().flatten().cloned().collect();
        assert_eq!(watched.len(), 10_000);
    }

    #[test]
    fn a_large_batch_is_cut_to_fit_messages() {
        let long = |n: usize| PromiseId::new(format!("{n:0>400}")).unwrap();
        let change = Streams::default().add((0..20_000).map(long).collect());
        assert!(change.opened.len() > 1);
        for (_, ids) in &change.opened {
            assert!(ids.iter().map(|id| id.as_str().len()).sum::<usize>() <= STREAM_BYTES);
        }
    }

    #[test]
    fn a_lost_stream_gives_back_what_it_did_not_bring() {
        let mut streams = Streams::default();
        let change = streams.add(vec![id(1), id(2)]);
        let no = change.opened[0].0;
        streams.settled(no, &id(1));
        assert_eq!(streams.remove(no), BTreeSet::from([id(2)]));
        assert!(streams.remove(no).is_empty());
    }

    #[test]
    fn a_stream_with_nothing_to_bring_is_closed() {
        let mut streams = Streams::default();
        streams.add(vec![id(1)]);
        let no = streams.add(vec![id(2)]).opened[0].0;
        assert_eq!(streams.retain(|wanted| *wanted == id(1)), [no]);
        assert!(streams.retain(|_| true).is_empty());
    }
}
