//! The one place that knows `object_store`.

use std::{fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, future::BoxFuture};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use sha2::{Digest as _, Sha256};

use super::{Keeper, Kept, Missing, Place};
use crate::{Result, limits};

/// Where payloads are kept that are larger than a server is to carry: an object store, such as a bucket.
///
/// The name of an object is `<prefix>/<root id>/<SHA-256>`. Nothing removes them: a rule of the bucket does, after longer
/// than the server keeps what has ended; or you do, by the root, once its tree is no more needed.
///
/// ```
/// # extern crate resonate_runtime as resonate;
/// use std::sync::Arc;
/// use object_store::memory::InMemory;
/// use resonate::{Resonate, objects::Objects};
///
/// let store = Arc::new(InMemory::new());
/// let builder = Resonate::builder().objects(Objects::new(store).prefix("payloads").above(64 << 10));
/// # drop(builder);
/// ```
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    above: usize,
}

impl Objects {
    /// Payloads of more than 256 KiB, directly in this store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            prefix: Path::default(),
            above: limits::OBJECT_BYTES,
        }
    }

    /// Below this path.
    #[must_use]
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.prefix = Path::from(prefix.as_ref());
        self
    }

    /// Payloads of more than so many bytes. Whatever is said, what a server does not take is kept: more than 1 MiB, unless
    /// it says less.
    #[must_use]
    pub fn above(mut self, bytes: usize) -> Self {
        self.above = bytes;
        self
    }

    pub(crate) fn kept(self) -> Kept {
        let above = self.above;
        Kept::new(Arc::new(self), above)
    }
}

impl Keeper for Objects {
    fn put(&self, root: String, data: Bytes) -> BoxFuture<'static, Result<Place>> {
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        Box::pin(async move {
            let sha256 = hex(&Sha256::digest(&data));
            let path = prefix.join(root.as_str()).join(sha256.as_str());
            let bytes = data.len() as u64;
            store.put(&path, data.into()).await?;
            Ok(Place {
                key: path.to_string(),
                bytes,
                sha256,
            })
        })
    }

    fn get(&self, place: Place) -> BoxFuture<'static, Result<Bytes, Missing>> {
        let store = Arc::clone(&self.store);
        Box::pin(async move { read(&*store, place).await })
    }
}

async fn read(store: &dyn ObjectStore, place: Place) -> Result<Bytes, Missing> {
    let Place { key, bytes, sha256 } = place;
    let gone = |why: String| Missing::Gone(format!("the object `{key}` {why}"));
    let bound = usize::try_from(bytes).ok();
    let Some(bytes) = bound.filter(|bytes| *bytes <= limits::UNSEALED_BYTES) else {
        let most = limits::UNSEALED_BYTES;
        return Err(gone(format!("has {bytes} bytes; at most {most} are read")));
    };
    let path = Path::parse(&key).map_err(|error| gone(format!("has no name: {error}")))?;
    let found = match store.get(&path).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            return Err(gone(format!(
                "is not in {store}: it was removed, or is in another store; put it back, or give this process that store"
            )));
        }
        Err(error) => return Err(Missing::Now(error.into())),
    };
    let mut data = BytesMut::with_capacity(bytes);
    let mut parts = found.into_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| Missing::Now(error.into()))?;
        if bytes - data.len() < part.len() {
            return Err(gone(format!(
                "has more than the {bytes} bytes that were put there"
            )));
        }
        data.extend_from_slice(&part);
    }
    let data = data.freeze();
    if data.len() < bytes || hex(&Sha256::digest(&data)) != sha256 {
        return Err(gone(
            "is not what was put there: its bytes were changed".to_owned(),
        ));
    }
    Ok(data)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects in {} above {}", self.store, self.above)
    }
}
