//! The server inside of a process, and what keeps a process from starting.

use std::sync::Arc;

use resonate::{StartError, prelude::*};
use tempfile::TempDir;

use crate::world::{Notes, eventually, in_time, note, process};

/// A process with a server inside, on a folder.
async fn start(folder: &TempDir, notes: &Arc<Notes>) -> Resonate {
    let builder = process(&["embedded"], notes).data_dir(folder.path());
    builder.listen("127.0.0.1:0").start().await.unwrap()
}

#[durable(service = "embedded")]
async fn greets(name: &str) -> String {
    note(format_args!("greets {name}"));
    format!("Hello, {name}!")
}

#[durable(service = "embedded")]
async fn waits() -> Result<u32> {
    let before = step(|| async {
        note("step");
        Ok::<_, Error>(1)
    })
    .await?;
    Ok(before + promise::<u32>("go").await?)
}

#[tokio::test]
async fn data_outlive_the_process() {
    let (folder, notes) = (TempDir::new().unwrap(), Arc::new(Notes::new()));
    let first = start(&folder, &notes).await;
    assert_eq!(
        in_time(first.call(greets("Ada").id("greeting"))).await,
        "Hello, Ada!"
    );
    let unfinished = tokio::spawn(first.call(waits().id("unfinished")).result());
    eventually("it waits", async || {
        let found = first.find("unfinished").await.unwrap();
        found.is_some_and(|found| found.task_state() == Some("suspended"))
    })
    .await;
    unfinished.abort();
    first.shutdown().await;
    drop(first);

    let second = start(&folder, &notes).await;
    assert_eq!(
        in_time(second.call(greets("Ada").id("greeting"))).await,
        "Hello, Ada!"
    );
    assert_eq!(
        notes.count("greets Ada"),
        1,
        "what is finished does not run again"
    );
    assert!(second.resolve("unfinished.go", &41u32).await.unwrap());
    assert_eq!(
        in_time(second.call(waits().id("unfinished")))
            .await
            .unwrap(),
        42
    );
    assert_eq!(notes.count("step"), 1, "a recorded step does not run again");
    second.shutdown().await;
}

#[tokio::test]
async fn a_process_that_is_dropped_without_a_word_loses_nothing_either() {
    let (folder, notes) = (TempDir::new().unwrap(), Arc::new(Notes::new()));
    let first = start(&folder, &notes).await;
    assert_eq!(
        in_time(first.call(greets("Ada").id("greeting"))).await,
        "Hello, Ada!"
    );
    drop(first);
    let mut second = None;
    eventually("the folder is free", async || {
        let builder = process(&["embedded"], &notes)
            .data_dir(folder.path())
            .listen("127.0.0.1:0");
        second = builder.start().await.ok();
        second.is_some()
    })
    .await;
    assert_eq!(
        in_time(second.unwrap().call(greets("Ada").id("greeting"))).await,
        "Hello, Ada!"
    );
    assert_eq!(notes.count("greets Ada"), 1);
}

#[tokio::test]
async fn a_second_process_on_the_folder_is_told_which_url_to_set() {
    let (folder, notes) = (TempDir::new().unwrap(), Arc::new(Notes::new()));
    let first = start(&folder, &notes).await;
    let builder = process(&["embedded"], &notes)
        .data_dir(folder.path())
        .listen("127.0.0.1:0");
    let error = builder.start().await.unwrap_err();
    assert!(matches!(error, StartError::Embedded(_)), "{error:?}");
    let says = format!(
        "the server inside of this process does not start: another process has the folder {}; set RESONATE_URL={} to use its server",
        folder.path().display(),
        first.url()
    );
    assert_eq!(error.to_string(), says);
    let joined = process(&["embedded"], &notes)
        .url(first.url())
        .start()
        .await
        .unwrap();
    assert_eq!(
        in_time(joined.call(greets("Bob").id("greeting"))).await,
        "Hello, Bob!"
    );
}

#[tokio::test]
async fn a_port_in_use_is_told_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Resonate::builder()
        .serve([])
        .in_memory()
        .listen(&address)
        .start()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!(
            "{address} is in use; if a server listens there, use it: RESONATE_URL=http://{address}"
        )),
        "{text}"
    );
}

/// What starting it is told.
async fn refusal(builder: resonate::Builder) -> String {
    builder.start().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_builder_that_contradicts_itself_is_refused() {
    let both = Resonate::builder()
        .serve([])
        .in_memory()
        .url("http://127.0.0.1:1");
    assert_eq!(
        refusal(both).await,
        "both a URL and a server inside of this process were asked for; leave out `.in_memory()`, or the URL"
    );
    let nobody = refusal(Resonate::builder().in_memory().serve(["embeded"])).await;
    assert!(
        nobody.starts_with(
            "no function of the service `embeded` is linked into this program; there is "
        ),
        "{nobody}"
    );
    assert!(nobody.contains("embedded"), "{nobody}");
    let url = refusal(Resonate::builder().serve([]).url("no url at all")).await;
    assert!(
        url.starts_with("\"no url at all\" is no URL of a server (")
            && url.contains("http://127.0.0.1:8001"),
        "{url}"
    );
    let address = refusal(Resonate::builder().serve([]).in_memory().listen("nowhere")).await;
    assert!(address.contains("nowhere"), "{address}");
    let reachable = refusal(
        Resonate::builder()
            .serve([])
            .in_memory()
            .listen("0.0.0.0:0"),
    )
    .await;
    assert!(reachable.contains("0.0.0.0:0"), "{reachable}");
}

#[test]
fn starting_needs_tokio() {
    let start = Box::pin(Resonate::builder().serve([]).in_memory().start());
    let error = futures::executor::block_on(start).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`start` needs a tokio runtime; call it below `#[tokio::main]`"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_by_its_path() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = refusal(
        Resonate::builder()
            .serve([])
            .data_dir(&file)
            .listen("127.0.0.1:0"),
    )
    .await;
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}
