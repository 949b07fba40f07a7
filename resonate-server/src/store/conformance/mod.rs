//! The contract as tests. Every store runs all of them by one line in its own tests: `conforms!(disk)`.
//!
//! A case gets a [`Disk`], an empty place that a store can be opened on again and again. A case that no list below names
//! is dead code, and the compiler says so.

pub(crate) mod commit;
pub(crate) mod due;
pub(crate) mod fence;
pub(crate) mod malformed;
pub(crate) mod messages;
pub(crate) mod search;
pub(crate) mod take;
pub(crate) mod tree;
pub(crate) mod trim;

use bytes::Bytes;
use resonate_core::Part;

use super::{Batch, Found, Head, Limit, Page, Row, Store};

/// Runs the suite on a disk, an expression that makes a new one for each case. The disk has 8 partitions.
macro_rules! conforms {
    ($disk:expr) => {
        $crate::store::conformance::conforms! { $disk;
            take:
                a_new_store_has_all_partitions_and_nothing_in_them,
                each_take_raises_every_epoch,
                a_floor_lifts_numbers_above_what_was_seen,
                a_floor_below_changes_nothing,
                the_head_knows_the_next_root_number_and_the_newest_time;
            commit:
                every_column_comes_back_as_it_was_written,
                the_last_state_of_a_row_wins,
                a_row_keeps_its_place_when_it_changes,
                a_lane_writes_all_its_partitions,
                an_empty_lane_and_an_empty_batch_are_fine,
                large_documents_come_back,
                great_numbers_keep_their_order,
                everything_is_there_after_opening_again,
                a_second_reader_sees_what_is_committed;
            fence:
                a_batch_of_an_earlier_epoch_is_refused,
                a_batch_of_a_later_epoch_is_refused,
                the_same_batch_never_commits_twice,
                a_batch_that_skips_a_number_is_refused,
                one_fenced_partition_refuses_the_whole_lane,
                an_owner_that_was_replaced_changes_nothing;
            malformed:
                what_cannot_be_is_refused_and_changes_nothing,
                a_root_or_its_number_is_given_once,
                a_row_needs_its_root,
                a_row_keeps_its_id_and_its_time_of_creation,
                a_floor_for_what_does_not_exist_is_refused;
            tree:
                an_unknown_root_has_no_tree,
                a_tree_comes_in_the_order_of_its_children,
                pages_of_a_tree_end_by_rows,
                pages_of_a_tree_end_by_bytes,
                the_same_root_in_two_partitions_is_two_trees;
            due:
                what_is_due_comes_earliest_first,
                a_window_holds_its_beginning_and_not_its_end,
                pages_of_what_is_due_miss_nothing_and_repeat_nothing,
                one_partition_can_be_asked_for,
                a_row_that_is_no_longer_due_is_gone_from_the_list;
            search:
                the_newest_come_first_or_the_oldest,
                every_filter_filters,
                pages_of_a_search_miss_nothing_and_repeat_nothing,
                a_search_for_what_is_rare_ends_and_goes_on,
                all_rows_come_in_the_order_of_their_keys;
            messages:
                messages_come_back_in_their_order,
                pages_of_messages_miss_nothing_and_repeat_nothing,
                a_mark_holds_the_last_that_was_written,
                messages_of_an_earlier_epoch_come_first;
            trim:
                acknowledged_messages_go,
                a_tree_goes_and_its_name_is_free_again,
                a_tree_goes_in_pieces_from_its_highest_child,
                a_row_goes_that_ended_when_it_is_said_to,
                what_has_not_ended_long_ago_stays,
                a_trim_for_an_earlier_root_of_that_name_does_no_harm,
                the_limit_holds_for_all_together,
                numbers_are_not_used_again_after_a_trim;
        }
    };
    ($disk:expr; $($file:ident: $($case:ident),+;)+) => {
        mod conformance {
            use super::*;
            $(mod $file {
                use super::*;
                $(#[test]
                fn $case() {
                    $crate::store::conformance::$file::$case(&$disk);
                })+
            })+
        }
    };
}
pub(crate) use conforms;

/// Where a store keeps what it commits.
pub(crate) trait Disk {
    /// A store on what is there. The one before has been dropped.
    fn open(&self) -> Box<dyn Store>;
}

impl Disk for super::MemoryDisk {
    fn open(&self) -> Box<dyn Store> {
        Box::new(Self::open(self))
    }
}

/// How many partitions the disks of the suite have.
pub(crate) const PARTS: u16 = 8;

/// One row to a page, whatever its bytes.
const ONE: Limit = Limit {
    rows: 1,
    bytes: usize::MAX,
};

fn taken(disk: &dyn Disk) -> (Box<dyn Store>, Vec<Head>) {
    let mut store = disk.open();
    let heads = store.take(&[]).unwrap();
    (store, heads)
}

fn reopened(store: Box<dyn Store>, disk: &dyn Disk) -> (Box<dyn Store>, Vec<Head>) {
    drop(store);
    taken(disk)
}

/// The next batch of a partition; the head moves with it, as if it had been committed.
fn next(head: &mut Head) -> Batch {
    head.seq += 1;
    Batch::new(head.part, head.epoch, head.seq)
}

/// A batch with a new root and its first row.
fn rooted(head: &mut Head, root: &str, root_no: u64) -> Batch {
    let mut batch = next(head);
    batch.roots.push((root.to_owned(), root_no));
    batch.rows.push(row(root_no, 0));
    batch
}

fn row(root_no: u64, child_no: u64) -> Row {
    Row {
        root_no,
        child_no,
        id: if child_no == 0 {
            String::new()
        } else {
            format!(".child-{child_no}")
        },
        state: 0,
        due_at: None,
        created_at: 1_000,
        settled_at: None,
        target: None,
        function: None,
        doc: Bytes::from(format!("document {root_no}/{child_no}")),
    }
}

fn commit(store: &mut dyn Store, batch: Batch) {
    store.commit(&[batch]).unwrap();
}

fn all(store: &mut dyn Store) -> Vec<Found> {
    store.rows(None, Limit::default()).unwrap().rows
}

/// Everything a store can be asked for, to see whether two moments are the same.
fn everything(store: &mut dyn Store) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{:?}", all(store));
    for part in (0..PARTS).map(Part) {
        let outbox = store.outbox(part, None, Limit::default()).unwrap();
        let inbox = store.inbox(part).unwrap();
        write!(text, "\n{part}: {outbox:?} {inbox:?}").unwrap();
        for root in ["a", "b", "c"] {
            let tree = store.tree(part, root, None, Limit::default()).unwrap();
            write!(text, "\n{root} {tree:?}").unwrap();
        }
    }
    text
}

/// Asks page after page until there is no more.
fn pages<T, C: Copy>(
    mut ask: impl FnMut(Option<C>) -> Page<T>,
    cursor: impl Fn(&T) -> C,
) -> Vec<T> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = ask(after);
        assert!(
            !page.rows.is_empty() || !page.more,
            "a page without rows is the last"
        );
        after = page.rows.last().map(&cursor).or(after);
        rows.extend(page.rows);
        assert!(rows.len() < 1_000, "the pages never end");
        if !page.more {
            return rows;
        }
    }
}
