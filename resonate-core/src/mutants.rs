//! Planted bugs: a test that finds none of them proves nothing. `tests/mutants` runs each against the harness that must
//! find it.
//!
//! They sit where the rules are, one `if planted(..)` each, wherever that is: rules, engine, store, worker. Without the
//! feature `mutants` no such line is compiled; with it, whoever runs the process plants one at its beginning, at most.

/// What a planted bug endangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// What was acknowledged is kept.
    Durability,
    /// Who lost a claim, or serves another copy, changes nothing.
    Fencing,
    /// A promise settles once, for everybody, and in time.
    Promises,
    /// An accepted call runs to its end, in the order of the log.
    Tasks,
    /// Nothing is early, too large, or starved.
    Flow,
}

macro_rules! mutants {
    ($($area:ident { $($mutant:ident $name:literal $breaks:literal;)+ })+) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $breaks] $mutant,)+)+
        }

        impl Mutant {
            /// All of them, by area.
            pub const ALL: &[Self] = &[$($(Self::$mutant,)+)+];

            /// What it is called where one is chosen.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$mutant => $name,)+)+
                }
            }

            /// What it does.
            #[must_use]
            pub const fn breaks(self) -> &'static str {
                match self {
                    $($(Self::$mutant => $breaks,)+)+
                }
            }

            /// What it endangers.
            #[must_use]
            pub const fn area(self) -> Area {
                match self {
                    $($(Self::$mutant => Area::$area,)+)+
                }
            }
        }
    };
}

