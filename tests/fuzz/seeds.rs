//! Seeds that are made from values: what a few hundred drawn requests ask, are answered, write and send.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use resonate_core::{Memory, PromiseId, Reply, Request, SessionId, testing::random::Draw};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, Continue, Halt, LogPosition, Page, PromiseReply, Search, Settle,
        TreeSearch,
    },
    store,
    stream::{Dispatch, FromWorker, Hello, PROTOCOL, ToWorker, TurnAnswer},
    v1,
};
use resonate_runtime::{
    codec::Format,
    testing::{read_payload, write_payload},
};

/// Target, name and bytes of each.
pub(crate) fn made() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Seeds::default();
    seeds.drawn();
    seeds.payloads();
    for (n, text) in TYPED.iter().enumerate() {
        seeds.add("command_line", n, text.as_bytes().to_vec());
    }
    for (n, text) in NAMES.iter().enumerate() {
        seeds.add("promise_id", n, text.as_bytes().to_vec());
    }
    // Where: in the header of the file, in the first page, behind it. With what: the last byte.
    let damages: [&[u8]; 5] = [
        &[0, 0, 0, 0],
        &[16, 0, 0, 1],
        &[68, 0, 0, 0xff],
        &[100, 0, 0, 8, 0, 16, 0, 13],
        &[0, 0x20, 0, 1, 0xf0, 0x2f, 0, 0x80, 7, 0x30, 0, 2],
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        seeds.add("store_file", n, damage.to_vec());
    }
    seeds.made
}

const TYPED: &[&str] = &[
    "call\nshop/checkout@2\n--id\norder-42\n--arg\n{\"a\": [1, null]}\n--arg\n\"text\"\n--priority\n-3\n--label\na=b",
    "call\nshop/checkout\n--id\na\n--json=[1,[2,[3]]]\n--timeout\n30s\n--no-wait",
    "resolve\norder-42.approval\n--json={\"ok\":true}",
    "list\n--state\npending\n--function\nshop/\n--limit\n10\n--json",
    "serve\n--listen\n127.0.0.1:0\n--data-dir\nx\n--lease\n1500ms",
    "get\na\n--wait\n--wait-for\n2h\n--output\njson",
];
const NAMES: &[&str] = &[
    "order-42",
    "order-42.charge-1:2.ship",
    "shop/checkout@2",
    "über/straße@1",
    "a:2.b",
    "…….x",
];

