//! Which harness must find which bug, within which budget, by which check.

use std::fmt;

use resonate_core::mutants::Mutant;

/// A harness, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// So many seeds of the simulator.
    Simulator(u64),
    /// A test of this binary.
    Rules(&'static str),
    /// A test of power cuts.
    Power(&'static str),
    /// A test of real processes.
    Process(&'static str),
    /// So many operations.
    Linearizable(u64),
}

/// One bug, who must find it, and what it says then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) mutant: Mutant,
    pub(crate) by: By,
    /// One of these is the right reason.
    pub(crate) says: &'static [&'static str],
}

impl By {
    pub(crate) fn binary(self) -> &'static str {
        match self {
            Self::Simulator(_) => "sim",
            Self::Rules(_) => "mutants",
            Self::Power(_) => "power",
            Self::Process(_) => "process",
            Self::Linearizable(_) => "linearizable",
        }
    }

    pub(crate) fn tests(self) -> Vec<&'static str> {
        match self {
            Self::Simulator(_) => vec!["a_batch_of_seeds_breaks_no_rule_and_meets_every_fault"],
            Self::Rules(test) => vec!["a_bug_is_planted", test],
            Self::Power(test) | Self::Process(test) => vec![test],
            Self::Linearizable(_) => {
                vec!["every_answer_is_what_one_promise_after_the_other_would_give_across_kills"]
            }
        }
    }

    pub(crate) fn size(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Simulator(seeds) => vec![
                ("RESONATE_SIM_SEEDS", seeds.to_string()),
                ("RESONATE_SIM_SHRINK", "0".to_owned()),
            ],
            Self::Linearizable(operations) => {
                vec![("RESONATE_OPERATIONS", operations.to_string())]
            }
            // So many calls are tried to fail, and not each.
            Self::Power(_) => vec![
                ("RESONATE_POWER_STRIDE", "5".to_owned()),
                ("RESONATE_POWER_IMAGES", "64".to_owned()),
            ],
            Self::Rules(_) | Self::Process(_) => Vec::new(),
        }
    }

    /// True if the other one does all of this one, and more.
    pub(crate) fn is_part_of(self, other: Self) -> bool {
        match (self, other) {
            (Self::Simulator(one), Self::Simulator(other))
            | (Self::Linearizable(one), Self::Linearizable(other)) => one < other,
            _ => false,
        }
    }
}

/// What is run without a bug besides what the cases need.
pub(crate) const SOUND: &[By] = &[By::Process(
    "planted::only_a_build_for_the_mutants_can_plant_one",
)];

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulator(seeds) => write!(f, "sim, {seeds} seeds"),
            Self::Rules(test) => write!(f, "rules, {test}"),
            Self::Power(test) => write!(f, "power, {test}"),
            Self::Process(test) => write!(f, "process, {test}"),
            Self::Linearizable(operations) => write!(f, "linearizable, {operations} operations"),
        }
    }
}

const SEEDS: By = By::Simulator(20);

