//! The load of `resonate bench`: a server in a process of its own, a second worker in another, the caller in this one.
//!
//! [`functions`] is what is called, [`others`] are the processes beside this one, [`disk`] is the floor under all of it.

mod disk;
mod functions;
mod others;

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use resonate_runtime::Resonate;
use resonate_server::cli::bench::{Bench, Figures, Profile};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    functions::{CALLER, LEAF, METER, calls, steps},
    others::{Leaf, Server, own_cpu},
};

const WARM_UP: Duration = Duration::from_secs(2);
/// Operations of one execution; then another begins, so that histories stay short.
const BATCH: u32 = 200;

/// Measures; an error is a sentence for people.
pub(crate) fn run(bench: Bench) -> Result<Figures, String> {
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| format!("cannot start threads: {error}"))?;
    match &bench.leaf_of {
        Some(url) => runtime.block_on(serve_leaf(url)),
        None => runtime.block_on(measure(&bench)),
    }
}

/// The other worker: serves until it is killed.
async fn serve_leaf(url: &str) -> Result<Figures, String> {
    let worker = Resonate::builder()
        .url(url)
        .serve([LEAF])
        .concurrency(1_000)
        .start()
        .await;
    let worker = worker.map_err(|error| error.to_string())?;
    worker
        .run_until_shutdown()
        .await
        .map_err(|error| error.to_string())?;
    Err("the other worker was told to stop".to_owned())
}

async fn measure(bench: &Bench) -> Result<Figures, String> {
    let folder = bench.data_dir.join(std::process::id().to_string());
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let measured = measure_in(bench, &folder).await;
    // What is left behind harms nobody.
    let _left = fs::remove_dir_all(&folder);
    measured
}

async fn measure_in(bench: &Bench, folder: &std::path::Path) -> Result<Figures, String> {
    let fsync_p50 = disk::sync_floor(folder)
        .map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
    let server = Server::start(&folder.join("server"))?;
    let idle = server.look()?;
    let leaf = Leaf::start(server.url())?;
    let resonate = Resonate::builder()
        .url(server.url())
        .serve([CALLER])
        .concurrency(20_000);
    let resonate = resonate.start().await.map_err(|error| error.to_string())?;
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let mut load = JoinSet::new();
    for caller in 0..bench.concurrency {
        load.spawn(one_caller(bench.profile, caller, stop));
    }
    sleep(WARM_UP).await;
    let (before, cpu_before, start) = (server.look()?, own_cpu(), Instant::now());
    let leaf_before = leaf.cpu();
    METER.begin();
    sleep(Duration::from_secs(bench.seconds.into())).await;
    let histogram = METER.end();
    let (after, measured) = (server.look()?, start.elapsed());
    let worker_cpu = own_cpu().zip(leaf.cpu()).zip(cpu_before.zip(leaf_before));
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    resonate.shutdown().await;
    let quantile = |q| Duration::from_nanos(histogram.value_at_quantile(q));
    Ok(Figures {
        profile: bench.profile,
        concurrency: bench.concurrency,
        measured,
        operations: histogram.len(),
        p50: quantile(0.5),
        p99: quantile(0.99),
        p999: quantile(0.999),
        server_cpu: after.cpu.saturating_sub(before.cpu),
        worker_cpu: worker_cpu.map(|((own, leaf), (own_before, leaf_before))| {
            (own + leaf).saturating_sub(own_before + leaf_before)
        }),
        commits: after.commits - before.commits,
        memory: (idle.resident_bytes, after.resident_bytes),
        ready_after: idle.ready_after,
        fsync_p50,
    })
}

/// One execution after the other, until it is over.
async fn one_caller(
    profile: Profile,
    caller: u16,
    stop: &'static AtomicBool,
) -> Result<(), String> {
    let mut n = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        let id = format!("bench-{caller}-{n}");
        let done = match profile {
            Profile::Step => steps(BATCH).id(id).await,
            Profile::Call => calls(BATCH).id(id).await,
        };
        done.map_err(|error| error.to_string())?;
        n += 1;
    }
    Ok(())
}
