//! Schedules: fire times, overlap, catching up, what operators do.

use expect_test::expect;
use resonate_core::{BadTiming, Timestamp, Timing};

use crate::check;

/// The first firings after a moment, in local time.
#[track_caller]
fn firings(cron: &str, zone: &str, after: &str, count: usize, expect: expect_test::Expect) {
    let timing = Timing::parse(cron, zone).unwrap();
    let after: jiff::Timestamp = after.parse().unwrap();
    let after = Timestamp::from_millis(after.as_millisecond());
    let lines = timing.upcoming(after).take(count);
    let lines: String = lines.map(|at| timing.local(at) + "\n").collect();
    expect.assert_eq(&lines);
}

#[test]
fn a_time_that_does_not_exist_fires_once_at_the_end_of_the_gap() {
    firings(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-27T12:00:00Z",
        3,
        expect![[r#"
            2026-03-28 02:30:00+01:00
            2026-03-29 03:00:00+02:00
            2026-03-30 02:30:00+02:00
        "#]],
    );
    // All times of the gap are one firing.
    firings(
        "*/20 2,3 * * *",
        "Europe/Berlin",
        "2026-03-29T00:30:00Z",
        4,
        expect![[r#"
            2026-03-29 03:00:00+02:00
            2026-03-29 03:20:00+02:00
            2026-03-29 03:40:00+02:00
            2026-03-30 02:00:00+02:00
        "#]],
    );
}

#[test]
fn a_time_that_comes_twice_fires_once() {
    firings(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        2,
        expect![[r#"
            2026-10-25 02:30:00+02:00
            2026-10-26 02:30:00+01:00
        "#]],
    );
}

#[test]
fn every_hour_goes_on_through_both_changes() {
    firings(
        "30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        3,
        expect![[r#"
            2026-03-29 01:30:00+01:00
            2026-03-29 03:30:00+02:00
            2026-03-29 04:30:00+02:00
        "#]],
    );
    firings(
        "30 * * * *",
        "Europe/Berlin",
        "2026-10-24T23:45:00Z",
        4,
        expect![[r#"
            2026-10-25 02:30:00+02:00
            2026-10-25 02:30:00+01:00
            2026-10-25 03:30:00+01:00
            2026-10-25 04:30:00+01:00
        "#]],
    );
}

#[test]
fn a_year_of_nights_has_one_firing_each_in_every_zone() {
    let start = Timestamp::from_millis(1_767_225_600_000);
    let end = start.after(std::time::Duration::from_secs(365 * 86_400));
    for zone in [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ] {
        for cron in ["0 0 * * *", "30 2 * * *", "59 59 23 * * *"] {
            let timing = Timing::parse(cron, zone).unwrap();
            let times: Vec<_> = timing.upcoming(start).take_while(|at| *at <= end).collect();
            assert!(times.is_sorted_by(|one, next| one < next), "{zone} {cron}");
            assert!(
                (364..=366).contains(&times.len()),
                "{zone} {cron}: {}",
                times.len()
            );
        }
    }
}

#[test]
fn rare_days_are_found() {
    firings(
        "0 0 29 2 MON",
        "UTC",
        "2026-01-01T00:00:00Z",
        3,
        expect![[r#"
            2026-02-02 00:00:00+00:00
            2026-02-09 00:00:00+00:00
            2026-02-16 00:00:00+00:00
        "#]],
    );
    firings(
        "0 12 29 2 *",
        "UTC",
        "2096-03-01T00:00:00Z",
        1,
        expect![[r#"
            2104-02-29 12:00:00+00:00
        "#]],
    );
    firings(
        "* * 29 2 *",
        "Europe/Berlin",
        "2026-01-01T00:00:00Z",
        1,
        expect![[r#"
            2028-02-29 00:00:00+01:00
        "#]],
    );
}

#[test]
fn what_never_comes_and_what_is_nowhere_is_refused() {
    let wrong = |cron: &str, zone: &str| -> BadTiming { Timing::parse(cron, zone).unwrap_err() };
    expect![
        "there is no time zone `Europe/Berlim`; write an IANA name, such as Europe/Berlin or UTC"
    ]
    .assert_eq(&wrong("0 3 * * *", "Europe/Berlim").to_string());
    expect![
        "the cron expression `0 3 30 2 *` means no day that ever comes; look at its day and month"
    ]
    .assert_eq(&wrong("0 3 30 2 *", "UTC").to_string());
}

#[test]
fn the_longest_downtime_is_one_step() {
    // A year of seconds: counted up to the limit, then skipped.
    check(
        "20260101T000000Z schedule a s/f cron=*_*_*_*_*_* catchup=1500
         20270101T000000Z expire a",
        expect![[r#"
            1767225600000 a next a/20260101T000001Z, fired 0, waiting [] | +a next a/20260101T000001Z, fired 0, waiting []
            1798761600000 done | a next a/20270101T000001Z, fired 1, waiting [], missed 1010: 1 a/20270101T000000Z to a/20270101T000000Z (overlap) | +a.20261231T235950Z pending | send create a/20261231T235950Z for a.20261231T235950Z
        "#]],
    );
}

#[test]
fn each_fire_time_creates_its_root_once() {
    check(
        "20260101T120000Z schedule nightly s/report cron=0_3_*_*_* zone=Europe/Berlin timeout=5
         20260101T120001Z schedule nightly s/report cron=0_3_*_*_* zone=Europe/Berlin timeout=5
         20260102T020000Z expire
         20260102T020000Z deliver
         20260102T020001Z settle nightly/20260102T020000Z resolved 1
         20260102T020001Z deliver
         20260103T020000Z get nightly
         20260103T020000Z get nightly",
        expect![[r#"
            1767268800000 nightly next nightly/20260102T020000Z, fired 0, waiting [] | +nightly next nightly/20260102T020000Z, fired 0, waiting []
            1767268801000 nightly next nightly/20260102T020000Z, fired 0, waiting [] (as it was)
            1767319200000 done | nightly next nightly/20260103T020000Z, fired 1, waiting [] | +nightly.20260102T020000Z pending | send create nightly/20260102T020000Z for nightly.20260102T020000Z
            1767319200000 done | +nightly/20260102T020000Z pending until 1767319200005, ready at 1767319200000 v0
            1767319201000 refused the promise `nightly/20260102T020000Z` is timedout already | nightly/20260102T020000Z timedout 2.1 | send answer nightly.20260102T020000Z timedout
            1767319201000 done | nightly.20260102T020000Z timedout 4.1
            1767405600000 nightly next nightly/20260104T020000Z, fired 2, waiting [] (as it was) | nightly next nightly/20260104T020000Z, fired 2, waiting [] | +nightly.20260103T020000Z pending | send create nightly/20260103T020000Z for nightly.20260103T020000Z
            1767405600000 nightly next nightly/20260104T020000Z, fired 2, waiting [] (as it was)
        "#]],
    );
}

#[test]
fn another_plan_takes_its_place_and_keeps_the_history() {
    check(
        "0 schedule a s/f cron=*_*_*_*_*
         60000 expire a
         61000 schedule a s/g cron=30_*_*_*_*
         62000 create a
         62000 settle a resolved 1
         62000 cancel a enough
         62000 message a subscribe b.p
         62000 message a tell b.p resolved 1",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            61000 a next a/19700101T003000Z, fired 1, waiting [] | a next a/19700101T003000Z, fired 1, waiting []
            62000 refused the id `a` belongs to a schedule already, this is a promise that somebody outside settles; choose another id
            62000 refused `a`: it is a schedule, which never ends; pause or delete it, or cancel one of its firings
            62000 refused `a`: it is a schedule, which never ends; pause or delete it, or cancel one of its firings
            62000 done | send answer b.p failed misused: `a`: it is a schedule, which never ends; pause or delete it, or cancel one of its firings
            62000 done | send answer b.p failed misused: `a`: it is a schedule, which never ends; pause or delete it, or cancel one of its firings
        "#]],
    );
}

#[test]
fn skip_misses_what_comes_while_another_is_under_way() {
    check(
        "0 schedule a s/f cron=*_*_*_*_*
         60000 expire a
         60000 deliver
         120000 expire a
         120001 settle a/19700101T000100Z resolved 1
         120001 deliver
         180000 expire a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            120000 done | a next a/19700101T000300Z, fired 1, waiting [], missed 1: 1 a/19700101T000200Z to a/19700101T000200Z (overlap)
            120001 a/19700101T000100Z resolved 1 2.1 | a/19700101T000100Z resolved 1 2.1 | send answer a.19700101T000100Z resolved 1
            120001 done | a.19700101T000100Z resolved 1 4.1
            180000 done | a next a/19700101T000400Z, fired 2, waiting [], missed 1: 1 a/19700101T000200Z to a/19700101T000200Z (overlap) | +a.19700101T000300Z pending | send create a/19700101T000300Z for a.19700101T000300Z
        "#]],
    );
}

#[test]
fn queue_lets_it_wait() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=queue
         60000 expire a
         60000 deliver
         120000 expire a
         180000 expire a
         180001 settle a/19700101T000100Z resolved 1
         180001 deliver",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            120000 done | a next a/19700101T000300Z, fired 1, waiting [a/19700101T000200Z]
            180000 done | a next a/19700101T000400Z, fired 1, waiting [a/19700101T000200Z, a/19700101T000300Z]
            180001 a/19700101T000100Z resolved 1 2.1 | a/19700101T000100Z resolved 1 2.1 | send answer a.19700101T000100Z resolved 1
            180001 done | a next a/19700101T000400Z, fired 2, waiting [a/19700101T000300Z] | a.19700101T000100Z resolved 1 5.1 | +a.19700101T000200Z pending | send create a/19700101T000200Z for a.19700101T000200Z
            180001 done | +a/19700101T000200Z pending, ready at 180001 v0
        "#]],
    );
}

#[test]
fn allow_lets_them_run_side_by_side() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=allow
         60000 expire a
         120000 expire a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            120000 done | a next a/19700101T000300Z, fired 2, waiting [] | +a.19700101T000200Z pending | send create a/19700101T000200Z for a.19700101T000200Z
        "#]],
    );
}

#[test]
fn cancel_running_ends_the_one_before() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=cancel-running
         60000 expire a
         60000 deliver
         120000 expire a
         120000 deliver",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            120000 done | a next a/19700101T000300Z, fired 2, waiting [] | +a.19700101T000200Z pending | send cancel a/19700101T000100Z (a/19700101T000200Z came, and a cancels what is running) | send create a/19700101T000200Z for a.19700101T000200Z
            120000 done | a/19700101T000100Z canceled (a/19700101T000200Z came, and a cancels what is running) 2.1 | send answer a.19700101T000100Z canceled (a/19700101T000200Z came, and a cancels what is running)
            120000 done | +a/19700101T000200Z pending, ready at 120000 v0
            120000 done | a.19700101T000100Z canceled (a/19700101T000200Z came, and a cancels what is running) 4.1
        "#]],
    );
}

#[test]
fn after_downtime_the_window_decides() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=queue catchup=120000
         600000 expire a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            600000 done | a next a/19700101T001100Z, fired 1, waiting [a/19700101T000900Z, a/19700101T001000Z], missed 7: 7 a/19700101T000100Z to a/19700101T000700Z (late) | +a.19700101T000800Z pending | send create a/19700101T000800Z for a.19700101T000800Z
        "#]],
    );
}

#[test]
fn a_pause_stops_the_clock_and_what_waits_but_no_trigger() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=queue
         60000 expire a
         60000 deliver
         120000 expire a
         120001 pause a by hand
         120001 pause a again
         120002 settle a/19700101T000100Z resolved 1
         120002 deliver
         300000 expire a
         300001 trigger a key=1
         300009 trigger a key=1
         300010 deliver
         300011 settle a/19700101T000500001Z resolved 1
         300011 deliver
         300020 resume a
         300020 resume a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            120000 done | a next a/19700101T000300Z, fired 1, waiting [a/19700101T000200Z]
            120001 a paused (by hand), fired 1, waiting [a/19700101T000200Z] | a paused (by hand), fired 1, waiting [a/19700101T000200Z]
            120001 a paused (by hand), fired 1, waiting [a/19700101T000200Z] (as it was)
            120002 a/19700101T000100Z resolved 1 2.1 | a/19700101T000100Z resolved 1 2.1 | send answer a.19700101T000100Z resolved 1
            120002 done | a.19700101T000100Z resolved 1 6.1
            300000 done
            300001 a.19700101T000500001Z pending | a paused (by hand), fired 2, waiting [a/19700101T000200Z] | +a.19700101T000500001Z pending | send create a/19700101T000500001Z for a.19700101T000500001Z
            300009 a.19700101T000500001Z pending
            300010 done | +a/19700101T000500001Z pending, ready at 300009 v0
            300011 a/19700101T000500001Z resolved 1 2.1 | a/19700101T000500001Z resolved 1 2.1 | send answer a.19700101T000500001Z resolved 1
            300011 done | a.19700101T000500001Z resolved 1 10.1
            300020 a next a/19700101T000600Z, fired 3, waiting [] | a next a/19700101T000600Z, fired 3, waiting [] | +a.19700101T000200Z pending | send create a/19700101T000200Z for a.19700101T000200Z
            300020 a next a/19700101T000600Z, fired 3, waiting [] (as it was)
        "#]],
    );
}

#[test]
fn a_trigger_keeps_to_the_overlap_policy() {
    check(
        "0 schedule a s/f cron=*_*_*_*_*
         10 trigger a
         11 trigger a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            10 a.19700101T000000010Z pending | a next a/19700101T000100Z, fired 1, waiting [] | +a.19700101T000000010Z pending | send create a/19700101T000000010Z for a.19700101T000000010Z
            11 refused `a`: a firing is under way, and the overlap policy is `skip`; wait for it, or cancel it
        "#]],
    );
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=allow
         10 trigger a
         10 trigger a",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            10 a.19700101T000000010Z pending | a next a/19700101T000100Z, fired 1, waiting [] | +a.19700101T000000010Z pending | send create a/19700101T000000010Z for a.19700101T000000010Z
            10 a.19700101T000000011Z pending | a next a/19700101T000100Z, fired 2, waiting [] | +a.19700101T000000011Z pending | send create a/19700101T000000011Z for a.19700101T000000011Z
        "#]],
    );
}

#[test]
fn a_backfill_comes_one_after_the_other_and_leaves_out_what_has_been() {
    check(
        "0 schedule a s/f cron=*_*_*_*_* overlap=allow
         60000 expire a
         60000 deliver
         61000 settle a/19700101T000100Z resolved 1
         61000 deliver
         61000 pause a by hand
         200000 resume a
         200000 backfill a 0 200001
         200000 backfill a 0 200000
         200000 backfill a 0 200000
         200000 deliver
         200001 settle a/19700101T000200Z resolved 1
         200001 deliver",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            61000 a/19700101T000100Z resolved 1 2.1 | a/19700101T000100Z resolved 1 2.1 | send answer a.19700101T000100Z resolved 1
            61000 done | a.19700101T000100Z resolved 1 3.1
            61000 a paused (by hand), fired 1, waiting [] | a paused (by hand), fired 1, waiting []
            200000 a next a/19700101T000400Z, fired 1, waiting [] | a next a/19700101T000400Z, fired 1, waiting []
            200000 refused `a`: a backfill is of the past; what is to come fires by itself
            200000 a next a/19700101T000400Z, fired 2, waiting [a/19700101T000300Z] | a next a/19700101T000400Z, fired 2, waiting [a/19700101T000300Z] | +a.19700101T000200Z pending | send create a/19700101T000200Z for a.19700101T000200Z
            200000 a next a/19700101T000400Z, fired 2, waiting [a/19700101T000300Z] (as it was)
            200000 done | +a/19700101T000200Z pending, ready at 200000 v0
            200001 a/19700101T000200Z resolved 1 2.1 | a/19700101T000200Z resolved 1 2.1 | send answer a.19700101T000200Z resolved 1
            200001 done | a next a/19700101T000400Z, fired 3, waiting [] | a.19700101T000200Z resolved 1 9.1 | +a.19700101T000300Z pending | send create a/19700101T000300Z for a.19700101T000300Z
            200001 done | +a/19700101T000300Z pending, ready at 200001 v0
        "#]],
    );
    check(
        "0 schedule a s/f cron=*_*_*_*_*_* catchup=0
         2000000 pause a by hand
         2000001 backfill a 0 2000000",
        expect![[r#"
            0 a next a/19700101T000001Z, fired 0, waiting [] | +a next a/19700101T000001Z, fired 0, waiting []
            2000000 a paused (by hand), fired 1, waiting [], missed 1010: 1 a/19700101T003320Z to a/19700101T003320Z (overlap) | a paused (by hand), fired 1, waiting [], missed 1010: 1 a/19700101T003320Z to a/19700101T003320Z (overlap) | +a.19700101T003310Z pending | send create a/19700101T003310Z for a.19700101T003310Z
            2000001 refused `a`: more than 1000 firings would wait; ask for fewer at a time
        "#]],
    );
}

#[test]
fn one_that_was_deleted_comes_back_with_its_history() {
    check(
        "0 schedule a s/f cron=*_*_*_*_*
         60000 expire a
         60000 deliver
         60001 settle a/19700101T000100Z resolved 1
         60001 deliver
         60002 delete a
         60002 delete a
         120000 expire a
         120001 trigger a
         120002 schedule a s/f cron=*_*_*_*_*
         120003 backfill a 0 120003",
        expect![[r#"
            0 a next a/19700101T000100Z, fired 0, waiting [] | +a next a/19700101T000100Z, fired 0, waiting []
            60000 done | a next a/19700101T000200Z, fired 1, waiting [] | +a.19700101T000100Z pending | send create a/19700101T000100Z for a.19700101T000100Z
            60000 done | +a/19700101T000100Z pending, ready at 60000 v0
            60001 a/19700101T000100Z resolved 1 2.1 | a/19700101T000100Z resolved 1 2.1 | send answer a.19700101T000100Z resolved 1
            60001 done | a.19700101T000100Z resolved 1 3.1
            60002 a deleted, fired 1, waiting [] | a deleted, fired 1, waiting []
            60002 a deleted, fired 1, waiting [] (as it was)
            120000 done
            120001 refused `a`: the schedule was deleted; create it again first
            120002 a next a/19700101T000300Z, fired 1, waiting [] | a next a/19700101T000300Z, fired 1, waiting []
            120003 a next a/19700101T000300Z, fired 2, waiting [] | a next a/19700101T000300Z, fired 2, waiting [] | +a.19700101T000200Z pending | send create a/19700101T000200Z for a.19700101T000200Z
        "#]],
    );
}

#[test]
fn what_has_ended_is_forgotten_up_to_a_bound() {
    let mut state = resonate_core::Memory::default();
    let printed = resonate_core::testing::script::run_on(
        &mut state,
        "0 schedule a s/f cron=*_*_*_*_*_* catchup=1000000",
    );
    assert!(printed.contains("fired 0"));
    let id = resonate_core::PromiseId::new("a").unwrap();
    for second in 1..=300_i64 {
        let now = Timestamp::from_millis(second * 1_000);
        state.request(now, resonate_core::Request::Expire { id: id.clone() });
        state.deliver_all();
        state.request(
            now,
            resonate_core::Request::Settle {
                id: id.firing(now),
                outcome: resonate_core::Outcome::Resolved(resonate_core::Payload::json("1")),
                key: None,
            },
        );
        state.deliver_all();
        assert_eq!(state.check(), Ok(()));
    }
    let kept = state
        .records()
        .filter(|record| record.promise.parent() == Some(&id));
    let schedule = state.get(&id).unwrap().promise.schedule().unwrap().clone();
    assert_eq!(
        (kept.count(), schedule.fired, schedule.missed),
        (101, 300, 0)
    );
    // What is forgotten has been all the same: a backfill finds its root.
    let first = state
        .get(&id.firing(Timestamp::from_millis(1_000)))
        .unwrap()
        .clone();
    let change = resonate_core::ScheduleChange::Backfill {
        from: Timestamp::ZERO,
        to: Timestamp::from_millis(2_000),
    };
    let now = Timestamp::from_millis(300_000);
    state.request(
        now,
        resonate_core::Request::ChangeSchedule {
            id: id.clone(),
            change,
        },
    );
    state.deliver_all();
    let again = state
        .get(&id.firing(Timestamp::from_millis(1_000)))
        .unwrap();
    assert_eq!((*again == first, state.check()), (true, Ok(())));
}
