//! A simple mutator: the same choices make the same inputs.

/// Draws mutations.
pub(crate) struct Mutate(u64);

/// Bytes and lengths on which readers have gone wrong before.
const EDGES: [&[u8]; 8] = [
    &[0],
    &[0xff],
    &[0x80; 10],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xe2, 0x80, 0xae],
    b".:/@=-\n\"[{",
];
/// Longer inputs find no more.
const LONGEST: usize = 16 << 10;

impl Mutate {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of the seeds, changed one to eight times.
    pub(crate) fn one_of(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let seed = self.below(seeds.len());
        let mut data = seeds.get(seed).cloned().unwrap_or_default();
        for _ in 0..=self.below(8) {
            self.change(&mut data, seeds);
        }
        data.truncate(LONGEST);
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(data.len() + 1);
        let end = (at + 1 + self.below(16)).min(data.len());
        match self.below(8) {
            0 => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                let byte = self.byte();
                if let Some(old) = data.get_mut(at) {
                    *old = byte;
                }
            }
            2 => {
                let edge = EDGES.get(self.below(EDGES.len())).copied().unwrap_or(&[0]);
                data.splice(at..at, edge.iter().copied());
            }
            3 => {
                let edge = EDGES.get(self.below(EDGES.len())).copied().unwrap_or(&[0]);
                data.splice(at..end.max(at), edge.iter().copied());
            }
            4 => {
                data.drain(at.min(end)..end);
            }
            5 => {
                let copy = data.get(at..end).unwrap_or_default().to_vec();
                let many = 1 + self.below(6);
                let copies = copy.repeat(many);
                data.splice(at..at, copies);
            }
            6 => {
                // The beginning of this one and the end of another.
                let other = self.below(seeds.len());
                let other = seeds.get(other).map(Vec::as_slice).unwrap_or_default();
                let from = self.below(other.len() + 1);
                data.truncate(at);
                data.extend(other.get(from..).unwrap_or_default());
            }
            _ => {
                let bytes: Vec<_> = (0..self.below(8)).map(|_| self.byte()).collect();
                data.splice(at..at, bytes);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 20)
            .unwrap_or(0)
            .checked_rem(bound)
            .unwrap_or(0)
    }
}
