//! 32 clients, few promises at a time, and a server that is killed and restarted while they ask.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::{Client, Unanswered},
    draw::Draw,
    harness::Server,
    history::{Answer, Answered, Create, Operation, Outcome, Request},
};

const CLIENTS: u64 = 32;
/// Requests that a client has under way at once.
const LANES: u64 = 6;
/// Promises that are fought for at a time.
const SLOTS: usize = 48;
/// So often in a row a server that lives may leave a request without an answer.
const UNEXPLAINED: usize = 100;

/// How much is asked, and how often the server dies meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) operations: u64,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

/// What all clients share.
#[derive(Debug)]
struct Shared {
    size: Size,
    /// Shows no moment twice.
    clock: AtomicU64,
    /// Gives every value once.
    values: AtomicU64,
    answered: AtomicU64,
    keys: Mutex<Keys>,
    /// How often the server was started; odd numbers in between: it is dead.
    life: watch::Sender<u64>,
    /// Somebody waits for a read of what is still being written.
    is_aimed: AtomicBool,
    fresh_read: Notify,
}

/// Which promises are asked for: each for a while.
#[derive(Debug)]
struct Keys {
    slots: Vec<(u32, u64)>,
    next: u32,
    draw: Draw,
}

impl Keys {
    fn new(seed: u64) -> Self {
        let slots = (0..SLOTS).map(|_| (0, 0)).collect();
        let draw = Draw::new(seed);
        Self {
            slots,
            next: 0,
            draw,
        }
    }

    fn draw(&mut self) -> u32 {
        if self.next > 0 && self.draw.one_in(20) {
            return u32::try_from(self.draw.below(self.next.into())).expect("it is below a u32");
        }
        let slot = self.draw.index(SLOTS);
        let (key, left) = &mut self.slots[slot];
        if *left == 0 {
            (*key, *left) = (self.next, 2 + self.draw.below(24));
            self.next += 1;
        }
        *left -= 1;
        *key
    }
}

/// Asks and kills; gives the whole history, and how often the server was killed.
pub(crate) async fn run(server: &mut Server, size: Size) -> (Vec<Operation>, u64) {
    let (life, _) = watch::channel(0);
    let shared = Arc::new(Shared {
        size,
        clock: AtomicU64::new(0),
        values: AtomicU64::new(1),
        answered: AtomicU64::new(0),
        keys: Mutex::new(Keys::new(size.seed)),
        life,
        is_aimed: AtomicBool::new(false),
        fresh_read: Notify::new(),
    });
    let mut lanes = JoinSet::new();
    for client in 0..CLIENTS {
        let connection = Client::new(&server.url);
        for lane in 0..LANES {
            let draw = Draw::new(size.seed.wrapping_mul(1_000) + client * LANES + lane);
            lanes.spawn(Lane::new(&shared, connection.clone(), draw).run());
        }
    }
    let kills = kill(server, &shared, &mut lanes).await;
    let mut history = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        history.extend(lane.expect("a client does not panic"));
    }
    history.extend(read_all(&shared, &server.url).await);
    (history, kills)
}

/// Kills the server at drawn moments, spread over the run.
async fn kill(server: &mut Server, shared: &Shared, lanes: &mut JoinSet<Vec<Operation>>) -> u64 {
    let mut draw = Draw::new(shared.size.seed ^ 0xDEAD);
    let span = shared.size.operations / (shared.size.kills + 1);
    let mut kills = 0;
    while kills < shared.size.kills && !lanes.is_empty() {
        let due = span * (kills + 1) - draw.below(span / 2);
        while shared.answered.load(Ordering::Relaxed) < due {
            sleep(Duration::from_millis(1)).await;
            if let Some(ended) = lanes.try_join_next() {
                // Nobody is done so early: it panicked.
                ended.expect("a client does not panic");
            }
        }
        let moment = Duration::from_micros(draw.below(20_000));
        if draw.one_in(4) {
            sleep(moment).await;
        } else {
            // Where a server that answers too early would be caught.
            shared.is_aimed.store(true, Ordering::Relaxed);
            let _none = timeout(moment * 10, shared.fresh_read.notified()).await;
        }
        shared.life.send_modify(|life| *life += 1);
        tokio::task::block_in_place(|| server.process.kill_and_restart());
        let start = Instant::now();
        while tokio::net::TcpStream::connect(server.url.trim_start_matches("http://"))
            .await
            .is_err()
        {
            assert!(
                start.elapsed() < crate::harness::PATIENCE,
                "the server does not come back:\n{}",
                server.process.output()
            );
            sleep(Duration::from_millis(2)).await;
        }
        shared.life.send_modify(|life| *life += 1);
        kills += 1;
    }
    kills
}

