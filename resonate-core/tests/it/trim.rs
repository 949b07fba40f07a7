//! What earlier generations leave behind is forgotten.

use expect_test::expect;
use resonate_core::{Memory, PromiseId, limits, testing::script};

use crate::check;

#[test]
fn a_generation_is_forgotten_once_its_wave_is_over() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +record a.s resolved 1 +call a.x s/g +external a.y => continue [2]
         3 deliver
         4 get a.s
         5 claim a A",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 | +a.s resolved 1 3.1 | +a.x canceled (a began anew) 3.2 | +a.y canceled (a began anew) 3.3 | send trim below a
            3 done | -a.s | -a.x | -a.y
            4 refused there is no promise `a.s`
            5 claimed cold [] | a pending, leased A v2
        "#]],
    );
}

#[test]
fn what_is_shielded_keeps_its_place_until_it_has_ended() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.x s/g => go
         3 claim a.x B
         4 turn a.x v2 B n1 +call a.x.y s/h shielded => go
         5 turn a v1 A n2 => continue [2]
         6 deliver
         7 get a.x
         8 settle a.x.y resolved 1
         9 deliver
         10 get a.x",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.x pending, ready at 2 v1
            3 claimed cold [] | a.x pending, leased B v2
            4 leased [] | a.x pending, leased B v2 | +a.x.y pending, ready at 4 v2
            5 over [] | a pending, ready at 5 v1 | a.x canceled (a began anew) 6.1 | send trim below a | drop B a.x v2 (canceled: a began anew)
            6 done
            7 a.x canceled (a began anew) 6.1 (as it was)
            8 a.x.y resolved 1 9.1 | a.x.y resolved 1 9.1 | send trim below a
            9 done | -a.x.y | -a.x
            10 refused there is no promise `a.x`
        "#]],
    );
}

#[test]
fn what_is_awaited_elsewhere_is_told_before_it_is_forgotten() {
    let mut state = Memory::default();
    let mut script =
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 +external a.x => go\n".to_owned();
    script += "3 create b s/f\n4 claim b B\n5 turn b v1 B n1";
    for n in 0..400 {
        script += &format!(" +await b.{n} a.x");
    }
    script += " => suspend\n6 deliver\n7 turn a v1 A n2 => continue [2]";
    let _printed = script::run_on(&mut state, &script);
    let mut forgotten_with = None;
    while let Some(applied) = state.deliver() {
        if !applied.removed.is_empty() {
            let waiting = |message: &&_| matches!(message, resonate_core::Message::Answer { .. });
            forgotten_with = Some(state.messages().iter().filter(waiting).count());
        }
    }
    assert!(forgotten_with.is_some(), "a.x is forgotten in the end");
    let canceled = state.records().filter(|record| {
        record.promise.id.as_str().starts_with("b.") && record.promise.state_name() == "canceled"
    });
    assert_eq!(canceled.count(), 400, "everybody was told");
    assert_eq!(state.check(), Ok(()));
}

#[test]
fn what_is_forgotten_goes_before_its_caller() {
    let mut state = Memory::default();
    let script = "0 create a s/f\n0 claim a A\n1 turn a v1 A n1 +call a.c s/g => suspend
                  2 claim a.c A\n3 turn a.c v2 A n1 +record a.c.s resolved 1 => fulfill resolved 1
                  4 claim a A\n5 turn a v2 A n1 => continue [2]";
    let printed = script::run_on(&mut state, script);
    let mut gone = Vec::new();
    while let Some(applied) = state.deliver() {
        gone.extend(
            applied
                .removed
                .iter()
                .map(|record| record.promise.id.to_string()),
        );
    }
    assert_eq!(gone, ["a.c.s", "a.c"], "{printed}");
}

#[test]
fn a_loop_of_a_thousand_generations_keeps_a_bounded_tree() {
    let mut state = Memory::default();
    let _printed = script::run_on(&mut state, "0 create a s/f\n0 create b s/f\n0 claim b B");
    let mut most = 0;
    for generation in 1..=1_000 {
        let mut line = format!("{generation} claim a A\n{generation} turn a v{generation} A n1");
        for child in 0..5 {
            line += &format!(" +record a.~{generation}.s-{child} resolved 1");
            line += &format!(" +call a.~{generation}.c-{child} s/g");
        }
        line += &format!(" => continue [{generation}]\n{generation} deliver");
        let _printed = script::run_on(&mut state, &line);
        most = most.max(state.records().count());
    }
    assert!(most <= 2 + 10, "{most} records");
}

#[test]
fn a_large_generation_is_forgotten_in_rounds_of_bounded_size() {
    let mut state = Memory::default();
    let mut script = "0 create a s/f\n0 claim a A\n1 turn a v1 A n1".to_owned();
    for child in 0..900 {
        script += &format!(" +call a.c-{child} s/g");
    }
    script += " => continue [2]";
    let _printed = script::run_on(&mut state, &script);
    let mut rounds = 0;
    while let Some(applied) = state.deliver() {
        assert!(applied.removed.len() <= limits::TRIM);
        rounds += usize::from(!applied.removed.is_empty());
    }
    assert_eq!(
        (state.records().count(), rounds),
        (1, 900_usize.div_ceil(limits::TRIM))
    );
    assert!(state.get(&PromiseId::new("a").unwrap()).is_some());
}
