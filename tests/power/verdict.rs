//! What must hold of an image: it opens, everything that was acknowledged is there, nothing is there in part.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use resonate_core::{Message, Outcome, Part, Record, Tree, check, limits::PARTS};
use resonate_proto::store::{decode_message, decode_record};
use resonate_server::{
    clock::Clock,
    engine::{Engine, Settings},
    store::{Key, Limit, Mark, Reader, SqliteStore},
};

use crate::{client::value_of, disk::Image};

/// What clients had heard: the state of a promise, by id.
pub(crate) type Acknowledged = BTreeMap<String, &'static str>;

/// Notes a mark. A promise that has settled stays so, whatever a list said that was asked for earlier.
pub(crate) fn note(acknowledged: &mut Acknowledged, mark: &str) {
    let (what, id) = mark.split_once(' ').expect("a mark is a state and an id");
    let state = match what {
        "created" => "pending",
        "resolved" => "resolved",
        "canceled" => "canceled",
        _ => panic!("nobody here makes a promise {what}"),
    };
    let known = acknowledged.entry(id.to_owned()).or_insert(state);
    assert!(
        *known == "pending" || state == "pending" || *known == state,
        "{id} was {known}, now it is {state}"
    );
    if *known == "pending" {
        *known = state;
    }
}

/// How an image turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything that must hold does.
    Sound,
    /// It does not open, and says why.
    Refused(String),
    /// An acknowledged promise is not there, or not as it was.
    Lost(String),
    /// Something is there that must not be.
    Wrong(String),
}

/// Writes the image out, opens it with the server's own code and looks at all of it.
pub(crate) fn judge(image: &Image, place: &Path, acknowledged: &Acknowledged) -> Verdict {
    let _gone = fs::remove_dir_all(place);
    fs::create_dir(place).unwrap();
    for (name, bytes) in &image.0 {
        fs::write(place.join(name), bytes).unwrap();
    }
    judge_folder(place, acknowledged)
}

/// The same of a data folder that is there.
pub(crate) fn judge_folder(place: &Path, acknowledged: &Acknowledged) -> Verdict {
    let mut store = match SqliteStore::open(place, PARTS) {
        Ok(store) => store,
        Err(error) => return Verdict::Refused(error.to_string()),
    };
    match look(&mut store, acknowledged) {
        Err(verdict) => verdict,
        Ok(()) => {
            let settings = Settings::with_lease(resonate_core::limits::LEASE);
            match Engine::start(Box::new(store), settings, Clock::start().now()) {
                Ok(_) => Verdict::Sound,
                Err(error) => Verdict::Wrong(format!("the engine does not start: {error}")),
            }
        }
    }
}

fn look(store: &mut SqliteStore, acknowledged: &Acknowledged) -> Result<(), Verdict> {
    let wrong = |what: String| Verdict::Wrong(what);
    let damages = store.verify().map_err(|error| wrong(error.to_string()))?;
    if let Some(damage) = damages.first() {
        return Err(wrong(damage.to_string()));
    }
    let records = records(store).map_err(wrong)?;
    for (id, state) in acknowledged {
        let found = records.get(id).map(|record| record.promise.state_name());
        // What was pending when somebody heard of it may have settled since.
        if found != Some(*state) && (*state != "pending" || found.is_none()) {
            return Err(Verdict::Lost(format!(
                "{id} was acknowledged as {state}, the disk has {found:?}"
            )));
        }
    }
    for (id, record) in &records {
        if let Some(what) = is_half(id, record) {
            return Err(wrong(format!("{id}: {what}")));
        }
    }
    let mut trees: BTreeMap<&str, Tree> = BTreeMap::new();
    for record in records.values() {
        trees
            .entry(record.promise.id.root())
            .or_default()
            .put(Arc::clone(record));
    }
    let messages = messages(store).map_err(wrong)?;
    check(trees.values(), &messages).map_err(|violations| wrong(format!("{violations:?}")))
}

/// Roots of clients are resolved with the value that their id says, if they are resolved at all.
fn is_half(id: &str, record: &Record) -> Option<String> {
    let is_ours = id.starts_with("p-");
    match record.promise.settled().map(|settled| &settled.outcome) {
        Some(Outcome::Resolved(value)) if is_ours && value.data != value_of(id).as_bytes() => {
            Some(format!("resolved with {} other bytes", value.data.len()))
        }
        Some(Outcome::Resolved(_) | Outcome::Canceled { .. }) | None => None,
        Some(other) => Some(format!("nobody did that: {other:?}")),
    }
}

fn records(store: &mut SqliteStore) -> Result<BTreeMap<String, Arc<Record>>, String> {
    let (mut records, mut after) = (BTreeMap::new(), None::<Key>);
    loop {
        let page = store
            .rows(after, Limit::default())
            .map_err(|error| error.to_string())?;
        for found in &page.rows {
            let record = decode_record(&found.row.doc).map_err(|error| error.to_string())?;
            let id = &record.promise.id;
            if id.as_str() != format!("{}{}", found.root, found.row.id) {
                return Err(format!(
                    "the row of {}{} is the record of {id}",
                    found.root, found.row.id
                ));
            }
            records.insert(id.to_string(), Arc::new(record));
        }
        after = page.rows.last().map(|found| found.key());
        if !page.more || after.is_none() {
            return Ok(records);
        }
    }
}

/// Those that are written and not yet applied.
fn messages(store: &mut SqliteStore) -> Result<Vec<Message>, String> {
    let mut taken: BTreeMap<(Part, Part), Mark> = BTreeMap::new();
    for part in (0..PARTS).map(Part) {
        for (source, mark) in store.inbox(part).map_err(|error| error.to_string())? {
            taken.insert((source, part), mark);
        }
    }
    let mut messages = Vec::new();
    for part in (0..PARTS).map(Part) {
        let limit = Limit {
            rows: 1_000_000,
            bytes: usize::MAX,
        };
        for (mark, row) in store
            .outbox(part, None, limit)
            .map_err(|error| error.to_string())?
            .rows
        {
            if taken
                .get(&(part, row.dst))
                .is_none_or(|taken| *taken < mark)
            {
                messages.push(decode_message(&row.doc).map_err(|error| error.to_string())?);
            }
        }
    }
    Ok(messages)
}
