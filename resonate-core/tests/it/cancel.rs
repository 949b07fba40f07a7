//! Canceling, and the wave below.

use expect_test::expect;

use crate::check;

#[test]
fn a_cancel_settles_everything_pending_below_in_every_state() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.queued s/g +claimed a.running s/g +timer a.sleeping 500 +external a.outside +record a.done resolved 1 => suspend
         3 claim a.queued B
         4 turn a.queued v2 B n1 +call a.queued.deep s/h => suspend
         5 halt a.queued.deep by hand
         9 cancel a enough
         10 cancel a again
         11 settle a resolved 1
         12 turn a.running v2 A n1 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.done as recorded 3.1] | a pending, leased A v1 | +a.done resolved 1 3.1 | +a.outside pending | +a.queued pending, ready at 2 v1 | +a.running pending, leased A v2 | +a.sleeping pending until 500
            3 claimed cold [] | a.queued pending, leased B v2
            4 suspended [] | a.queued pending, suspended v2 | +a.queued.deep pending, ready at 4 v2
            5 a.queued.deep pending, halted (by hand) v2 | a.queued.deep pending, halted (by hand) v2
            9 a canceled (enough) 7.1 | a canceled (enough) 7.1 | a.outside canceled (a was canceled: enough) 7.2 | a.queued canceled (a was canceled: enough) 7.3 | a.queued.deep canceled (a was canceled: enough) 7.6 | a.running canceled (a was canceled: enough) 7.4 | a.sleeping canceled (a was canceled: enough) 7.5 | drop A a v1 (canceled: enough) | drop B a.queued v2 (canceled: a was canceled: enough) | drop A a.running v2 (canceled: a was canceled: enough)
            10 a canceled (enough) 7.1 (as it was)
            11 refused the promise `a` is canceled already
            12 refused the claim on `a.running` under version 2 is over (it is done under version 2)
        "#]],
    );
}

#[test]
fn a_wave_does_not_enter_what_is_shielded() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.safe s/g shielded +call a.other s/g => suspend
         3 cancel a enough
         4 claim a.safe A
         5 turn a.safe v2 A n1 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.other pending, ready at 2 v1 | +a.safe pending, ready at 2 v1
            3 a canceled (enough) 4.1 | a canceled (enough) 4.1 | a.other canceled (a was canceled: enough) 4.2 | drop A a v1 (canceled: enough)
            4 claimed cold [] | a.safe pending, leased A v2
            5 over [] | a.safe resolved 1 6.1
        "#]],
    );
}

#[test]
fn a_function_that_returns_cancels_what_it_did_not_await() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.left s/g => go
         3 turn a v1 A n2 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.left pending, ready at 2 v1
            3 over [] | a resolved 1 4.1 | a.left canceled (a returned) 4.2
        "#]],
    );
}

#[test]
fn a_dropped_future_cancels_its_call() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.slow s/g +call a.fast s/g => suspend
         3 claim a.fast B
         4 claim a.slow C
         5 turn a.fast v2 B n1 => fulfill resolved 1
         6 claim a A
         7 turn a v2 A n1 shown=5.1 drop a.slow => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.fast pending, ready at 2 v1 | +a.slow pending, ready at 2 v1
            3 claimed cold [] | a.fast pending, leased B v2
            4 claimed cold [] | a.slow pending, leased C v2
            5 over [] | a pending, ready at 5 v1 | a.fast resolved 1 6.1
            6 claimed warm [a.fast resolved 1 6.1] | a pending, leased A v2
            7 over [] | a resolved 1 8.2 | a.slow canceled (its caller a dropped the future of the call at here) 8.1 | drop C a.slow v2 (canceled: its caller a dropped the future of the call at here)
        "#]],
    );
}

#[test]
fn a_wide_wave_goes_on_in_rounds() {
    let calls: String = (0..600).map(|n| format!(" +timer a.t-{n} 9000")).collect();
    let mut memory = resonate_core::Memory::default();
    let script = format!(
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1{calls} => suspend\n3 cancel a enough"
    );
    let _ = resonate_core::testing::script::run_on(&mut memory, &script);
    let pending = |memory: &resonate_core::Memory| {
        memory
            .records()
            .filter(|record| record.promise.is_pending())
            .count()
    };
    assert_eq!(pending(&memory), 600 - resonate_core::limits::WAVE);
    memory.deliver_all();
    assert_eq!(pending(&memory), 0);
    memory.check().unwrap();
}