mutants! {
    Durability {
        AnswerAheadOfCommit "answer-ahead-of-commit" "a client is answered before the commit";
        ReadAheadOfCommit "read-ahead-of-commit" "a read is answered before the commit of what it shows";
        DispatchAheadOfCommit "dispatch-ahead-of-commit" "a worker is sent what the commit may still take back";
        MemoryKept "memory-kept" "memory is kept after a commit that was not written";
        SyncTriedAgain "sync-tried-again" "a failed sync is tried again in the same process";
        SynchronousNormal "synchronous-normal" "commits do not wait for the disk";
        FolderNotSynced "folder-not-synced" "the names of new files are not synced";
        ChecksumNotVerified "checksum-not-verified" "rows are read without a look at their checksums";
        LogNotRewritten "log-not-rewritten" "what a failed sync left in the log is believed at the next start";
        OutboxAhead "outbox-ahead" "a message is removed from the outbox before it was applied";
    }
    Fencing {
        TokenNotChecked "token-not-checked" "a turn is taken under any fencing token";
        SettleTokenNotChecked "settle-token-not-checked" "a turn that settles is taken under any fencing token";
        ReleaseTokenNotChecked "release-token-not-checked" "a stalled claim in a heartbeat ends any later claim as well";
        HoldTokenNotChecked "hold-token-not-checked" "a worker that comes back keeps what somebody else has claimed since";
        SessionNotChecked "session-not-checked" "a turn is taken from any session that knows the token";
        TokenRaisedOnRelease "token-raised-on-release" "a release raises the fencing token";
        TokenNotRaised "token-not-raised" "a claim does not raise the fencing token";
        EpochNotChecked "epoch-not-checked" "a server that was replaced may still commit";
        EpochNotRaised "epoch-not-raised" "a start goes on in the epoch of the one before";
        TimelineNotCompared "timeline-not-compared" "claims of another timeline of the store are believed";
        RestoreKeepsTimeline "restore-keeps-timeline" "a restored store goes on in the timeline of its backup";
        NoGrace "no-grace" "sessions get no lease of grace after a restart";
    }
    Promises {
        CreateOverwrites "create-overwrites" "a create replaces the promise that is there";
        LateSettleOverwrites "late-settle-overwrites" "a late settle replaces the first";
        LateSettleNotTold "late-settle-not-told" "a late settle is answered like one that repeats the first";
        ArgumentsNotCompared "arguments-not-compared" "the same id with other arguments is taken for the same call";
        TouchMissing "touch-missing" "a settle does not look first whether the time has passed";
        TimeoutNotArmed "timeout-not-armed" "the timeout of a promise without a task is not armed";
        CancelNotPassedOn "cancel-not-passed-on" "what is below a canceled promise is not canceled";
        CancelLeavesTask "cancel-leaves-task" "a settled promise keeps its task";
        CancelNotTold "cancel-not-told" "the worker that runs a canceled task is not told";
        UndoneThoughWell "undone-though-well" "what undoes a call runs although its caller has returned";
        NotUndone "not-undone" "a caller that ends with an error has nothing undone";
    }
    Tasks {
        WakeUpLostInSuspend "wake-up-lost-in-suspend" "a suspend does not look for what has settled meanwhile";
        WakeUpMissing "wake-up-missing" "a child that settles does not wake its suspended caller";
        LeaseNeverEnds "lease-never-ends" "a silent worker keeps its tasks";
        NoSecondDispatch "no-second-dispatch" "a dispatch that did not arrive is not given back";
        DoubleDispatchAfterRestart "double-dispatch-after-restart" "after a restart, claimed tasks are claimed again at once";
        AttemptsForgotten "attempts-forgotten" "a crash of the server forgets how often a task lost its worker";
        TurnTakenTwice "turn-taken-twice" "a repeated turn is applied again";
        HistoryOutOfOrder "history-out-of-order" "a history is sent in the order of ids and not of the log";
        ResultsOutOfOrder "results-out-of-order" "a body is shown the latest result first";
        WarmForAnybody "warm-for-anybody" "a worker without the body is sent only what is new";
        StepShownAhead "step-shown-ahead" "a body is shown the outcome of a step before that is durable";
    }
    Flow {
        TimerEarly "timer-early" "timers fire a second early";
        TimerEarlyAfterJump "timer-early-after-jump" "after the clock was set back, time runs on from where it was";
        ClockGoesBack "clock-goes-back" "the time of a batch follows a clock that is set back";
        PagedByCount "paged-by-count" "what is sent to a worker is cut by number and not by bytes";
        RootStarves "root-starves" "the root that came first is served until it has nothing left";
        TwoWritersAtOnce "two-writers-at-once" "a call that writes does not wait for those before it";
        StateNotWritten "state-not-written" "a call has its result and the state of its object is lost";
        LineStandsStill "line-stands-still" "nobody is told that its turn has come";
        CycleNotFound "cycle-not-found" "a call waits for what its own callers hold";
        LimitNotKept "limit-not-kept" "more of a function run at once than it allows";
        AwaiterPageForgotten "awaiter-page-forgotten" "awaiters beyond the first few are never answered";
        TrimTooEarly "trim-too-early" "an earlier generation is forgotten while something below it is pending";
    }
}

#[cfg(feature = "mutants")]
static CHOSEN: std::sync::OnceLock<Mutant> = std::sync::OnceLock::new();

/// True in a process in which this one was planted.
#[cfg(feature = "mutants")]
#[must_use]
pub fn planted(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(&mutant)
}

/// False: this build has none.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn planted(_: Mutant) -> bool {
    false
}

/// Plants one in this process, for as long as it lives.
///
/// # Panics
/// If there is none of this name, or another one is planted already.
#[cfg(feature = "mutants")]
pub fn plant(name: &str) {
    let mut all = Mutant::ALL.iter();
    let Some(mutant) = all.find(|mutant| mutant.name() == name) else {
        panic!("there is no mutant {name:?}");
    };
    let chosen = CHOSEN.get_or_init(|| *mutant);
    assert!(chosen == mutant, "{} is planted already", chosen.name());
}

#[cfg(all(test, not(feature = "mutants")))]
mod tests {
    use super::*;

    /// Known to the compiler, so none of them is compiled.
    const _: () = {
        let mut all = Mutant::ALL;
        while let [mutant, rest @ ..] = all {
            assert!(!planted(*mutant));
            all = rest;
        }
    };

    #[test]
    fn names_are_given_once() {
        let names: std::collections::BTreeSet<_> =
            Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
        assert_eq!(names.len(), Mutant::ALL.len());
    }
}
