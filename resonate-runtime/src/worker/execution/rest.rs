//! What an execution does when its body can do nothing more: stay, write, wait for good, or stop. Values in, a decision out.

use std::time::Duration;

use crate::{limits, replay::Counts};

/// What is known of a body that rests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) counts: Counts,
    /// There is something to write.
    pub(super) has_ops: bool,
    /// How many of its futures wait for a result.
    pub(super) waiters: usize,
    /// Something that is not ours may wake it.
    pub(super) is_foreign: bool,
    /// Something settled that it was not shown.
    pub(super) has_unshown: bool,
    /// Since when it rests.
    pub(super) rested: Duration,
    /// The worker is leaving.
    pub(super) is_draining: bool,
    /// After how long it may say how far it is; none if there is nothing to say.
    pub(super) progress: Option<Duration>,
    /// How long a step of it sleeps until it looks again; none if none sleeps.
    pub(super) sleeps: Option<Duration>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Stay,
    /// Write, and stay.
    GoOn,
    /// Write, and wait for a promise.
    Suspend { tied: bool },
    /// Write, and give the task back.
    Release,
    /// Let the body find what the log shows next when it asks for it.
    Unblock,
    /// The body will not ask for what the log shows next.
    Diverge,
}

impl Facts {
    pub(super) fn next(&self) -> Next {
        let otherwise = if self.has_ops { Next::GoOn } else { Next::Stay };
        if self.is_busy() {
            return otherwise;
        }
        let had_its_time = self.rested >= limits::FOREIGN_WAIT;
        if self.has_unshown {
            return match (self.is_foreign, had_its_time) {
                (false, _) => Next::Diverge,
                (true, true) => Next::Unblock,
                (true, false) => otherwise,
            };
        }
        if self.waiters == 0 {
            return otherwise;
        }
        // It looks again so soon that a turn of its own is not worth it.
        if self
            .sleeps
            .is_some_and(|sleeps| sleeps < limits::LIGHT_SLEEP)
            && !self.is_draining
        {
            return otherwise;
        }
        match self.is_foreign {
            false => Next::Suspend { tied: false },
            true if self.is_draining => Next::Release,
            true if had_its_time => Next::Suspend { tied: true },
            true => otherwise,
        }
    }

    /// True if time alone changes what is next: after how long.
    pub(super) fn until(&self) -> Option<Duration> {
        let waits = self.is_foreign && !self.is_busy() && (self.has_unshown || self.waiters > 0);
        let foreign = waits.then(|| limits::FOREIGN_WAIT.saturating_sub(self.rested));
        let not_over = |until: &Duration| !until.is_zero();
        [
            foreign.filter(not_over),
            self.progress.filter(not_over),
            self.sleeps,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// True if it waits for promises alone, so that it needs no slot.
    pub(super) fn needs_no_slot(&self) -> bool {
        let Counts {
            steps,
            opening,
            ended,
            ..
        } = self.counts;
        self.waiters > 0 && steps + opening + ended == 0 && !self.has_unshown
    }

    /// Something of its own is under way in this process, or not durable yet.
    fn is_busy(&self) -> bool {
        let Counts {
            steps,
            young,
            wished,
            opening,
            ended,
        } = self.counts;
        steps + young + wished + opening + ended > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: Facts = Facts {
        counts: Counts {
            steps: 0,
            young: 0,
            wished: 0,
            opening: 0,
            ended: 0,
        },
        has_ops: false,
        waiters: 1,
        is_foreign: false,
        has_unshown: false,
        rested: Duration::ZERO,
        is_draining: false,
        progress: None,
        sleeps: None,
    };

    #[test]
    fn who_waits_for_promises_alone_is_suspended_at_once() {
        assert_eq!(WAITING.next(), Next::Suspend { tied: false });
        assert_eq!(
            Facts {
                has_ops: true,
                ..WAITING
            }
            .next(),
            Next::Suspend { tied: false }
        );
    }

    #[test]
    fn who_waits_for_nothing_durable_stays() {
        assert_eq!(
            Facts {
                waiters: 0,
                ..WAITING
            }
            .next(),
            Next::Stay
        );
        assert_eq!(
            Facts {
                waiters: 0,
                is_foreign: true,
                rested: limits::FOREIGN_WAIT,
                ..WAITING
            }
            .next(),
            Next::Stay
        );
    }

    #[test]
    fn what_something_foreign_may_wake_is_tied_after_its_time() {
        let foreign = Facts {
            is_foreign: true,
            ..WAITING
        };
        assert_eq!(foreign.next(), Next::Stay);
        assert_eq!(foreign.until(), Some(limits::FOREIGN_WAIT));
        let later = Facts {
            rested: limits::FOREIGN_WAIT,
            ..foreign
        };
        assert_eq!(
            (later.next(), later.until()),
            (Next::Suspend { tied: true }, None)
        );
        assert_eq!(
            Facts {
                is_draining: true,
                ..foreign
            }
            .next(),
            Next::Release
        );
    }

    #[test]
    fn what_runs_here_keeps_it_claimed() {
        for counts in [
            Counts {
                steps: 1,
                ..Counts::default()
            },
            Counts {
                young: 1,
                ..Counts::default()
            },
            Counts {
                wished: 1,
                ..Counts::default()
            },
            Counts {
                opening: 1,
                ..Counts::default()
            },
            Counts {
                ended: 1,
                ..Counts::default()
            },
        ] {
            assert_eq!(Facts { counts, ..WAITING }.next(), Next::Stay);
            assert_eq!(
                Facts {
                    counts,
                    has_ops: true,
                    ..WAITING
                }
                .next(),
                Next::GoOn
            );
        }
    }

    #[test]
    fn a_body_that_does_not_ask_for_what_comes_next_has_diverged_unless_something_foreign_holds_it_up()
     {
        let blocked = Facts {
            has_unshown: true,
            ..WAITING
        };
        assert_eq!(blocked.next(), Next::Diverge);
        assert_eq!(
            Facts {
                is_foreign: true,
                ..blocked
            }
            .next(),
            Next::Stay
        );
        assert_eq!(
            Facts {
                is_foreign: true,
                rested: limits::FOREIGN_WAIT,
                ..blocked
            }
            .next(),
            Next::Unblock
        );
    }

    #[test]
    fn who_waits_gives_up_its_slot_but_not_for_a_write_of_its_own() {
        assert!(WAITING.needs_no_slot());
        assert!(
            Facts {
                counts: Counts {
                    young: 1,
                    ..Counts::default()
                },
                ..WAITING
            }
            .needs_no_slot()
        );
        assert!(
            !Facts {
                counts: Counts {
                    steps: 1,
                    ..Counts::default()
                },
                ..WAITING
            }
            .needs_no_slot()
        );
        assert!(
            !Facts {
                counts: Counts {
                    ended: 1,
                    ..Counts::default()
                },
                ..WAITING
            }
            .needs_no_slot()
        );
        assert!(
            !Facts {
                waiters: 0,
                ..WAITING
            }
            .needs_no_slot()
        );
    }
}