#[test]
fn what_a_wave_has_not_reached_yet_cannot_be_claimed() {
    let calls: String = (0..300).map(|n| format!(" +call a.c-{n} s/g")).collect();
    let mut memory = resonate_core::Memory::default();
    let script = format!(
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1{calls} => suspend\n3 cancel a enough"
    );
    let _ = resonate_core::testing::script::run_on(&mut memory, &script);
    let pending = memory.records().find(|record| record.promise.is_pending());
    let left = pending.unwrap().promise.id.clone();
    let printed = resonate_core::testing::script::run_on(&mut memory, &format!("4 claim {left} A"));
    assert!(
        printed.contains("is done, not ready to be claimed"),
        "{printed}"
    );
}

#[test]
fn many_cancels_in_one_turn_settle_no_more_than_one_wave_holds() {
    let mut memory = resonate_core::Memory::default();
    let mut script = "0 create a s/f\n1 claim a A\n2 turn a v1 A n1".to_owned();
    (0..4).for_each(|n| script += &format!(" +claimed a.c-{n} s/g"));
    script += " => go\n";
    for n in 0..4 {
        let timers: String = (0..200)
            .map(|t| format!(" +timer a.c-{n}.t-{t} 9000"))
            .collect();
        script += &format!("3 turn a.c-{n} v2 A n1{timers} => suspend\n");
    }
    script += "4 turn a v1 A n2 drop a.c-0 drop a.c-1 drop a.c-2 drop a.c-3 => go";
    let _ = resonate_core::testing::script::run_on(&mut memory, &script);
    let pending = |memory: &resonate_core::Memory| {
        memory
            .records()
            .filter(|record| record.promise.is_pending())
            .count()
    };
    // The root, and all timers but one wave's worth.
    assert_eq!(pending(&memory), 1 + 800 - resonate_core::limits::WAVE);
    memory.deliver_all();
    assert_eq!(pending(&memory), 1);
}

#[test]
fn what_began_a_wave_is_named_all_the_way_down() {
    let printed = |line: &str| {
        let mut memory = resonate_core::Memory::default();
        let script = format!(
            "0 create a s/f
             1 claim a A
             2 turn a v1 A n1 +claimed a.b s/g => go
             3 turn a.b v2 A n1 +claimed a.b.c s/g => go
             4 turn a.b.c v3 A n1 +external a.b.c.d => go
             {line}"
        );
        let _ = resonate_core::testing::script::run_on(&mut memory, &script);
        memory.check().unwrap();
        let said = memory.records().filter_map(|record| {
            let settled = record.promise.settled()?;
            let resonate_core::Outcome::Canceled { reason } = &settled.outcome else {
                return None;
            };
            let first = settled.because_of.as_ref().map_or("-", |id| id.as_str());
            Some(format!("{} {first} {reason}", record.promise.id))
        });
        said.collect::<Vec<_>>().join("\n")
    };
    let lines = [
        "5 cancel a enough",
        "5 cancel a.b enough",
        "5 cancel a.b.c",
        "5 turn a v1 A n2 drop a.b => go",
        "5 turn a v1 A n2 => fulfill resolved 1",
        "5 turn a v1 A n2 => continue 1",
        "5 settle a.b failed oh",
    ];
    let all: String = lines
        .iter()
        .map(|line| format!("{line}\n{}\n", printed(line)))
        .collect();
    expect![[r#"
        5 cancel a enough
        a - enough
        a.b a a was canceled: enough
        a.b.c a a was canceled: enough
        a.b.c.d a a was canceled: enough
        5 cancel a.b enough
        a.b - enough
        a.b.c a.b a.b was canceled: enough
        a.b.c.d a.b a.b was canceled: enough
        5 cancel a.b.c
        a.b.c - 
        a.b.c.d a.b.c a.b.c was canceled
        5 turn a v1 A n2 drop a.b => go
        a.b - its caller a dropped the future of the call at here
        a.b.c a.b a.b was canceled: its caller a dropped the future of the call at here
        a.b.c.d a.b a.b was canceled: its caller a dropped the future of the call at here
        5 turn a v1 A n2 => fulfill resolved 1
        a.b a a returned
        a.b.c a a returned
        a.b.c.d a a returned
        5 turn a v1 A n2 => continue 1
        a.b a a began anew
        a.b.c a a began anew
        a.b.c.d a a began anew
        5 settle a.b failed oh
        a.b.c a.b a.b ended with an error
        a.b.c.d a.b a.b ended with an error
    "#]]
    .assert_eq(&all);
}
