//! Codecs around each other.

use std::{collections::BTreeMap, fmt, sync::Arc};

use resonate_core::{Digest as Noted, Encoding};

use super::{Codec, Digest, Format};
use crate::limits;

/// Codecs around each other: the outermost seals last and opens first. Any [`Codec`] is a stack of one.
#[derive(Clone)]
pub struct Stack {
    /// Outermost first.
    codecs: Vec<Arc<dyn Codec>>,
}

impl Stack {
    /// Seals with these what `inner` has sealed before.
    #[must_use]
    pub fn over(mut self, inner: impl Into<Self>) -> Self {
        self.codecs.extend(inner.into().codecs);
        self
    }

    /// How values are written before the first of them seals.
    pub(super) fn format(&self) -> Format {
        self.codecs
            .last()
            .map_or(Format::Json, |codec| codec.format())
    }

    /// Those that do something, outermost first: what is nothing but a format seals nothing.
    pub(super) fn sealing(&self) -> impl DoubleEndedIterator<Item = &Arc<dyn Codec>> {
        self.codecs.iter().filter(|codec| !is_format(&***codec))
    }

    pub(super) fn into_codecs(self) -> impl Iterator<Item = Arc<dyn Codec>> {
        self.codecs.into_iter()
    }

    /// What cannot be written so, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let above = self
            .codecs
            .split_last()
            .map_or(&[] as &[_], |(_, above)| above);
        if let Some(format) = above.iter().find(|codec| is_format(&***codec)) {
            let label = format.label();
            return Some(format!(
                "`{label}` is a format and seals nothing; it can only be the innermost codec"
            ));
        }
        if limits::CODECS < self.codecs.len() {
            return Some(format!(
                "there are {} codecs around each other; at most {} are allowed",
                self.codecs.len(),
                limits::CODECS
            ));
        }
        let mut labels = BTreeMap::new();
        for codec in &self.codecs {
            let label = codec.label();
            if label.contains('/') {
                return Some(format!("the label `{label}` of a codec has a `/`"));
            }
            if labels.insert(label, ()).is_some() {
                return Some(format!("the codec `{label}` is around itself"));
            }
        }
        None
    }

    /// What is noted of a value beside what becomes of it: nothing, if that says enough.
    pub(super) fn digest(&self, format: Format, plain: &[u8]) -> Option<Noted> {
        let digests: Vec<_> = self.sealing().map(|codec| codec.digest(plain)).collect();
        if let Some(Digest::Keyed(keyed)) = digests
            .iter()
            .find(|digest| matches!(digest, Digest::Keyed(_)))
        {
            return Some(Noted::Keyed(keyed.clone()));
        }
        // One that may hide something keeps the others from telling.
        let is_plain = digests.iter().all(|digest| *digest == Digest::Plain);
        let tells = is_plain && !digests.is_empty();
        tells.then(|| Noted::of(&Encoding(format.label().into()), plain))
    }
}

fn is_format(codec: &dyn Codec) -> bool {
    codec.label() == codec.format().label()
}

impl<C: Codec> From<C> for Stack {
    fn from(codec: C) -> Self {
        Self {
            codecs: vec![Arc::new(codec)],
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.codecs.iter().map(|codec| codec.label()))
            .finish()
    }
}
