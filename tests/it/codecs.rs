//! Encodings: each side reads what the other wrote, and everything holds with bincode too.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use resonate::{
    codec::{Bincode, Codec, Json},
    prelude::*,
};

use crate::world::{World, is_bincode, notes};

/// Runs all tests of this program once more, in a process of its own where everything is written in bincode.
#[test]
fn everything_holds_with_bincode_too() {
    if is_bincode() {
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .env("RESONATE_TEST_CODEC", "bincode")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// Nothing that JSON could write: its keys are texts.
type Grid = BTreeMap<(u8, u8), String>;

#[durable(service = "codecs", codec = "bincode")]
async fn mirrors(grid: Grid) -> Grid {
    grid.into_iter()
        .map(|((x, y), text)| ((y, x), text))
        .collect()
}

#[durable(service = "codecs")]
async fn mirrors_in_the_usual_codec(grid: Grid) -> Grid {
    grid.into_iter()
        .map(|((x, y), text)| ((y, x), text))
        .collect()
}

#[durable(service = "codecs")]
async fn mirrors_twice(text: String) -> Result<Grid> {
    let grid = Grid::from([((1, 2), text)]);
    mirrors_in_the_usual_codec(mirrors_in_the_usual_codec(grid).remote().result().await?)
        .result()
        .await
}

#[tokio::test]
async fn a_function_chooses_its_codec() {
    let world = World::serving(&["codecs"]).await;
    let grid = Grid::from([((1, 2), "a".to_owned())]);
    let mirrored = Grid::from([((2, 1), "a".to_owned())]);
    assert_eq!(world.call(mirrors(grid).id("outside")).await, mirrored);
}

#[tokio::test]
async fn a_value_that_a_codec_cannot_write_is_an_error_with_its_promise() {
    let world = World::with(&["codecs"], |builder| builder.codec(Json)).await;
    let error = world
        .call(mirrors_twice("a".to_owned()).id("inside"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Decode, Some("inside.mirrors_in_the_usual_codec"))
    );
    let says = "the arguments of codecs/mirrors_in_the_usual_codec@1: a value could not be written: key must be a string";
    assert_eq!(error.message(), says);
}

#[tokio::test]
async fn a_process_chooses_its_codec() {
    let world = World::with(&["codecs"], |builder| builder.codec(Bincode)).await;
    let mirrored = world
        .call(mirrors_twice("a".to_owned()).id("inside"))
        .await
        .unwrap();
    assert_eq!(mirrored, Grid::from([((1, 2), "a".to_owned())]));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parcel {
    id: u64,
    #[serde(default)]
    weight: Option<u32>,
}

#[durable(service = "codecs")]
async fn packs(id: u64) -> Result<Parcel> {
    let weighed = weighs(&Parcel { id, weight: None }).await?;
    assert_eq!(promise::<u64>("check").await?, id);
    Ok(weighed)
}

#[durable(service = "codecs_far")]
async fn weighs(parcel: &Parcel) -> Result<Parcel> {
    notes().add("weighs");
    Ok(Parcel {
        weight: Some(7),
        ..parcel.clone()
    })
}

#[tokio::test]
async fn processes_with_different_codecs_understand_each_other() {
    let world = World::with(&["codecs"], |builder| builder.codec(Json)).await;
    let far = world
        .join_with(&["codecs_far"], |builder| builder.codec(Bincode))
        .await;
    let packing = world.begin(packs(9).id("packs"));
    world.until_state("packs.check", "pending").await;
    assert!(far.resolve("packs.check", &9u64).await.unwrap());
    let parcel = packing.await.unwrap().unwrap().unwrap();
    assert_eq!(
        parcel,
        Parcel {
            id: 9,
            weight: Some(7)
        }
    );
    assert_eq!(far.get::<Parcel>("packs").await.unwrap(), parcel);
    assert_eq!(far.get::<Parcel>("packs.weighs").await.unwrap(), parcel);
}

/// What it writes is JSON backwards. Every process here reads it but [strangers](stranger).
pub(crate) struct Backwards;

/// A process that reads no more than every process does.
pub(crate) async fn stranger(world: &World, services: &[&str]) -> Resonate {
    let builder = Resonate::builder()
        .serve(services.iter().copied())
        .provide(Arc::clone(&world.notes));
    builder.url(world.resonate.url()).start().await.unwrap()
}

impl Codec for Backwards {
    fn label(&self) -> &'static str {
        "backwards"
    }
    fn seal(&self, mut plain: Vec<u8>, headers: &mut BTreeMap<String, String>) -> Result<Vec<u8>> {
        plain.reverse();
        headers.insert("key".to_owned(), "7".to_owned());
        Ok(plain)
    }
    fn open(&self, sealed: &[u8], headers: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        assert_eq!(headers["key"], "7");
        Ok(sealed.iter().rev().copied().collect())
    }
}

#[tokio::test]
async fn a_codec_of_the_users_needs_a_reader_on_the_other_side() {
    let world = World::with(&["codecs"], |builder| builder.codec(Backwards)).await;
    let reader = world.join(&["codecs_far"]).await;
    let packing = world.begin(packs(9).id("packs"));
    world.until_state("packs.check", "pending").await;
    world.resonate.resolve("packs.check", &9u64).await.unwrap();
    assert_eq!(packing.await.unwrap().unwrap().unwrap().weight, Some(7));
    assert_eq!(reader.get::<Parcel>("packs").await.unwrap().id, 9);
    let stranger = stranger(&world, &[]).await;
    let error = stranger.get::<Parcel>("packs").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Decode, Some("packs"))
    );
    let says = "it is encoded as `backwards`, which nobody reads here; give that codec to `Resonate::builder().reads(..)`";
    assert_eq!(error.message(), says);
}

#[tokio::test]
async fn a_worker_that_cannot_read_its_arguments_fails_at_once() {
    let world = World::with(&["codecs"], |builder| builder.codec(Backwards)).await;
    let _stranger = stranger(&world, &["codecs_far"]).await;
    let error = world.call(packs(9).id("packs")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Decode, Some("packs.weighs"))
    );
    assert_eq!(world.notes.count("weighs"), 0);
}
