//! What clients and a worker do to a server under the recorder.

use resonate::prelude::*;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    client::{Client, look},
    harness::Process,
    log::Op,
    site::{Program, Site},
};

/// Clients at the same time, so that a commit has more than one of them.
const LANES: usize = 4;

/// How much is asked for between a start and an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// Promises that each lane creates; most of them it settles or cancels.
    pub(crate) promises: usize,
    /// Bytes of their values.
    pub(crate) bytes: usize,
    /// Calls that the worker runs meanwhile.
    pub(crate) calls: usize,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Asked,
    Killed,
}

#[durable(service = "mill")]
async fn grind(grains: u64) -> Result<u64> {
    let weighed = step(|| async { Ok::<_, Error>(10) }).await?;
    let (sifted, again) = (sift(grains), sift(grains + 1));
    let (sifted, again) = (sifted.spawn(), again.spawn());
    Ok(weighed + sifted.await? + again.await?)
}

#[durable(service = "mill")]
async fn sift(grains: u64) -> Result<u64> {
    let weighed = step(|| async { Ok::<_, Error>(1) }).await?;
    Ok(grains + weighed)
}

/// Serves once per phase, and gives what was recorded.
pub(crate) fn record(site: &mut Site, program: Program, phases: &[(Phase, End)]) -> Vec<Op> {
    let runtime = Runtime::new().unwrap();
    for (nth, (phase, end)) in phases.iter().enumerate() {
        let mut server = site.start(program, None);
        runtime.block_on(run(site, &mut server, nth, *phase));
        finish(&mut server, *end);
    }
    site.recorded()
}

pub(crate) fn finish(server: &mut Process, end: End) {
    match end {
        End::Killed => server.kill(),
        End::Asked => {
            server.signal("TERM");
            let status = server.wait();
            assert!(status.success(), "{status}: {}", server.output());
        }
    }
}

async fn run(site: &Site, server: &mut Process, nth: usize, phase: Phase) {
    let client = Client::connect(&site.url(), server).await;
    let client = client.unwrap_or_else(|| panic!("the server does not serve: {}", server.output()));
    let through = Resonate::builder()
        .url(site.url())
        .serve(["mill"])
        .start()
        .await
        .unwrap();
    let through = std::sync::Arc::new(through);
    let marks = std::sync::Arc::new(site.marks.again());
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (mut client, marks, through) = (client.clone(), marks.clone(), through.clone());
        lanes.spawn(async move {
            for n in 0..phase.promises {
                let id = format!("p-{nth}-{lane}-{n}-{}", phase.bytes);
                client.create(&marks, &id).await.unwrap();
                match n % 5 {
                    0 => client.cancel(&marks, &id).await.unwrap(),
                    1 => {}
                    _ => client.settle(&marks, &id).await.unwrap(),
                }
                if lane == 0 && n % 8 == 3 {
                    look(&through, &marks).await.unwrap();
                }
            }
        });
    }
    for n in 0..phase.calls {
        let (marks, through) = (marks.clone(), through.clone());
        lanes.spawn(async move {
            let (id, grains) = (format!("w-{nth}-{n}"), n as u64);
            let ground = through.call(grind(grains).id(&id)).await.unwrap();
            assert_eq!(ground, 13 + 2 * grains);
            marks.mark(&format!("resolved {id}"));
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    through.shutdown().await;
}