#[rustfmt::skip]
pub(crate) fn case(mutant: Mutant) -> Case {
    use By::{Linearizable, Power, Process, Rules};
    let (by, says): (By, &'static [&'static str]) = match mutant {
        Mutant::AnswerAheadOfCommit => (SEEDS, &["was told of before it was durable", "was told as"]),
        Mutant::ReadAheadOfCommit => (SEEDS, &["was told as"]),
        Mutant::DispatchAheadOfCommit => (SEEDS, &["before that was durable", "was answered before it was durable"]),
        Mutant::MemoryKept => (SEEDS, &["before it was durable", "and None is durable"]),
        Mutant::SyncTriedAgain => (Power("faults::a_failed_sync_stops_the_server_and_is_never_tried_again"), &["code Some(0), output"]),
        Mutant::SynchronousNormal => (Power("images::a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged"), &["images are bad"]),
        Mutant::FolderNotSynced => (Power("images::a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged"), &["images are bad"]),
        Mutant::ChecksumNotVerified => (Process("corruption::damage_is_named_by_file_table_and_key_and_nothing_is_made_of_it"), &["it counts 1 unsettled rows"]),
        Mutant::LogNotRewritten => (Power("cache::the_log_is_written_again_before_anything_is_built_on_it"), &["images are bad"]),
        Mutant::OutboxAhead => (SEEDS, &["was removed from the outbox"]),
        Mutant::TokenNotChecked => (SEEDS, &["was stale, and was taken", "it was settled and changed"]),
        Mutant::SettleTokenNotChecked => (SEEDS, &["was stale, and was taken", "it was settled and changed"]),
        Mutant::ReleaseTokenNotChecked => (Rules("scripts::claim::a_release_under_an_earlier_token_or_of_another_session_ends_no_claim"), &["4 done | a pending, ready at 4 v2"]),
        Mutant::HoldTokenNotChecked => (Rules("scripts::claim::a_worker_names_what_it_holds_and_gets_what_settled_since"), &["8 held [a.x resolved 1 4.1, a.y resolved 2 5.1]"]),
        Mutant::SessionNotChecked => (Rules("scripts::turn::a_turn_of_another_session_is_refused_though_it_knows_the_token"), &["2 over [] | a resolved 1 3.1"]),
        Mutant::TokenRaisedOnRelease => (SEEDS, &["its fencing token changed without a claim"]),
        Mutant::TokenNotRaised => (SEEDS, &["was dispatched twice under", "hold it under"]),
        Mutant::EpochNotChecked => (SEEDS, &["a server that was replaced has written"]),
        Mutant::EpochNotRaised => (Linearizable(4_000), &["what: SamePlace"]),
        Mutant::TimelineNotCompared => (Process("backup::the_worker_of_a_restored_server_drops_what_it_held_and_begins_anew"), &["left: Number(1)"]),
        Mutant::RestoreKeepsTimeline => (Process("backup::the_worker_of_a_restored_server_drops_what_it_held_and_begins_anew"), &["left != right"]),
        Mutant::NoGrace => (SEEDS, &["was taken back at"]),
        Mutant::CreateOverwrites => (SEEDS, &["what never changes changed", "it was settled and changed"]),
        Mutant::LateSettleOverwrites => (Rules("scripts::settle::a_late_settle_is_told_apart_from_a_repeated_one"), &["it was settled and changed"]),
        Mutant::LateSettleNotTold => (Rules("scripts::settle::a_late_settle_is_told_apart_from_a_repeated_one"), &["7 order-1 resolved 7 2.1 (as it was)"]),
        Mutant::ArgumentsNotCompared => (Rules("scripts::create::the_same_id_for_another_call_is_refused_with_both_sides"), &["1 order-1 pending, ready at 0 v0 (as it was)"]),
        Mutant::TouchMissing => (Rules("scripts::settle::a_settle_after_the_timeout_finds_the_promise_timed_out"), &["100 order-1 resolved 7 2.1 | order-1 resolved 7 2.1"]),
        Mutant::TimeoutNotArmed => (SEEDS, &["and its timeout was at"]),
        Mutant::CancelNotPassedOn => (SEEDS, &["it is pending below a caller that is over"]),
        Mutant::CancelLeavesTask => (SEEDS, &["its task is", "it was settled and changed"]),
        Mutant::CancelNotTold => (Rules("scripts::cancel::a_cancel_settles_everything_pending_below_in_every_state"), &["1 passed; 1 failed"]),
        Mutant::UndoneThoughWell => (SEEDS, &["its caller needs that not", "and it waits"]),
        Mutant::NotUndone => (SEEDS, &["its caller needs it, and nothing comes of that"]),
        Mutant::WakeUpLostInSuspend => (SEEDS, &["a lost wake-up", "it waits for nothing"]),
        Mutant::WakeUpMissing => (SEEDS, &["a lost wake-up", "waits for nothing"]),
        Mutant::LeaseNeverEnds => (SEEDS, &["and it is"]),
        Mutant::NoSecondDispatch => (SEEDS, &["not answered"]),
        Mutant::DoubleDispatchAfterRestart => (SEEDS, &["was taken back at"]),
        Mutant::AttemptsForgotten => (SEEDS, &["workers, and now"]),
        Mutant::TurnTakenTwice => (Rules("scripts::turn::a_repeated_turn_changes_nothing_and_gets_its_answer_again"), &["6 over [] | a resolved 2 6.1"]),
        Mutant::HistoryOutOfOrder => (SEEDS, &["is not in the order of the log"]),
        Mutant::ResultsOutOfOrder => (SEEDS, &["is halted: call"]),
        Mutant::WarmForAnybody => (Rules("scripts::claim::a_warm_worker_gets_only_what_is_new_and_only_if_nobody_claimed_between"), &["7 claimed warm [a.y resolved 2 7.1] | a pending, leased B v3"]),
        Mutant::StepShownAhead => (SEEDS, &["before it is durable"]),
        Mutant::TimerEarly => (SEEDS, &["it fired at"]),
        Mutant::TimerEarlyAfterJump => (SEEDS, &["it settled at"]),
        Mutant::ClockGoesBack => (SEEDS, &["the server wrote the time", "a worker is told that it is", "one commit has the times"]),
        Mutant::PagedByCount => (Rules("flow::what_is_sent_to_a_worker_fits_a_message"), &["a message of"]),
        Mutant::RootStarves => (Rules("flow::no_root_waits_for_all_of_another"), &["one root starves the other"]),
        Mutant::LimitNotKept => (Rules("flow::no_more_of_a_function_run_at_once_than_it_allows"), &["four run, and three may"]),
        Mutant::AwaiterPageForgotten => (Rules("scripts::awaiters::what_is_written_for_many_awaiters_grows_with_their_number_and_not_faster"), &[r#""pending": 4984"#]),
        Mutant::TrimTooEarly => (Rules("scripts::trim::what_is_shielded_keeps_its_place_until_it_has_ended"), &["6 done | -a.x"]),
    };
    Case { mutant, by, says }
}
