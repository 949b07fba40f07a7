//! Records and trees: every document can be read and says what its row says, nothing is ahead of its partition, every
//! tree is complete and keeps the rules.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use resonate_core::{Message, Part, PromiseId, Record, Seq, Tree, Violation, check::Checker};
use resonate_proto::store::{self as format, Stored};

use super::{PROBLEMS_MAX, Problem, Report};
use crate::{
    engine::disk,
    store::{Found, Head, Key, Limit, LoadError, Mark, Reader, sqlite::Snapshot},
};

/// Adds what there is and what is wrong with it to the report.
pub(super) fn verify(snapshot: &mut Snapshot, report: &mut Report) -> Result<(), LoadError> {
    let file = snapshot.file().to_owned();
    let heads = snapshot.heads()?;
    let mut problems = Problems {
        file,
        found: Vec::new(),
    };
    let parts = snapshot.parts();
    let (messages, count) = messages(snapshot.rows(), &heads, parts, &mut problems)?;
    report.messages = count;
    let mut walk = Walk {
        heads: &heads,
        problems,
        checker: Checker::new(&messages),
        tree: None,
        rows: 0,
        trees: 0,
    };
    let mut after = None;
    loop {
        let page = snapshot.rows().rows(after, Limit::default())?;
        after = page.rows.last().map(Found::key);
        page.rows.iter().for_each(|found| walk.row(found));
        if !page.more || after.is_none() {
            break;
        }
    }
    walk.end_tree();
    (report.rows, report.trees) = (walk.rows, walk.trees);
    let Walk {
        checker,
        mut problems,
        ..
    } = walk;
    problems.violations(checker.end());
    report.problems = problems.found;
    Ok(())
}

struct Problems {
    file: PathBuf,
    found: Vec<Problem>,
}

impl Problems {
    fn add(&mut self, table: &'static str, key: impl ToString, why: impl ToString) {
        if self.found.len() < PROBLEMS_MAX {
            self.found.push(Problem {
                file: self.file.clone(),
                table,
                key: key.to_string(),
                why: why.to_string(),
            });
        }
    }

    fn violations(&mut self, violations: Vec<Violation>) {
        for Violation { id, what } in violations {
            self.add("promise", id, what);
        }
    }
}

/// The messages that are written and not yet applied, and how many there are with those that are.
fn messages(
    store: &mut dyn Reader,
    heads: &[Head],
    parts: u16,
    problems: &mut Problems,
) -> Result<(Vec<Message>, u64), LoadError> {
    let mut marks: BTreeMap<(Part, Part), Mark> = BTreeMap::new();
    for part in (0..parts).map(Part) {
        let inbox = store.inbox(part)?.into_iter();
        marks.extend(inbox.map(|(source, mark)| ((part, source), mark)));
    }
    let (mut waiting, mut count) = (Vec::new(), 0);
    for head in heads {
        let mut after = None;
        loop {
            let page = store.outbox(head.part, after, Limit::default())?;
            after = page.rows.last().map(|(mark, _)| *mark);
            for (mark, row) in page.rows {
                count += 1;
                let key = format!(
                    "part {}, epoch {}, seq {}, n {}",
                    head.part, mark.epoch, mark.seq, mark.n
                );
                if (mark.epoch, mark.seq) > (head.epoch, head.seq) {
                    problems.add(
                        "outbox",
                        &key,
                        "it is of a later batch than its partition's last",
                    );
                }
                let message = match format::decode_message(&row.doc) {
                    Ok(message) => message,
                    Err(error) => {
                        problems.add("outbox", &key, error);
                        continue;
                    }
                };
                let to = message.target().part();
                if to != row.dst {
                    problems.add(
                        "outbox",
                        &key,
                        format!("it is for partition {to} and lies for {}", row.dst),
                    );
                }
                if marks
                    .get(&(to, head.part))
                    .is_none_or(|taken| *taken < mark)
                {
                    waiting.push(message);
                }
            }
            if !page.more || after.is_none() {
                break;
            }
        }
    }
    Ok((waiting, count))
}

/// The way through all rows, tree by tree.
struct Walk<'a> {
    heads: &'a [Head],
    problems: Problems,
    checker: Checker<'a>,
    tree: Option<Growing>,
    rows: u64,
    trees: u64,
}

/// A tree of which rows may still come.
struct Growing {
    root_no: u64,
    part: Part,
    root: String,
    tree: Tree,
    /// The number of its last row.
    last: u64,
    missing: u64,
    /// A history in it is in a later generation than its first, or something went in or out of it.
    is_trimmed: bool,
}

