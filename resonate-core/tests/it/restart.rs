//! An execution that begins anew, or another one does, with what its history held before a chosen call.

use expect_test::expect;
use resonate_core::{
    Memory, PromiseId, Refusal, Reply, Request, Timestamp, testing::script::run_on,
};

use crate::check;

#[test]
fn what_came_before_keeps_its_result_and_the_rest_is_made_again() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +leaf a.charge s/c resolved 7 +call a.ship s/g +timer a.sleep 9000 => suspend
         3 restart a a.ship
         4 claim a B
         5 turn a v2 B n1 +call a.~2.ship s/g => suspend",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.charge as recorded 3.1] | a pending, leased A v1 | +a.charge resolved 7 3.1 | +a.ship pending, ready at 2 v1 | +a.sleep pending until 9000
            3 a pending, ready at 3 v1 | a pending, ready at 3 v1 | a.ship canceled (a began anew) 4.2 | a.sleep canceled (a began anew) 4.3 | +a.~2.charge resolved 7 4.1 | send trim below a | drop A a v1 (restarted)
            4 claimed cold [a.~2.charge resolved 7 4.1] | a pending, leased B v2
            5 leased [a.~2.charge resolved 7 4.1] | a pending, leased B v2 | +a.~2.ship pending, ready at 5 v2
        "#]],
    );
}

#[test]
fn without_a_call_it_begins_with_nothing() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +leaf a.charge s/c resolved 7 => go
         3 halt a stop
         4 restart a as=2 key=1
         5 restart a as=2 key=1
         6 claim a B
         7 turn a v2 B n1 => fulfill resolved 1
         8 restart a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.charge as recorded 3.1] | a pending, leased A v1 | +a.charge resolved 7 3.1
            3 a pending, halted (stop) v1 | a pending, halted (stop) v1 | drop A a v1 (halted: stop)
            4 a pending, ready at 4 v1 | a pending, ready at 4 v1 | send trim below a
            5 a pending, ready at 4 v1
            6 claimed cold [] | a pending, leased B v2
            7 over [] | a resolved 1 8.1
            8 refused the promise `a` is resolved already
        "#]],
    );
}

#[test]
fn who_runs_it_learns_that_it_is_void() {
    check(
        "0 create a s/f
         1 claim a A
         2 restart a
         3 turn a v1 A n1 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 a pending, ready at 2 v1 | a pending, ready at 2 v1 | drop A a v1 (restarted)
            3 refused the claim on `a` under version 1 is over (it is pending under version 1)
        "#]],
    );
}

#[test]
fn only_a_call_of_this_history_can_be_chosen() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +leaf a.charge s/c resolved 7 => go
         3 restart a a.other
         4 restart a
         5 restart a a.charge
         6 create p
         7 restart p",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.charge as recorded 3.1] | a pending, leased A v1 | +a.charge resolved 7 3.1
            3 refused `a.other`: it is no call of a as it runs now; `resonate tree a` shows those
            4 a pending, ready at 4 v1 | a pending, ready at 4 v1 | send trim below a | drop A a v1 (restarted)
            5 refused `a.charge`: it is no call of a as it runs now; `resonate tree a` shows those
            6 p pending | +p pending
            7 refused the promise `p` is no call; it has no task
        "#]],
    );
}

#[test]
fn what_would_undo_a_kept_call_is_kept_with_it() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.refund s/r undo of=a.charge +call a.charge s/c shielded => suspend
         3 settle a.charge resolved 7
         4 claim a A
         5 turn a v2 A n1 +call a.ship s/g => suspend
         6 restart a a.ship
         7 cancel a enough",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.charge pending, ready at 2 v1 | +a.refund pending, ready at never v1
            3 a.charge resolved 7 4.1 | a pending, ready at 3 v1 | a.charge resolved 7 4.1
            4 claimed warm [a.charge resolved 7 4.1] | a pending, leased A v2
            5 leased [a.charge resolved 7 4.1] | a pending, leased A v2 | +a.ship pending, ready at 5 v2
            6 a pending, ready at 6 v2 | a pending, ready at 6 v2 | a.refund canceled (a began anew) 7.2 | a.ship canceled (a began anew) 7.3 | +a.~2.charge resolved 7 7.1 | +a.~2.refund pending, ready at never v1 | send trim below a | drop A a v2 (restarted)
            7 a canceled (enough) 8.1 | a canceled (enough) 8.1 | a.~2.refund pending, ready at 7 v1
        "#]],
    );
}

#[test]
fn nothing_is_kept_that_was_undone() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.refund s/r undo of=a.charge +call a.charge s/c shielded => suspend
         3 settle a.charge resolved 7
         4 claim a A
         5 turn a v2 A n1 +call a.ship s/g => suspend
         6 cancel a enough
         7 story a a.ship
         8 story a a.charge",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.charge pending, ready at 2 v1 | +a.refund pending, ready at never v1
            3 a.charge resolved 7 4.1 | a pending, ready at 3 v1 | a.charge resolved 7 4.1
            4 claimed warm [a.charge resolved 7 4.1] | a pending, leased A v2
            5 leased [a.charge resolved 7 4.1] | a pending, leased A v2 | +a.ship pending, ready at 5 v2
            6 a canceled (enough) 7.1 | a canceled (enough) 7.1 | a.refund pending, ready at 6 v1 | a.ship canceled (a was canceled: enough) 7.2 | drop A a v2 (canceled: enough)
            7 refused `a.ship`: a.refund has begun to undo what was done before it; choose a call before that
            8 story []
        "#]],
    );
}

