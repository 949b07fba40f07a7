//! A random program: at most so deep and so large, with few races, so that the answers it may give stay few.

use resonate_core::limits;

use super::{Keyed, Op, Place, SERVICES};
use crate::dice::Dice;

/// What a generator may still spend.
struct Budget<'a> {
    dice: &'a Dice,
    numbers: u32,
    ops: u32,
    races: u32,
    detached: u32,
    generations: u32,
    large: u32,
    deadly: u32,
}

/// The program of a root.
pub(crate) fn program(dice: &Dice, ops: u32, has_heavy: bool) -> Op {
    let heavy = |of| u32::from(dice.per_mille(of) && has_heavy);
    let mut budget = Budget {
        dice,
        numbers: 0,
        ops,
        races: 3,
        detached: 1,
        generations: 1,
        large: heavy(100),
        deadly: heavy(40),
    };
    budget.body(0)
}

impl Budget<'_> {
    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn service(&self) -> u8 {
        u8::try_from(self.dice.below(SERVICES.len() as u64)).unwrap()
    }

    fn place(&self) -> Place {
        self.dice.pick(&[
            Place::Anywhere,
            Place::Anywhere,
            Place::Anywhere,
            Place::Remote,
            Place::Remote,
            Place::Local,
            Place::Shielded,
            Place::Urgent,
            Place::Undone,
        ])
    }

    fn some(&mut self, depth: u32) -> Vec<Op> {
        let count = self.dice.between(1, 4);
        (0..count).map(|_| self.op(depth)).collect()
    }

    /// All that a function does.
    fn body(&mut self, depth: u32) -> Op {
        if self.generations == 0 || !self.dice.per_mille(100) {
            return Op::Seq(self.some(depth));
        }
        self.generations -= 1;
        Op::Generations {
            at: 0,
            times: u32::try_from(self.dice.between(1, 4)).unwrap(),
            each: Box::new(Op::Seq(self.some(depth))),
            last: Box::new(Op::Seq(self.some(depth))),
        }
    }

    fn op(&mut self, depth: u32) -> Op {
        if self.ops == 0 || depth > 5 {
            return Op::Value(self.dice.below(100));
        }
        self.ops -= 1;
        let below = depth + 1;
        match self.dice.below(100) {
            0..=17 => self.call(below),
            18..=32 => self.leaf(),
            33..=35 => Op::Limited {
                millis: self.dice.pick(&[1, 100, 2_000, 20_000]),
                leaf: Box::new(self.leaf()),
            },
            36..=45 => Op::Step {
                no: self.number(),
                millis: self.dice.pick(&[0, 1, 50, 2_000, 12_000]),
                fails: self.few(),
                at_most_once: self.dice.per_mille(150),
            },
            46..=55 => Op::Sleep {
                no: self.number(),
                millis: self.dice.pick(&[0, 1, 100, 5_000, 40_000, 200_000]),
            },
            56..=60 => Op::Join(self.some(below)),
            61..=62 => self.busy(),
            63 | 94 => self.keyed(),
            64..=69 => Op::Seq(self.some(below)),
            70..=76 => Op::Spawn {
                call: Box::new(self.call(below)),
                rest: Box::new(self.op(below)),
            },
            77..=79 => Op::Catch(Box::new(Op::Seq(vec![
                self.op(below),
                Op::Wrong(self.number()),
            ]))),
            80..=82 => Op::Catch(Box::new(self.op(below))),
            83..=88 => self.race(below),
            89..=91 => Op::Panic {
                no: self.number(),
                times: u8::try_from(self.dice.between(1, 2)).unwrap(),
            },
            92..=93 => self.gate(),
            95 => Op::OnCancel { no: self.number() },
            96..=97 => self.heavy(),
            _ => self.detach(below),
        }
    }

    fn few(&self) -> u8 {
        self.dice.pick(&[0, 0, 0, 0, 1, 2])
    }

    fn call(&mut self, below: u32) -> Op {
        let no = self.number();
        let (to, mut place) = (self.service(), self.place());
        if self.dice.per_mille(100) {
            place = Place::Cancelable;
        }
        let op = Box::new(self.body(below));
        Op::Call { no, to, place, op }
    }

    fn leaf(&mut self) -> Op {
        Op::Leaf {
            no: self.number(),
            to: self.service(),
            place: self.place(),
            millis: self.dice.pick(&[0, 0, 0, 3, 40, 700, 3_000, 15_000]),
            fails: self.few(),
            panics: self.dice.pick(&[0, 0, 0, 0, 0, 0, 1]),
        }
    }

    /// One of few keys, so that programs meet.
    fn keyed(&mut self) -> Op {
        Op::Keyed {
            no: self.number(),
            key: u8::try_from(self.dice.below(3)).unwrap(),
            keyed: self
                .dice
                .pick(&[Keyed::Alone, Keyed::Alone, Keyed::Latest, Keyed::Merged]),
            millis: self.dice.pick(&[0, 0, 20, 3_000]),
        }
    }

    /// A promise that others settle.
    fn gate(&mut self) -> Op {
        let no = self.number();
        match self.dice.below(4) {
            0 => Op::Tell { no },
            1 => {
                let millis = self.dice.pick(&[1, 2_000, 10_000, 30_000]);
                Op::Lapse { no, millis }
            }
            _ => Op::Gate { no },
        }
    }

    /// What is hard on a worker, or on the wire.
    fn heavy(&mut self) -> Op {
        let no = self.number();
        if self.deadly > 0 {
            self.deadly -= 1;
            return Op::Deadly { no };
        }
        if self.large == 0 {
            return self.leaf();
        }
        self.large -= 1;
        let of_message = limits::PAYLOAD_BYTES - 64;
        Op::Large {
            no,
            bytes: self.dice.pick(&[70_000, 300_000, of_message, of_message]),
            place: self.place(),
        }
    }

    /// A step that takes long beside calls elsewhere: its task stays claimed while they settle.
    fn busy(&mut self) -> Op {
        let step = Op::Step {
            no: self.number(),
            millis: self.dice.between(3_000, 20_000),
            fails: self.few(),
            at_most_once: false,
        };
        let leaves = (0..self.dice.between(1, 4)).map(|_| Op::Leaf {
            no: self.number(),
            to: self.service(),
            place: Place::Remote,
            millis: self.dice.below(10_000),
            fails: self.few(),
            panics: 0,
        });
        let ops = leaves.collect::<Vec<_>>().into_iter().chain([step]);
        Op::Join(ops.collect())
    }

    fn race(&mut self, below: u32) -> Op {
        if self.races == 0 {
            return self.leaf();
        }
        self.races -= 1;
        if self.dice.per_mille(400) {
            let millis = self.dice.pick(&[1, 60, 1_000, 30_000]);
            return Op::Timeout {
                millis,
                op: Box::new(self.call(below)),
            };
        }
        Op::Race {
            one: Box::new(self.op(below)),
            other: Box::new(self.call(below)),
        }
    }

    fn detach(&mut self, below: u32) -> Op {
        if self.detached == 0 {
            return self.leaf();
        }
        self.detached -= 1;
        Op::Detach {
            no: self.number(),
            to: self.service(),
            op: Box::new(self.op(below)),
        }
    }
}
