//! Requests that follow each other over a few trees. After each everything that must always hold is checked; a refused
//! one has changed nothing.

use prost::Message as _;
use resonate_core::{
    Create, Memory, PromiseId, Request, SessionId, Timestamp, testing::random::Draw,
};
use resonate_proto::{
    client::{Cancel, Settle},
    stream::{FromWorker, FromWorkerReader, Hello, PROTOCOL},
    v1,
};

/// Requests that one input makes at most: more would find no more, and take longer.
const REQUESTS: usize = 200;

/// Requests that look at the state, so that most of them mean something.
pub(super) fn drawn(data: &[u8]) -> bool {
    let (mut state, mut draw) = (Memory::default(), Draw::new(data));
    for n in 0..REQUESTS {
        let Some((now, request)) = draw.request(&state) else {
            break;
        };
        checked(&mut state, now, request);
        if n % 2 == 0 {
            state.deliver();
            check(&state);
        }
        if n % 16 == 0 {
            state.expire(now);
            check(&state);
        }
    }
    state.deliver_all();
    check(&state);
    state.records().next().is_some()
}

/// Requests as peers could send them: whatever the wire's readers understand.
pub(super) fn decoded(data: &[u8]) -> bool {
    let mut state = Memory::default();
    let mut now = Timestamp::from_millis(1);
    let mut rest = data;
    for _ in 0..REQUESTS {
        let Some((head, after)) = rest.split_first_chunk::<3>() else {
            break;
        };
        let [kind, low, high] = *head;
        let length = usize::from(u16::from_le_bytes([low, high])).min(after.len());
        let (message, after) = after.split_at(length);
        rest = after;
        now = now.after(std::time::Duration::from_millis(u64::from(kind >> 4)));
        if let Some(request) = understood(kind & 0xf, message) {
            checked(&mut state, now, request);
            state.deliver();
            check(&state);
        }
    }
    state.deliver_all();
    check(&state);
    state.records().next().is_some()
}

fn understood(kind: u8, message: &[u8]) -> Option<Request> {
    match kind {
        0 | 1 => {
            let wire = v1::CreateRequest::decode(message).ok()?;
            Create::try_from(wire).ok().map(Request::Create)
        }
        2 | 3 => {
            let wire = v1::SettleRequest::decode(message).ok()?;
            let Settle { id, outcome, key } = wire.try_into().ok()?;
            Some(Request::Settle { id, outcome, key })
        }
        4 => {
            let wire = v1::CancelRequest::decode(message).ok()?;
            let Cancel { id, reason, key } = wire.try_into().ok()?;
            Some(Request::Cancel { id, reason, key })
        }
        5..=7 => {
            let id = PromiseId::new(std::str::from_utf8(message).ok()?).ok()?;
            let session = SessionId(1);
            Some(Request::Claim {
                id,
                session,
                tied: None,
                retry: None,
                body: None,
            })
        }
        _ => turn(message),
    }
}

/// A turn of the one worker there is.
fn turn(message: &[u8]) -> Option<Request> {
    let mut reader = FromWorkerReader::default();
    let hello = FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        session: SessionId(1),
        name: "fuzzed".to_owned(),
        version: "0.0.0".to_owned(),
        functions: Vec::new(),
        services: Vec::new(),
        held: Vec::new(),
        capacity: 1,
        granted: 1,
        timeline: None,
    });
    for message in FromWorker::batches(&[hello]) {
        reader.read(message).ok()?;
    }
    let wire = v1::FromWorker::decode(message).ok()?;
    let first = reader.read(wire).ok()?.into_iter().next()?;
    if let FromWorker::Turn(turn) = first {
        Some(Request::Turn(turn))
    } else {
        None
    }
}

fn checked(state: &mut Memory, now: Timestamp, request: Request) {
    // What a refusal may change: a promise whose time has passed counts as settled, whoever asks.
    let mut touched = state.clone();
    let id = request.target().clone();
    touched.request(now, Request::Expire { id });
    let applied = state.request(now, request.clone());
    if applied.answer.is_err() {
        assert!(
            touched.records().eq(state.records()),
            "refused, and yet it changed something: {request:?}"
        );
        assert_eq!(touched.messages(), state.messages(), "{request:?}");
    }
    if let Err(violations) = state.check() {
        panic!("after {request:?}: {violations:#?}");
    }
}

fn check(state: &Memory) {
    if let Err(violations) = state.check() {
        panic!("{violations:#?}");
    }
}
