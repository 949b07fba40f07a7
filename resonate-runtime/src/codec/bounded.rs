//! A writer that takes so many bytes and no more: a value that is too large is noticed before it is there a second time.

use std::io;

/// What was written, within its bound.
#[derive(Debug)]
pub(crate) struct Bounded {
    written: Vec<u8>,
    max: usize,
    is_over: bool,
}

impl Bounded {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            written: Vec::new(),
            max,
            is_over: false,
        }
    }

    /// More than the bound was to be written; whoever wrote may not have passed that on.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.written
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_over |= self.max - self.written.len() < bytes.len();
        if self.is_over {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