/// At the end every promise is read once: what was acknowledged must be there, in the server that was started last.
async fn read_all(shared: &Arc<Shared>, url: &str) -> Vec<Operation> {
    let last = shared.keys.lock().expect("nobody panicked").next;
    let mut readers = JoinSet::new();
    for reader in 0..CLIENTS as u32 {
        let mut lane = Lane::new(shared, Client::new(url), Draw::new(reader.into()));
        readers.spawn(async move {
            for key in (reader..last).step_by(CLIENTS as usize) {
                lane.ask(key, Request::Get).await;
            }
            lane.history
        });
    }
    let mut history = Vec::new();
    while let Some(reader) = readers.join_next().await {
        history.extend(reader.expect("a client does not panic"));
    }
    history
}

/// One request after the other.
struct Lane {
    shared: Arc<Shared>,
    client: Client,
    draw: Draw,
    history: Vec<Operation>,
    /// Requests in a row without an answer from a server that lives.
    unexplained: usize,
}

impl Lane {
    fn new(shared: &Arc<Shared>, client: Client, draw: Draw) -> Self {
        let shared = Arc::clone(shared);
        Self {
            shared,
            client,
            draw,
            history: Vec::new(),
            unexplained: 0,
        }
    }

    async fn run(mut self) -> Vec<Operation> {
        while self.shared.answered.load(Ordering::Relaxed) < self.shared.size.operations {
            let again = self.history.last().filter(|_| self.draw.one_in(12));
            let (key, request) = match again {
                Some(last) => (last.key, last.request),
                None => {
                    let key = self.shared.keys.lock().expect("nobody panicked").draw();
                    (key, self.request())
                }
            };
            // Of what is not answered some is never asked again.
            while !self.ask(key, request).await && !self.draw.one_in(4) {}
        }
        self.history
    }

    /// Asks once and writes down what came of it; false if there is no answer.
    async fn ask(&mut self, key: u32, request: Request) -> bool {
        let mut life = self.shared.life.subscribe();
        let is_up = life.wait_for(|life| life.is_multiple_of(2)).await;
        let began_in = *is_up.expect("the sender is shared");
        let start = self.now();
        let answered = match self.client.ask(key, request).await {
            Ok((at, answer)) => {
                self.aim(request, answer);
                Some(Answered {
                    end: self.now(),
                    at,
                    answer,
                })
            }
            Err(Unanswered(status)) => {
                self.not_answered(began_in, &status).await;
                None
            }
        };
        let is_answered = answered.is_some();
        if is_answered {
            self.unexplained = 0;
            self.shared.answered.fetch_add(1, Ordering::Relaxed);
        }
        self.history.push(Operation {
            key,
            request,
            start,
            answered,
        });
        is_answered
    }

    /// Says that it read what was asked for a moment ago, if somebody wants to know.
    fn aim(&self, request: Request, answer: Answer) {
        const MOMENT: u64 = 64;
        let Answer::Promise { promise, .. } = answer else {
            return;
        };
        let is_fresh = || self.shared.values.load(Ordering::Relaxed) < promise.by + MOMENT;
        if request == Request::Get
            && self.shared.is_aimed.load(Ordering::Relaxed)
            && is_fresh()
            && self.shared.is_aimed.swap(false, Ordering::Relaxed)
        {
            self.shared.fresh_read.notify_one();
        }
    }

    /// A server that was killed answers nothing, and a connection to it may be used once more after the next has started.
    async fn not_answered(&mut self, life: u64, why: &tonic::Status) {
        if *self.shared.life.borrow() != life {
            self.unexplained = 0;
            return;
        }
        self.unexplained += 1;
        assert!(
            self.unexplained < UNEXPLAINED,
            "nobody killed the server, and it does not answer: {why:?}"
        );
        sleep(Duration::from_millis(20)).await;
    }

    fn now(&self) -> u64 {
        self.shared.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn request(&mut self) -> Request {
        match self.draw.below(20) {
            0..6 => Request::Create(Create {
                by: self.value(),
                call: (!self.draw.one_in(3)).then(|| self.value()),
                late: self.draw.one_in(12),
                any: self.draw.one_in(3),
            }),
            6..11 => Request::Get,
            11..15 => Request::Settle(Outcome::Resolved(self.value())),
            15..18 => Request::Settle(Outcome::Rejected(self.value())),
            _ => Request::Cancel(self.value()),
        }
    }

    fn value(&self) -> u64 {
        self.shared.values.fetch_add(1, Ordering::Relaxed)
    }
}
