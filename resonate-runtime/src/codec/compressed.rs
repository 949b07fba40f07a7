//! Compression by LZ4: fast, in safe Rust, and what comes out is bounded before any of it is made.

use std::collections::BTreeMap;

use lz4_flex::block;

use super::{Codec, Digest};
use crate::{Error, ErrorKind, Result, limits};

/// In front of what would not have become smaller.
const AS_IT_IS: u8 = 0;
/// In front of an LZ4 block, after its length before that, in 4 bytes.
const LZ4: u8 = 1;
/// One byte of LZ4 never stands for more.
const MOST_PER_BYTE: usize = 255;

/// Compresses what is written, with LZ4. What does not become smaller stays as it is.
///
/// A payload that says it holds more than 64 MiB, or more than its bytes can hold, is refused before anything is made of
/// it. Around an encrypting codec it would find nothing to compress; it belongs [inside](Codec::over):
/// `Encrypted::new([key])?.over(Compressed::new())`.
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// use resonate::{Resonate, codec::Compressed};
///
/// let builder = Resonate::builder().codec(Compressed::new());
/// # drop(builder);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Compressed {}

impl Compressed {
    /// Compresses JSON, or the format of the function.
    #[must_use]
    pub const fn new() -> Self {
        Self {}
    }
}

impl Codec for Compressed {
    fn label(&self) -> &'static str {
        "lz4"
    }

    fn seal(&self, plain: Vec<u8>, _: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        let packed = block::compress(&plain);
        let bytes = u32::try_from(plain.len()).ok();
        match bytes {
            Some(bytes) if packed.len() + size_of::<u32>() < plain.len() => {
                Ok([&[LZ4], &bytes.to_le_bytes()[..], &packed].concat())
            }
            _ => Ok([&[AS_IT_IS], plain.as_slice()].concat()),
        }
    }

    fn open(&self, sealed: &[u8], _: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        let bad = |what: String| Error::of(ErrorKind::Decode, what);
        match sealed {
            [AS_IT_IS, plain @ ..] => Ok(plain.to_vec()),
            [LZ4, a, b, c, d, packed @ ..] => {
                let bytes = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
                if limits::UNSEALED_BYTES.min(packed.len() * MOST_PER_BYTE) < bytes {
                    return Err(bad(format!(
                        "{} compressed bytes say that they are {bytes}, which is too much",
                        packed.len()
                    )));
                }
                let plain = block::decompress(packed, bytes)?;
                if plain.len() == bytes {
                    Ok(plain)
                } else {
                    let is = plain.len();
                    Err(bad(format!(
                        "{bytes} bytes were compressed, and {is} came out"
                    )))
                }
            }
            [LZ4, ..] | [] => Err(bad("it is cut off".to_owned())),
            [format, ..] => Err(bad(format!(
                "its format is {format}, this library reads {AS_IT_IS} and {LZ4}; upgrade it"
            ))),
        }
    }

    fn digest(&self, _: &[u8]) -> Digest {
        // Another release of the compressor may make other bytes of the same value.
        Digest::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        Compressed::new()
            .seal(plain.to_vec(), &mut BTreeMap::new())
            .unwrap()
    }

    fn opened(sealed: &[u8]) -> Result<Vec<u8>> {
        Compressed::new().open(sealed, &BTreeMap::new())
    }

    #[test]
    fn what_goes_in_comes_out_and_is_never_much_larger() {
        let text = "the same again, ".repeat(1_000).into_bytes();
        let noise: Vec<u8> = (0..5_000).map(|_| fastrand::u8(..)).collect();
        assert!(sealed(&text).len() < text.len() / 10);
        for plain in [&b""[..], b"7", &text, &noise, &vec![0; 1 << 20]] {
            let sealed = sealed(plain);
            assert!(sealed.len() <= plain.len() + 1);
            assert_eq!(opened(&sealed).unwrap(), plain);
        }
    }

    #[test]
    fn what_says_it_is_more_than_it_can_be_is_refused_before_it_is_made() {
        let bomb = |bytes: u32, packed: &[u8]| {
            let sealed = [&[LZ4], &bytes.to_le_bytes()[..], packed].concat();
            opened(&sealed).unwrap_err().to_string()
        };
        assert!(
            bomb(u32::MAX, &[0; 100]).contains("100 compressed bytes say that they are 4294967295")
        );
        assert!(bomb(25_501, &[0; 100]).contains("too much"));
        let over = u32::try_from(limits::UNSEALED_BYTES + 1).unwrap();
        assert!(bomb(over, &vec![0; 1 << 20]).contains("too much"));
    }

    #[test]
    fn bytes_from_anywhere_are_a_value_or_an_error() {
        let good = sealed(&b"again and again and again and again".repeat(9));
        for end in 0..good.len() {
            assert!(opened(&good[..end]).is_err(), "{end}");
        }
        assert!(
            opened(&[9, 9])
                .unwrap_err()
                .to_string()
                .contains("its format is 9")
        );
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..dice.usize(1..4) {
                let at = dice.usize(..bytes.len());
                bytes[at] = dice.u8(..);
            }
            if let Ok(plain) = opened(&bytes) {
                assert!(plain.len() <= limits::UNSEALED_BYTES);
            }
        }
    }
}