impl Walk<'_> {
    fn row(&mut self, found: &Found) {
        self.rows += 1;
        let key = found.key();
        let is_here = |tree: &Growing| (tree.root_no, tree.part) == (key.root_no, key.part);
        if !self.tree.as_ref().is_some_and(is_here) {
            self.end_tree();
            self.begin_tree(found);
        }
        let read = match disk::read_row(found.part, &found.root, &found.row) {
            Ok(read) => read,
            Err(error) => return self.problems.add("promise", shown(key), error),
        };
        match &read {
            Stored::Record(record) => {
                self.against_its_row(found, record);
                self.against_its_partition(found, record);
            }
            // The rows of slips say when they were made, and nothing else.
            Stored::Slip(_) => {}
            Stored::Awaiters(page) => {
                if page.proxies.is_empty() != found.row.settled_at.is_some() {
                    let why = "it names awaiters and is over, or neither";
                    self.problems.add("promise", shown(key), why);
                }
            }
        }
        if let Some(tree) = &mut self.tree {
            // Number 0 is the root promise's, which may never have been created; the others follow one another, unless
            // earlier generations were forgotten.
            let next = tree.last + 1;
            tree.missing += key.child_no.saturating_sub(next);
            tree.last = tree.last.max(key.child_no);
            match read {
                Stored::Record(record) => {
                    tree.is_trimmed |= record.promise.generation > 1;
                    tree.is_trimmed |= record.promise.feeds.is_some();
                    tree.tree.put(Arc::from(record));
                }
                Stored::Awaiters(page) => tree.tree.put_page(Arc::new(page)),
                Stored::Slip(slip) => tree.tree.put_slip(Arc::new(slip)),
            }
        }
    }

    fn begin_tree(&mut self, found: &Found) {
        self.trees += 1;
        let key = found.key();
        let id = PromiseId::new(found.root.as_str());
        if !id.is_ok_and(|id| id.part() == found.part && id.root() == found.root) {
            let why = format!("{:?} is no root of partition {}", found.root, found.part);
            self.problems.add("root", shown(key), why);
        }
        let head = self.heads.get(usize::from(found.part.0));
        if head.is_none_or(|head| head.next_root_no <= key.root_no) {
            let why = "its number was not given yet";
            self.problems.add("root", shown(key), why);
        }
        self.tree = Some(Growing {
            root_no: key.root_no,
            part: key.part,
            root: found.root.clone(),
            tree: Tree::default(),
            last: 0,
            missing: 0,
            is_trimmed: false,
        });
    }

    /// The columns are what people and timers find it by.
    fn against_its_row(&mut self, found: &Found, record: &Record) {
        let mut row = disk::write_record(record, found.row.root_no, found.row.child_no);
        // The document may be written by an older version, in another order.
        row.doc = found.row.doc.clone();
        if row != found.row {
            let why = "its columns are not those of its document";
            self.problems.add("promise", shown(found.key()), why);
        }
    }

    fn against_its_partition(&mut self, found: &Found, record: &Record) {
        let Some(head) = self.heads.get(usize::from(found.part.0)) else {
            return self.problems.add(
                "promise",
                shown(found.key()),
                "its partition does not exist",
            );
        };
        let settled = record.promise.settled();
        if settled.is_some_and(|settled| Seq::before_batch(head.seq + 1) <= settled.seq) {
            let why = "it settled in a later batch than its partition's last";
            self.problems.add("promise", shown(found.key()), why);
        }
        let newest = found.row.settled_at.unwrap_or(found.row.created_at);
        if head.newest < newest.max(found.row.created_at) {
            let why = "it is newer than anything its partition knows";
            self.problems.add("promise", shown(found.key()), why);
        }
    }

    fn end_tree(&mut self) {
        let Some(Growing {
            root_no,
            part,
            root,
            tree,
            missing,
            is_trimmed,
            ..
        }) = self.tree.take()
        else {
            return;
        };
        if missing > 0 && !is_trimmed {
            let key = format!("root_no {root_no}, part {part}");
            let why = format!("{missing} promises are missing below {root}");
            self.problems.add("promise", key, why);
        }
        self.checker.tree(&tree);
        let violations = self.checker.take();
        self.problems.violations(violations);
    }
}

fn shown(key: Key) -> String {
    let Key {
        root_no,
        part,
        child_no,
    } = key;
    format!("root_no {root_no}, part {part}, child_no {child_no}")
}
