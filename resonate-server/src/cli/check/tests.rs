//! What is said of a function, from what the program says, what the workers said and what runs.

use resonate_proto::stream::{Defaults, Parameter as Known};

use super::*;

const SIGNATURE: u64 = 7;

/// A program with `shop/checkout@1(order: Order) -> Receipt`, whose body is 5.
fn program(is_served: bool) -> Program {
    let function = json!({
        "function": "shop/checkout@1",
        "parameters": [{ "name": "order", "type": "Order" }],
        "result": "Receipt",
        "signature": hex(SIGNATURE),
        "body": hex(5),
        "served": is_served,
    });
    serde_json::from_value(json!({ "services": ["shop"], "functions": [function] })).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// As a worker announced it.
fn known(ty: &str, result: &str, body_fingerprint: u64) -> BTreeMap<Address, Function> {
    let parameter = Known {
        name: "old".to_owned(),
        ty: ty.to_owned(),
    };
    let function = Function {
        address: address("shop/checkout@1"),
        parameters: vec![parameter],
        result: result.to_owned(),
        signature: SIGNATURE,
        body_fingerprint,
        served: true,
        location: String::new(),
        defaults: Defaults::default(),
    };
    BTreeMap::from([(function.address.clone(), function)])
}

fn running(function: &str, signatures: &[u64]) -> BTreeMap<Address, Running> {
    let running = Running {
        executions: signatures.len(),
        signatures: signatures.to_vec(),
    };
    BTreeMap::from([(address(function), running)])
}

#[track_caller]
fn check(
    program: &Program,
    served: &BTreeMap<Address, Function>,
    running: &BTreeMap<Address, Running>,
    expected: &[(&str, &str)],
) {
    let verdicts = judge(program, served, running).unwrap();
    let said: Vec<_> = verdicts
        .iter()
        .map(|(address, verdict)| (address.to_string(), verdict.text(1)))
        .collect();
    let said: Vec<_> = said
        .iter()
        .map(|(address, text)| (address.as_str(), text.as_str()))
        .collect();
    assert_eq!(said, expected);
}

const CHECKOUT: &str = "shop/checkout@1";
const NOTHING: BTreeMap<Address, Running> = BTreeMap::new();

#[test]
fn what_nobody_knows_is_new() {
    check(
        &program(true),
        &BTreeMap::new(),
        &NOTHING,
        &[(CHECKOUT, "new")],
    );
}

#[test]
fn names_of_parameters_do_not_count_and_bodies_are_only_told() {
    let same = known("Order", "Receipt", 5);
    check(&program(true), &same, &NOTHING, &[(CHECKOUT, "as it is")]);
    let changed = known("Order", "Receipt", 6);
    let said =
        "its body changed; try it: `resonate export ID`, `resonate replay FILE --with PROGRAM`";
    check(&program(true), &changed, &NOTHING, &[(CHECKOUT, said)]);
    // Who only calls it does not execute it.
    check(
        &program(false),
        &changed,
        &NOTHING,
        &[(CHECKOUT, "as it is")],
    );
}

#[test]
fn a_difference_is_named_for_who_calls_too() {
    let parameter =
        "parameter 1 was `old: Cart`, is `order: Order`; give the changed function another version";
    let result = "the result was `Bill`, is `Receipt`; give the changed function another version";
    for is_served in [true, false] {
        let program = program(is_served);
        check(
            &program,
            &known("Cart", "Receipt", 5),
            &NOTHING,
            &[(CHECKOUT, parameter)],
        );
        check(
            &program,
            &known("Order", "Bill", 5),
            &NOTHING,
            &[(CHECKOUT, result)],
        );
    }
}

#[test]
fn what_runs_tells_a_difference_that_no_worker_tells() {
    let none = BTreeMap::new();
    let said = "the executions that run were called with other types; give the changed function another version";
    check(
        &program(true),
        &none,
        &running(CHECKOUT, &[SIGNATURE, 8]),
        &[(CHECKOUT, said)],
    );
    let fits = "its types are as they are; no worker is there to compare its body with";
    // The command line knows no types and says 0.
    check(
        &program(true),
        &none,
        &running(CHECKOUT, &[SIGNATURE, 0]),
        &[(CHECKOUT, fits)],
    );
}

#[test]
fn what_runs_and_is_not_in_the_program_is_gone() {
    let gone = "not in the program any more; keep it until nothing of it runs";
    check(
        &program(true),
        &BTreeMap::new(),
        &running("shop/wrap@1", &[SIGNATURE]),
        &[(CHECKOUT, "new"), ("shop/wrap@1", gone)],
    );
}
