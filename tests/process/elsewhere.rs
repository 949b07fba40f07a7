//! Functions that are only declared here: their bodies are in other programs.

use std::path::Path;

use resonate::{StartError, prelude::*};

use crate::harness::{Process, Server, eventually, example};

/// As `two_services` has it, in other words.
#[durable(service = "back")]
async fn price(item: std::string::String) -> std::result::Result<u64, resonate::Error>;

/// Not as `checkout` has it.
#[durable(service = "warehouse")]
async fn ship(order: &str, item: &str) -> Result<String>;

#[durable(service = "elsewhere")]
async fn bill(items: &[String]) -> Result<u64> {
    let mut sum = 0;
    for item in items {
        sum += price(item.clone()).await?;
    }
    Ok(sum)
}

/// It is declared to be refused, and called by nobody.
#[durable(service = "elsewhere")]
async fn send(order: &str) -> Result<String> {
    ship(order, "tea").await
}

/// Serves `elsewhere` in this process.
async fn join(server: &Server) -> Result<Resonate, StartError> {
    let worker = Resonate::builder().url(&server.url).name("here");
    worker.serve(["elsewhere"]).start().await
}

fn wait_for_workers(server: &Server, count: usize) {
    eventually("the workers are registered", || {
        let workers = server.cli(&["workers", "--json"]).stdout;
        String::from_utf8_lossy(&workers).lines().count() == count
    });
}

/// Where a line with this text is, as messages say it.
fn place(file: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = std::fs::read_to_string(path).unwrap();
    let line = source.lines().position(|line| line.contains(text)).unwrap();
    format!("{file}:{}", line + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_calls_a_function_in_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let url = format!("RESONATE_URL={}", server.url);
    let back = example("two_services").display().to_string();
    let args = [url.as_str(), &back, "back"];
    let _back = Process::start(folder.path(), "back", Path::new("env"), &args);
    let here = join(&server).await.unwrap();
    let items = ["tea".to_owned(), "cake".to_owned()];
    assert_eq!(here.call(bill(&items).id("order")).await.unwrap(), 770);
    let answer = here.call(bill(&["rum".to_owned()]).id("other")).await;
    let error = format!("{:#}", answer.unwrap_err());
    assert!(error.contains("we have no rum"), "{error}");
    here.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_that_differs_is_refused_naming_the_parameter() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let data = folder.path().join("shop").display().to_string();
    let args = ["warehouse", "--url", &server.url, "--data-dir", &data];
    let program = example("checkout");
    let mut warehouse = Process::start(folder.path(), "warehouse", &program, &args);
    wait_for_workers(&server, 1);
    let refused = join(&server).await.unwrap_err();
    let declared = place("tests/process/elsewhere.rs", "async fn ship");
    let served = place("examples/checkout/warehouse.rs", "async fn ship");
    assert_eq!(
        refused.to_string(),
        format!(
            "the server at {} refuses this worker (signature): warehouse/ship@1 differs: \
             parameter 2 is `item: String` here (declared at {declared}), \
             parameter 2 is `item: Item` in the worker warehouse (served at {served}); \
             make them equal, or give the changed function another version",
            server.url
        )
    );
    assert!(warehouse.is_running(), "who was first stays");
    // Whoever comes first is right.
    warehouse.kill();
    wait_for_workers(&server, 0);
    let here = join(&server).await.unwrap();
    let mut warehouse = Process::start(folder.path(), "late", &program, &args);
    assert!(!warehouse.wait().success());
    let told = warehouse.output();
    let expected = format!(
        "warehouse/ship@1 differs: parameter 2 is `item: Item` here (served at {served}), \
         parameter 2 is `item: String` in the worker here (declared at {declared}); \
         make them equal, or give the changed function another version"
    );
    assert!(told.contains(&expected), "{told}");
    here.shutdown().await;
}
