//! How fast it commits. `cargo test --release -p resonate-server bench -- --ignored --nocapture`
//!
//! Lanes of 128 rows, half of them new roots, half changes of rows made a little earlier, with documents of 300 bytes.

use resonate_core::Part;

use super::Folder;
use crate::store::{Batch, Head, Row, SqliteStore, Store};

const ROWS: u64 = 128;
const LANES: u64 = 2_000;

#[test]
#[ignore = "a measurement"]
fn rows_per_second() {
    for (parts, ordered) in [(1, true), (128, true), (128, false)] {
        let folder = Folder::new();
        let mut store = SqliteStore::open(folder.0.path(), 256).unwrap();
        let mut heads = store.take(&[]).unwrap();
        let mut owner = Owner {
            next: 1,
            recent: Vec::new(),
        };
        let (began, mut committing, mut folding) = (tokio::time::Instant::now(), 0.0, 0.0);
        for lane in 0..LANES {
            let batches = owner.lane(&mut heads, parts, ordered, lane);
            let at = tokio::time::Instant::now();
            store.commit(&batches).unwrap();
            committing += at.elapsed().as_secs_f64();
            store.upkeep().unwrap();
            folding += at.elapsed().as_secs_f64();
        }
        let rows = (LANES * ROWS) as f64;
        folding -= committing;
        println!(
            "{parts:>3} partitions, ids {}: {:>6.0} rows/s, commit {:.2} ms, upkeep {:.2} ms per lane, all {:.1} s",
            if ordered { "by time" } else { "random " },
            rows / (committing + folding),
            committing / LANES as f64 * 1e3,
            folding / LANES as f64 * 1e3,
            began.elapsed().as_secs_f64(),
        );
    }
}

struct Owner {
    next: u64,
    recent: Vec<(Part, Row)>,
}

impl Owner {
    fn lane(&mut self, heads: &mut [Head], parts: u64, ordered: bool, lane: u64) -> Vec<Batch> {
        let mut batches: std::collections::BTreeMap<Part, Batch> =
            std::collections::BTreeMap::new();
        let now = i64::try_from(lane).unwrap() * 5;
        let mut of = |part: Part| {
            let head = &mut heads[usize::from(part.0)];
            let new = batches.entry(part);
            new.or_insert_with(|| {
                head.seq += 1;
                Batch::new(part, head.epoch, head.seq)
            })
            .clone_from(&Batch::new(part, head.epoch, head.seq));
        };
        let changed: Vec<_> = self.recent.drain(..self.recent.len().min(64)).collect();
        let made: Vec<_> = (0..ROWS - changed.len() as u64)
            .map(|n| self.make(n % parts, now))
            .collect();
        changed.iter().chain(&made).for_each(|(part, _)| of(*part));
        for (part, mut row) in changed {
            let leased = row.state == 1;
            row.state += 1;
            row.due_at = leased.then_some(now + 15_000);
            row.settled_at = (!leased).then_some(now);
            if leased {
                self.recent.push((part, row.clone()));
            }
            batches.get_mut(&part).unwrap().rows.push(row);
        }
        for (part, row) in made {
            let batch = batches.get_mut(&part).unwrap();
            let random = row.root_no.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let name = if ordered {
                format!("{:016x}-{random:016x}", row.root_no)
            } else {
                format!("{random:016x}-order")
            };
            batch.roots.push((name, row.root_no));
            batch.rows.push(row.clone());
            self.recent.push((part, row));
        }
        batches.into_values().collect()
    }

    fn make(&mut self, part: u64, now: i64) -> (Part, Row) {
        let root_no = self.next;
        self.next += 1;
        let row = Row {
            root_no,
            child_no: 0,
            id: String::new(),
            state: 1,
            due_at: Some(now),
            created_at: now,
            settled_at: None,
            target: Some("payments".to_owned()),
            function: Some("payments/charge@1".to_owned()),
            doc: vec![root_no.to_le_bytes()[0]; 300].into(),
        };
        (Part(u16::try_from(part).unwrap()), row)
    }
}
