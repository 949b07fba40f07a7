#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]
use ::resonate::prelude::durable;

struct Result;
struct Option;
struct Box;
struct String;
struct Vec;
struct Some;
struct Ok;
struct Send;
struct Tag;
struct Given;
struct Lent;
struct Call;
struct Definition;
struct Output;
struct Input;
struct Value;
struct Travels;
struct u32;
const tag: u8 = 0;
const call: u8 = 0;
mod core {}
mod std {}
mod resonate {}
#[allow(unused_macros)]
macro_rules! env {
    () => {};
}

#[durable]
async fn charge(input: &[u64], result: u8, output: u8) -> u64 {
    let (Tag, Given, Lent, Travels) = (Tag, Given, Lent, Travels);
    let Some = Some;
    input.len() as u64 + result as u64 + output as u64
}

pub(crate) fn main() {
    let _call = charge(&[1], 2, 3);
}
