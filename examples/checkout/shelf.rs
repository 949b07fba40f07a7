//! What the warehouse has: so many units of each SKU for one order, and a folder of shipping labels.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use resonate::prelude::*;

use crate::{
    effects::{EffectLog, Run, What},
    orders::{Item, is_plain},
};

/// The list that comes with the example.
const BUILT_IN: &str = include_str!("stock.json");

/// How many units of a SKU can be sent with one order. The shelf is filled again between orders.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stock(BTreeMap<String, u32>);

/// A label, and what its file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Label {
    pub(crate) order: String,
    pub(crate) sku: String,
    /// Which promise wrote it.
    pub(crate) promise: String,
}

/// The warehouse of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) stock: Arc<Stock>,
    labels: Arc<Labels>,
}

#[derive(Debug)]
struct Labels {
    folder: PathBuf,
    effects: EffectLog,
}

impl Stock {
    /// Reads a list, or the one that comes with the example.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let text = match file {
            Some(file) => &fs::read_to_string(file).map_err(|error| {
                Error::from(error).context(format!("reading {}", file.display()))
            })?,
            None => BUILT_IN,
        };
        Ok(serde_json::from_str(text)?)
    }

    /// The first item of which there is too little.
    pub(crate) fn shortage<'a>(&self, items: &'a [Item]) -> Option<&'a Item> {
        let units = |item: &Item| self.0.get(&item.sku).copied().unwrap_or(0);
        items.iter().find(|item| units(item) < item.quantity)
    }
}

impl Shelf {
    /// Opens the labels of a data folder, which is made if it is not there.
    pub(crate) fn open(data_dir: &Path, stock: Stock) -> Result<Self> {
        let effects = EffectLog::open(data_dir)?;
        let folder = folder(data_dir);
        fs::create_dir_all(&folder)?;
        Ok(Self {
            stock: Arc::new(stock),
            labels: Arc::new(Labels { folder, effects }),
        })
    }

    /// Writes a label, unless this promise wrote it already. When this returns, it is on disk.
    pub(crate) async fn write(&self, run: Run, label: Label) -> Result<()> {
        let labels = Arc::clone(&self.labels);
        tokio::task::spawn_blocking(move || labels.write(&run, &label)).await?
    }
}

impl Labels {
    fn write(&self, run: &Run, label: &Label) -> Result<()> {
        if !is_plain(&label.order) || !is_plain(&label.sku) {
            return Err(Error::terminal(format!(
                "{label:?} cannot be the name of a file"
            )));
        }
        let folder = self.folder.join(&label.order);
        let path = folder.join(format!("{}.json", label.sku));
        if let Some(old) = look(&path)?
            && old != *label
        {
            return Err(Error::terminal(format!(
                "{old:?} is written already; {} cannot write it",
                run.promise
            )));
        }
        self.effects.append(run, What::Label)?;
        fs::create_dir_all(&folder)?;
        // No two runs share a draft, and a draft is no label: it is renamed when all of it is on disk.
        let draft = folder.join(format!(".{}.{}-{}", label.sku, run.version, run.attempt));
        let mut file = File::create(&draft)?;
        file.write_all(&serde_json::to_vec(label)?)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&folder)?.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

/// All labels of a data folder by order; none if there is no such folder. A file that is no label is an error.
pub(crate) fn labels(data_dir: &Path) -> Result<BTreeMap<String, Vec<Label>>> {
    let mut labels: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    for order in names(&folder(data_dir))? {
        let folder = folder(data_dir).join(&order);
        for file in names(&folder)?
            .into_iter()
            .filter(|file| !file.starts_with('.'))
        {
            let path = folder.join(&file);
            let label = look(&path)?
                .filter(|label| label.order == order && format!("{}.json", label.sku) == file);
            let label = label
                .ok_or_else(|| Error::terminal(format!("{} is another label", path.display())))?;
            labels.entry(order.clone()).or_default().push(label);
        }
    }
    Ok(labels)
}

/// True if there are labels in this data folder.
pub(crate) fn is_in(data_dir: &Path) -> bool {
    folder(data_dir).is_dir()
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("labels")
}

fn look(path: &Path) -> Result<Option<Label>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => Ok(serde_json::from_slice(&read?).map(Some).map_err(|error| {
            Error::from(error).context(format!("{} is no label", path.display()))
        })?),
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(sku: &str, promise: &str) -> Label {
        Label {
            order: "order-0001".to_owned(),
            sku: sku.to_owned(),
            promise: promise.to_owned(),
        }
    }

    fn run(promise: &str, version: u64) -> Run {
        Run {
            promise: promise.to_owned(),
            version,
            attempt: 1,
        }
    }

    #[tokio::test]
    async fn a_label_is_written_once_by_one_promise() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), Stock::load(None).unwrap()).unwrap();
        let mine = label("STAT-150", "order-0001.ship");
        for version in [1, 2] {
            shelf
                .write(run("order-0001.ship", version), mine.clone())
                .await
                .unwrap();
        }
        assert_eq!(labels(folder.path()).unwrap()["order-0001"], [mine]);
        let other = shelf
            .write(
                run("order-0001.ship-1", 1),
                label("STAT-150", "order-0001.ship-1"),
            )
            .await;
        assert!(
            other
                .unwrap_err()
                .to_string()
                .contains("order-0001.ship-1 cannot write it")
        );
    }

    #[tokio::test]
    async fn a_label_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), Stock::load(None).unwrap()).unwrap();
        assert!(
            shelf
                .write(
                    run("order-0001.ship", 1),
                    label("../../etc", "order-0001.ship")
                )
                .await
                .is_err()
        );
    }

    #[test]
    fn a_draft_is_no_label_and_a_torn_label_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let order = folder.path().join("labels/order-0001");
        fs::create_dir_all(&order).unwrap();
        fs::write(order.join(".STAT-150.1-1"), "{\"order").unwrap();
        assert!(labels(folder.path()).unwrap().is_empty());
        fs::write(order.join("STAT-150.json"), "{\"order").unwrap();
        assert!(
            labels(folder.path())
                .unwrap_err()
                .to_string()
                .contains("STAT-150.json is no label")
        );
    }
}