#[derive(Default)]
struct Seeds {
    made: Vec<(&'static str, String, Vec<u8>)>,
    said: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Seeds {
    fn add(&mut self, target: &'static str, name: impl ToString, data: Vec<u8>) {
        self.made.push((target, name.to_string(), data));
    }

    /// Only what says something that no seed of this target has said: two words that stand side by side.
    fn add_new(&mut self, target: &'static str, value: &impl std::fmt::Debug, data: Vec<u8>) {
        let text = format!("{value:?}");
        let words = text.split(|c: char| !c.is_ascii_alphabetic() && c != '_');
        let words: Vec<_> = words.filter(|word| 1 < word.len()).collect();
        let known = self.said.entry(target).or_default();
        let before = known.len();
        known.extend(words.windows(2).map(|pair| pair.join(" ")));
        if before < known.len() {
            let n = self.made.iter().filter(|(of, ..)| *of == target).count();
            self.add(target, format!("drawn-{n:03}"), data);
        }
    }

    fn drawn(&mut self) {
        for seed in 1..=3 {
            let bytes = bytes(seed);
            for (n, piece) in bytes.chunks(500).take(2).enumerate() {
                self.add("apply", format!("drawn-{seed}-{n}"), piece.to_vec());
            }
            let (mut state, mut draw) = (Memory::default(), Draw::new(&bytes));
            let mut script = Vec::new();
            while let Some((now, request)) = draw.request(&state) {
                let applied = state.request(now, request.clone());
                self.asked(&request, &mut script);
                for change in &applied.changed {
                    let row = store::encode_record(&change.after).to_vec();
                    self.add_new("stored_row", &change.after, row);
                }
                if let Some(message) = applied.messages.first() {
                    let row = store::encode_message(message).to_vec();
                    self.add_new("stored_row", message, row);
                }
                self.answered(&request, applied.answer);
                state.deliver();
            }
            script.truncate(60);
            self.add("apply_wire", format!("drawn-{seed}"), script.concat());
        }
    }

    fn asked(&mut self, request: &Request, script: &mut Vec<Vec<u8>>) {
        let mut step = |kind: u8, message: &[u8]| {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            let [low, high] = length.to_le_bytes();
            script.push([&[kind, low, high], message].concat());
        };
        match request {
            Request::Create(create) => {
                let wire = v1::CreateRequest::from(create).encode_to_vec();
                step(0, &wire);
                self.add_new("client_request", create, [&[0], &*wire].concat());
            }
            Request::Settle { id, outcome, key } => {
                let settle = Settle {
                    id: id.clone(),
                    outcome: outcome.clone(),
                    key: *key,
                };
                let wire = v1::SettleRequest::from(&settle).encode_to_vec();
                step(2, &wire);
                self.add_new("client_request", &settle, [&[3], &*wire].concat());
            }
            Request::Cancel { id, reason, key } => {
                let cancel = Cancel {
                    id: id.clone(),
                    reason: reason.clone(),
                    key: *key,
                };
                let wire = v1::CancelRequest::from(&cancel).encode_to_vec();
                step(4, &wire);
                self.add_new("client_request", &cancel, [&[4], &*wire].concat());
            }
            Request::Halt {
                id, reason, key, ..
            } => {
                let halt = Halt {
                    id: id.clone(),
                    reason: reason.clone(),
                    key: *key,
                };
                let wire = v1::HaltRequest::from(&halt).encode_to_vec();
                self.add_new("client_request", &halt, [&[5], &*wire].concat());
            }
            Request::Continue { id, key } => {
                let go_on = Continue {
                    id: id.clone(),
                    key: *key,
                };
                let wire = v1::ContinueRequest::from(&go_on).encode_to_vec();
                self.add_new("client_request", &go_on, [&[8], &*wire].concat());
            }
            Request::Schedule(new) => {
                let wire = v1::ScheduleRequest::from(new).encode_to_vec();
                self.add_new("client_request", new, [&[9], &*wire].concat());
            }
            Request::ChangeSchedule { id, change } => {
                let asked = ChangeSchedule {
                    id: id.clone(),
                    change: change.clone(),
                };
                let wire = v1::ChangeScheduleRequest::from(&asked).encode_to_vec();
                self.add_new("client_request", &asked, [&[10], &*wire].concat());
            }
            Request::Get { id } => self.looked(id),
            Request::Claim { id, .. } => step(5, id.as_str().as_bytes()),
            Request::Turn(turn) => {
                let mut turn = turn.clone();
                turn.session = SessionId(1);
                let item = FromWorker::Turn(turn);
                for message in FromWorker::batches(std::slice::from_ref(&item)) {
                    step(8, &message.encode_to_vec());
                }
                let items = [hello(), item];
                for message in FromWorker::batches(&items) {
                    self.add_new("from_worker", &items, message.encode_to_vec());
                }
            }
            Request::Hold { .. }
            | Request::Recall { .. }
            | Request::Release { .. }
            | Request::Expire { .. }
            | Request::Deliver(_) => {}
        }
    }

    /// What only looks: the promise itself, what is below it, and a search.
    fn looked(&mut self, id: &PromiseId) {
        let get = v1::GetRequest::from(id);
        let wire = get.encode_to_vec();
        self.add_new("client_request", &get, [&[1], &*wire].concat());
        let tree = TreeSearch {
            id: id.clone(),
            limit: Some(3),
            cursor: "c".to_owned(),
        };
        let wire = v1::TreeRequest::from(&tree).encode_to_vec();
        self.add_new("client_request", &tree, [&[7], &*wire].concat());
        let search = Search::default();
        let wire = v1::SearchRequest::from(&search).encode_to_vec();
        self.add_new("client_request", &search, [&[6], &*wire].concat());
    }

    fn answered(&mut self, request: &Request, answer: Result<Reply, resonate_core::Refusal>) {
        if let Err(refusal) = &answer {
            let wire = v1::Refusal::from(refusal).encode_to_vec();
            self.add_new("client_reply", refusal, [&[2], &*wire].concat());
        }
        let item = match (request, answer) {
            (_, Ok(Reply::Promise { record, new })) => {
                let at = LogPosition {
                    part: record.promise.id.part(),
                    epoch: 3,
                    seq: 70_000,
                    n: 1,
                };
                let page = Page {
                    records: vec![record.clone()],
                    cursor: "next".to_owned(),
                };
                let reply = PromiseReply {
                    record,
                    new,
                    at: Some(at),
                };
                let wire = v1::PromiseReply::from(&reply).encode_to_vec();
                self.add_new("client_reply", &reply, [&[0], &*wire].concat());
                let wire = v1::SearchReply::from(&page).encode_to_vec();
                self.add_new("client_reply", &page, [&[1], &*wire].concat());
                return;
            }
            (_, Ok(Reply::Claimed(claimed))) => ToWorker::Dispatch(Dispatch {
                record: (*claimed.record).clone(),
                warm: claimed.warm,
                children: claimed
                    .children
                    .iter()
                    .map(|child| (**child).clone())
                    .collect(),
                more: false,
            }),
            (Request::Turn(turn), Ok(Reply::Turn(reply))) => ToWorker::TurnAnswer(TurnAnswer {
                task: turn.id.clone(),
                version: turn.version,
                n: turn.n,
                answer: Ok(reply),
            }),
            (Request::Turn(turn), Err(refusal)) => ToWorker::TurnAnswer(TurnAnswer {
                task: turn.id.clone(),
                version: turn.version,
                n: turn.n,
                answer: Err(refusal),
            }),
            (_, Ok(Reply::Held { .. } | Reply::Turn(_) | Reply::Done) | Err(_)) => return,
        };
        for message in ToWorker::batches(std::slice::from_ref(&item)) {
            self.add_new("to_worker", &item, message.encode_to_vec());
        }
    }

    fn payloads(&mut self) {
        let texts = [
            (
                0,
                r#"{"Both":{"one":{"List":["Nothing",{"Number":-1},{"Map":{"a":{"Text":"b"}}}]},"other":[0,255]}}"#,
            ),
            (
                1,
                r#"[{"id":"a","items":[["b",1]],"total":340282366920938463463374607431768211455,"paid":null,"note":"ß"},7]"#,
            ),
            (2, "[0,18446744073709551615]"),
            (3, r#""text \u00e9\n""#),
            (4, r#"{"key":[1,2,3]}"#),
            (5, "[-128,true,[0,1,65535]]"),
            (6, r#"[null,{"Inside":{"Maybe":null}}]"#),
            (7, r#"{"Err":{"Inside":"Nothing"}}"#),
        ];
        for (which, text) in texts {
            self.add("json_payload", which, [&[which], text.as_bytes()].concat());
        }
        let mut bincode = |which: u8, data: Vec<u8>| {
            self.add("bincode_payload", which, [&[which], &*data].concat());
        };
        // The format, and then: a list of a number, a text, and a box in a box.
        bincode(0, vec![1, 3, 3, 1, 1, 2, 1, b'a', 5, 5, 0]);
        let order = (
            "a",
            [("b", 1_u32)].as_slice(),
            u128::MAX,
            Some(true),
            Some('x'),
        );
        bincode(1, binary(&(order, 7_u64)));
        bincode(2, binary(&vec![0, u64::MAX, 300]));
        bincode(3, binary(&"text \u{e9}"));
        bincode(
            4,
            binary(
                &[("key", [1_u8, 2, 3].as_slice())]
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            ),
        );
        bincode(5, binary(&(-128_i8, Some(Some(true)), [0_u16, 1, 65_535])));
        bincode(7, binary(&Result::<&str, u8>::Ok("fine")));
        // Deep enough to overflow the stack of a reader without a bound.
        let deep = [&[1][..], &[5; 12_000], &[0]].concat();
        self.add("bincode_payload", "deep", [&[0], &*deep].concat());
        let deep = format!(
            "{}\"Nothing\"{}",
            "{\"Inside\":".repeat(1_200),
            "}".repeat(1_200)
        );
        self.add("json_payload", "deep", [&[0], deep.as_bytes()].concat());
        let back: String = read_payload(Format::Bincode, &binary(&"a")).expect("what was written");
        assert_eq!(back, "a");
    }
}

fn bytes(seed: u64) -> Vec<u8> {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let step = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u8::try_from(random >> 56).unwrap_or(0)
    };
    std::iter::repeat_with(step).take(4_000).collect()
}

fn binary(value: &impl serde::Serialize) -> Vec<u8> {
    write_payload(Format::Bincode, value).expect("it can be written")
}

fn hello() -> FromWorker {
    FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        session: SessionId(1),
        name: "host-1".to_owned(),
        version: "0.1.0".to_owned(),
        functions: Vec::new(),
        services: vec!["s".to_owned()],
        held: Vec::new(),
        capacity: 4,
        granted: 8,
        timeline: None,
    })
}
