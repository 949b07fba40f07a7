//! Awaiters: the proxies that hear how a promise settles. A few are in its record, the others in pages, rows of their own;
//! so neither a record nor what one request writes grows with their number.
//!
//! A proxy that settles otherwise takes itself out. Answers are sent in rounds of bounded number and bytes; what does not
//! fit into a request goes on with a message to the same tree, written in the same batch.

use std::sync::Arc;

use super::{edit::Edit, trim};
use crate::{
    AwaiterPage, Message, Outcome, PromiseId, limits,
    mutants::{Mutant, planted},
};

/// The proxy will hear how this pending promise settles.
pub(super) fn add(edit: &mut Edit<'_>, id: &PromiseId, proxy: PromiseId) {
    let Some(record) = edit.get(id) else { return };
    let awaiters = &record.promise.awaiters;
    if awaiters.contains(&proxy) || edit.tree().page_of(id, &proxy).is_some() {
        return;
    }
    if awaiters.len() < limits::AWAITERS {
        return edit.update(id, |record| record.promise.awaiters.push(proxy));
    }
    put(edit, id, proxy);
}

/// The proxy has settled otherwise and waits no longer.
pub(super) fn remove(edit: &mut Edit<'_>, id: &PromiseId, proxy: &PromiseId) {
    if let Some(page) = edit.tree().page_of(id, proxy) {
        let mut page = AwaiterPage::clone(page);
        page.proxies.retain(|other| other != proxy);
        return edit.put_page(page);
    }
    let is_in_record = edit
        .get(id)
        .is_some_and(|record| record.promise.awaiters.contains(proxy));
    if is_in_record {
        edit.update(id, |record| {
            record.promise.awaiters.retain(|other| other != proxy);
        });
    }
}

/// A promise has just settled: tells those whom its record named, then the others.
pub(super) fn answer(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    named: Vec<PromiseId>,
    outcome: &Outcome,
) {
    for proxy in named {
        if edit.take_answer(outcome.bytes()) {
            let outcome = outcome.clone();
            edit.send(Message::Answer { proxy, outcome });
        } else {
            put(edit, id, proxy);
        }
    }
    if edit.tree().first_page(id).is_some() && !planted(Mutant::AwaiterPageForgotten) {
        edit.send(Message::Answers { id: id.clone() });
    }
}

/// Goes on telling those who await a settled promise.
pub(super) fn go_on(edit: &mut Edit<'_>, id: &PromiseId) {
    let settled = edit.get(id).and_then(|record| record.promise.settled());
    let Some(outcome) = settled.map(|settled| settled.outcome.clone()) else {
        return;
    };
    while let Some(page) = edit.tree().first_page(id).cloned() {
        let mut told = 0;
        for proxy in &page.proxies {
            if !edit.take_answer(outcome.bytes()) {
                break;
            }
            let (proxy, outcome) = (proxy.clone(), outcome.clone());
            edit.send(Message::Answer { proxy, outcome });
            told += 1;
        }
        let is_done = told == page.proxies.len();
        if told > 0 {
            let mut rest = AwaiterPage::clone(&page);
            rest.proxies.drain(..told);
            edit.put_page(rest);
        }
        if !is_done {
            return edit.send(Message::Answers { id: id.clone() });
        }
    }
    // It may have been kept for their sake.
    trim::after_wave(edit, id);
}

/// Into a page with room, else into a new one.
fn put(edit: &mut Edit<'_>, id: &PromiseId, proxy: PromiseId) {
    let page = match edit.tree().page_with_room(id) {
        Some(page) => {
            let mut page = AwaiterPage::clone(page);
            page.proxies.push(proxy);
            page
        }
        None => AwaiterPage {
            of: id.clone(),
            number: edit.tree().free_page(id),
            proxies: vec![proxy],
        },
    };
    edit.put_page(page);
}

impl Edit<'_> {
    /// The page as it is now; one without proxies is gone.
    fn put_page(&mut self, page: AwaiterPage) {
        self.write_page(Arc::new(page));
    }
}