/// Asks for the story of `a` before a call, and lets `b` begin with it.
fn forked(script: &str, at: &str) -> Memory {
    let mut memory = Memory::default();
    let _ = run_on(&mut memory, script);
    let id = |text| PromiseId::new(text).expect("a good id");
    let (now, at) = (Timestamp::from_millis(500), Some(id(at)));
    let story = memory.request(now, Request::Story { id: id("a"), at });
    let Ok(Reply::Story(mut story)) = story.answer else {
        panic!("{:?}", story.answer)
    };
    story.promise.id = id("b");
    let reply = memory.request(now, Request::Fork(story.clone())).answer;
    assert!(matches!(reply, Ok(Reply::Promise { new: true, .. })));
    let again = memory.request(now, Request::Fork(story)).answer;
    assert!(matches!(again, Ok(Reply::Promise { new: false, .. })));
    memory.check().expect("every invariant holds");
    memory
}

#[test]
fn another_root_begins_where_one_had_been() {
    let script = "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +leaf a.charge s/c resolved 7 +leaf a.ship s/g resolved 8 => fulfill rejected 1";
    let mut memory = forked(script, "a.ship");
    let printed = run_on(&mut memory, "600 claim b B\n601 get a");
    expect![[r#"
        600 claimed cold [b.charge resolved 7 1.1] | b pending, leased B v1
        601 a rejected 1 3.3 (as it was)
    "#]]
    .assert_eq(&printed);
}

#[test]
fn too_long_a_history_is_not_copied() {
    let mut memory = Memory::default();
    let _ = run_on(&mut memory, "0 create a s/f\n1 claim a A");
    for turn in 0..11 {
        let leaves: String = (0..1000)
            .map(|n| format!(" +leaf a.s-{} s/c resolved 1", turn * 1000 + n + 1))
            .collect();
        let _ = run_on(
            &mut memory,
            &format!("2 turn a v1 A n{}{leaves} => go", turn + 1),
        );
    }
    let at = PromiseId::new("a.s-11000").unwrap();
    let id = PromiseId::new("a").unwrap();
    let story = memory.request(
        Timestamp::from_millis(3),
        Request::Story { id, at: Some(at) },
    );
    let Err(refusal @ Refusal::NotAllowed { .. }) = story.answer else {
        panic!("{:?}", story.answer)
    };
    expect!["`a`: it made 10989 calls of 32967 bytes before that one; at most 10000 of 16777216 bytes are copied, choose an earlier one"].assert_eq(&refusal.to_string());
}

#[test]
fn what_was_not_needed_there_may_be_needed_here() {
    let script = "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.refund s/r undo of=a.charge +call a.charge s/c shielded => suspend
         3 settle a.charge resolved 7
         4 claim a A
         5 turn a v2 A n1 shown=4.1 +leaf a.ship s/g resolved 8 => fulfill resolved 1";
    let mut memory = forked(script, "a.ship");
    let printed = run_on(&mut memory, "600 cancel b enough");
    expect![[r#"
        600 b canceled (enough) 3.1 | b canceled (enough) 3.1 | b.refund pending, ready at 600 v1
    "#]]
    .assert_eq(&printed);
}

#[test]
fn what_has_lost_its_name_cannot_be_copied() {
    let long = format!("a.{}", "x".repeat(180));
    let child = PromiseId::new(long.as_str())
        .unwrap()
        .child(1, "a_function_of_a_long_name", 0);
    assert!(child.is_flattened());
    let script = format!(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call {long} s/f => suspend
         3 claim {long} B
         4 turn {long} v2 B n1 +leaf {child} s/g resolved 7 +call {long}.y s/g => suspend
         5 restart {long} {long}.y"
    );
    let printed = resonate_core::testing::script::run(&script);
    let refused = printed.lines().last().unwrap().replace(&long, "a.LONG");
    expect!["5 refused `a.LONG`: its calls have ids that were shortened to a hash, which say no name that a copy could have; it can only begin at its beginning"].assert_eq(&refused);
}

/// What a task remembers of those who failed it, after this was done to one that two workers left.
fn remembered(then: &str) -> (Vec<u64>, u32) {
    let mut memory = Memory::default();
    let script = format!(
        "0 create a s/f
         1 claim a A
         2 release a v1 A lost
         3 claim a A body=7
         4 turn a v2 A n1 => halt another call
         {then}"
    );
    let _ = run_on(&mut memory, &script);
    let id = PromiseId::new("a").expect("a good id");
    let task = memory.get(&id).and_then(|record| record.task.clone());
    let task = task.expect("it is a call");
    (task.misfits, task.losses)
}

#[test]
fn who_begins_anew_or_goes_on_has_failed_nobody() {
    assert_eq!(remembered("4 get a"), (vec![7], 1));
    assert_eq!(remembered("5 resume a"), (vec![7], 0));
    assert_eq!(remembered("5 continue a"), (vec![], 0));
    assert_eq!(remembered("5 restart a"), (vec![], 0));
}

#[test]
fn another_root_has_as_much_time_as_the_first_had() {
    let mut memory = Memory::default();
    let _ = run_on(&mut memory, "0 create a s/f timeout=1000");
    let id = PromiseId::new("a").unwrap();
    let story = memory.request(Timestamp::from_millis(600), Request::Story { id, at: None });
    let Ok(Reply::Story(story)) = story.answer else {
        panic!("{:?}", story.answer)
    };
    assert_eq!(story.promise.timeout_at, Timestamp::from_millis(1_600));
}
