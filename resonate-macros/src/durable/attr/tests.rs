//! What is read of every argument, and every refusal.

use quote::quote;

use super::*;

/// The arguments as read, and every mistake.
fn read(args: &str) -> (Attrs, Vec<String>) {
    let mut errors = Errors::default();
    let attrs = parse(args.parse().expect("tokens"), &mut errors);
    (attrs, errors.into_messages())
}

#[track_caller]
fn check_refused(args: &str, messages: &[&str]) {
    assert_eq!(read(args).1, messages, "{args}");
}

#[test]
fn no_arguments_leave_every_default() {
    let (attrs, mistakes) = read("");
    assert_eq!(mistakes, [""; 0]);
    assert!(
        attrs.name.is_none()
            && attrs.service.is_none()
            && attrs.version.is_none()
            && attrs.codec.is_none()
    );
    assert!(attrs.retry.is_none() && attrs.timeout.is_none() && attrs.priority.is_none());
}

#[test]
fn every_argument_is_read() {
    let (attrs, mistakes) = read(
        r#"priority = -128, codec = "json", timeout = a::<B, C>(d), retry = Retry::exponential(),
           version = 4_000, service = "back-office_2", name = "charge_2","#,
    );
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(attrs.priority, Some(-128));
    assert_eq!(attrs.codec.as_deref(), Some("json"));
    let timeout = attrs.timeout.map(|timeout| quote!(#timeout).to_string());
    assert_eq!(timeout, Some(quote!(a::<B, C>(d)).to_string()));
    assert!(attrs.retry.is_some());
    assert_eq!(attrs.version, Some(4000));
    assert_eq!(attrs.service.as_deref(), Some("back-office_2"));
    assert_eq!(attrs.name.as_deref(), Some("charge_2"));
}

#[test]
fn a_bad_argument_is_left_out_and_the_rest_is_read() {
    let (attrs, mistakes) =
        read(r#"retries = f::<A, B>(), version = 0, "x", service = "shop", version = 3"#);
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    assert_eq!(attrs.service.as_deref(), Some("shop"));
    assert_eq!(attrs.version, None, "the second one is a duplicate");
}

#[test]
fn numbers_have_their_range() {
    assert_eq!(read("version = 4294967295, priority = 127").1, [""; 0]);
    check_refused(
        "version = 0",
        &["`version` is a whole number from 1 to 4294967295; write `version = 2`"],
    );
    check_refused(
        "version = -1",
        &["`version` is a whole number from 1 to 4294967295; write `version = 2`"],
    );
    check_refused(
        "version = 1.0",
        &["`version` is a whole number from 1 to 4294967295; write `version = 2`"],
    );
    check_refused(
        "priority = -129",
        &["`priority` is a whole number from -128 to 127; write `priority = 10`"],
    );
}

#[test]
fn limits_of_the_fleet_are_read() {
    let (attrs, mistakes) = read(r#"concurrency = 3, rate_limit = "100/min""#);
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(
        (attrs.concurrency, attrs.rate_limit),
        (Some(3), Some((100, 60_000)))
    );
    let rate = "`rate_limit` is a whole number, `/` and `s`, `min`, `h` or `d`; write `rate_limit = \"100/s\"`";
    for wrong in ["0/s", "5", "5/week", "x/s", "-1/s", ""] {
        check_refused(&format!("rate_limit = {wrong:?}"), &[rate]);
    }
    check_refused(
        "concurrency = 0",
        &["`concurrency` is a whole number from 1 to 4294967295; write `concurrency = 10`"],
    );
}

#[test]
fn what_is_allowed_has_a_name() {
    assert_eq!(read(r#"allow = "time""#).0.allow, ["time"]);
    assert_eq!(
        read(r#"allow = ["spawn", "random"]"#).0.allow,
        ["spawn", "random"]
    );
    check_refused(
        r#"allow = ["spawn", "chance"]"#,
        &[
            "there is nothing called `chance` to allow; there are `spawn`, `sleep`, `time`, `random`, `env`, `io`, `statics`, `order`",
        ],
    );
    check_refused(
        "allow = 3",
        &["`allow` is a string literal; write `allow = \"time\"`"],
    );
}

#[test]
fn names_and_services_are_parts_of_an_address() {
    let name = "`name` is made of ASCII letters, digits and `_`; write `name = \"charge\"`";
    let service =
        "`service` is made of ASCII letters, digits, `_` and `-`; write `service = \"payments\"`";
    check_refused(
        r#"name = "take-money", service = "shop/eu""#,
        &[name, service],
    );
    check_refused(r#"name = "", service = "größe""#, &[name, service]);
    check_refused(
        "name = charge",
        &["`name` is a string literal; write `name = \"charge\"`"],
    );
}

#[test]
fn words_are_known_known_later_near_or_far() {
    check_refused("key = 1", &["`key` is not available yet; leave it out"]);
    check_refused(
        "time_out = x",
        &["`#[durable]` has no argument `time_out`; write `timeout`"],
    );
    let all = "`name`, `service`, `version`, `retry`, `timeout`, `codec`, `priority`, `concurrency`, `rate_limit`, `schedule`, `timezone`, `allow`";
    check_refused(
        "idempotent",
        &[&format!(
            "`#[durable]` has no argument `idempotent`; it has {all}"
        )],
    );
    check_refused(
        "retry = a, retry = b",
        &["`retry` is given twice; keep one of them"],
    );
    check_refused(
        "retry",
        &["`retry` needs a value; write `retry = Retry::exponential().max_attempts(5)`"],
    );
    check_refused(
        r#"codec = "xml""#,
        &["there is no codec `xml`; write `codec = \"json\"` or `codec = \"bincode\"`"],
    );
    check_refused("name = \"a\" service = \"b\"", &["expected `,`"]);
}
