//! A network that loses packets, or everything in one direction, or everything without telling anybody.
//!
//! Twice: with real packets in a network namespace, where that is permitted, and always through a proxy that stalls.
//! Both sides of a silent connection notice, work goes on elsewhere, and who lost its lease changes nothing.

use std::{collections::BTreeSet, fs, time::Duration};

use resonate::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    effects::{self, effect},
    harness::{Process, Server, eventually, figures, scale, skipped},
    namespace::Namespace,
    proxy::Proxy,
    worker::{self, How},
    zombie::Operation,
};

const LEASE: &str = "2s";
/// Keepalive: asked after 10 s of silence, given up after 5 s more; and some, since machines are shared.
const NOTICED_WITHIN: Duration = Duration::from_secs(15 + 10);
/// A worker believes in its lease for no longer than this.
const DROPPED_WITHIN: Duration = Duration::from_secs(2 + 5);
const LOSS_PERCENT: u32 = 30;
const CALLS: usize = 40;

/// Where nothing gets through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    ToServer,
    ToWorker,
    Both,
}

impl Way {
    const ALL: [Self; 3] = [Self::ToServer, Self::ToWorker, Self::Both];

    /// As the server's end of a wire sees it.
    pub(crate) fn hooks(self) -> &'static [&'static str] {
        match self {
            Self::ToServer => &["ingress"],
            Self::ToWorker => &["egress"],
            Self::Both => &["ingress", "egress"],
        }
    }
}

/// What is between a worker and its server.
enum Link {
    Packets(Namespace),
    Bytes(Proxy),
}

impl Link {
    fn cut(&self, way: Way) {
        match self {
            Self::Packets(space) => space.cut(way).unwrap(),
            Self::Bytes(proxy) => {
                proxy.hold(matches!(way, Way::ToServer | Way::Both));
                proxy.hold_answers(matches!(way, Way::ToWorker | Way::Both));
            }
        }
    }

    fn heal(&self) {
        match self {
            Self::Packets(space) => space.heal().unwrap(),
            Self::Bytes(proxy) => {
                proxy.hold(false);
                proxy.hold_answers(false);
            }
        }
    }
}

/// A server, and a worker behind a link.
struct Line {
    folder: tempfile::TempDir,
    server: Server,
    far: Process,
    link: Link,
}

impl Line {
    fn packets(services: &str) -> Result<Self, String> {
        let space = Namespace::start()?;
        let folder = tempfile::tempdir().unwrap();
        let args = ["--lease", LEASE, "--insecure-listen"];
        let server = Server::start_under(&[], &space.here, folder.path(), &args);
        let under = space.under();
        let how = How {
            under: &under,
            ..How::default()
        };
        let far = worker::start_as(how, folder.path(), "far", &server.url, services);
        Ok(Self {
            folder,
            server,
            far,
            link: Link::Packets(space),
        })
    }

    fn bytes(services: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--lease", LEASE]);
        let proxy = Proxy::start(&server.url, 0);
        let far = worker::start(folder.path(), "far", &proxy.url, services, None);
        Self {
            folder,
            server,
            far,
            link: Link::Bytes(proxy),
        }
    }

    /// The peers of the server's connections, as the kernel writes them.
    fn connections(&self) -> BTreeSet<String> {
        let port: u16 = self.server.url.rsplit(':').next().unwrap().parse().unwrap();
        let port = format!(":{port:04X}");
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let open = rows.filter(|row| row[1].ends_with(&port) && row[3] == "01");
        open.map(|row| row[2].to_owned()).collect()
    }

    /// A partition, from its beginning to after its end. What took how long, in milliseconds.
    fn partition(&self, way: Way) -> serde_json::Value {
        let (server, far) = (&self.server, &self.far);
        let operation = Operation::begin(self.folder.path(), server, "operation");
        operation.wait_for("begins_first", &[]);
        eventually("only the worker is connected", || {
            server.cli(&["list"]).status.success() && self.connections().len() <= 2
        });
        let connections = self.connections();
        assert!(!connections.is_empty());
        self.link.cut(way);
        let start = Instant::now();
        let near = worker::start(self.folder.path(), "near", &server.url, "ward", None);
        let mut took = [None; 3];
        eventually("everybody has noticed", || {
            let seen = [
                operation.has("dropped", far.id()),
                operation.has("begins_first", near.id()),
                self.connections().is_disjoint(&connections),
            ];
            for (took, _) in took.iter_mut().zip(seen).filter(|(_, is_seen)| *is_seen) {
                took.get_or_insert(start.elapsed());
            }
            took.iter().all(Option::is_some)
        });
        let [dropped, moved, freed] = took.map(Option::unwrap);
        assert!(
            dropped < DROPPED_WITHIN,
            "{way:?}: the worker believed in its lease for {dropped:?}"
        );
        assert!(
            freed < NOTICED_WITHIN,
            "{way:?}: the server noticed after {freed:?}"
        );
        // The far one makes its cut now, too late: work has gone on elsewhere.
        operation.open("first");
        operation.wait_for("begins_second", &[far.id()]);
        operation.wait_for("refused_cut_first", &[near.id()]);
        self.link.heal();
        let healed = Instant::now();
        eventually("the far one is back", || {
            let workers = server.cli(&["workers", "--json"]).stdout;
            String::from_utf8_lossy(&workers).lines().count() == 2
        });
        let back = healed.elapsed();
        operation.open("second");
        operation.check(server);
        let [dropped, moved, freed, back] =
            [dropped, moved, freed, back].map(|took| took.as_millis());
        json!({ "way": format!("{way:?}"), "worker_dropped_ms": dropped, "moved_ms": moved, "server_freed_ms": freed, "back_ms": back })
    }
}

/// Every way at once, by bytes and by packets, since most of the time is waiting.
#[test]
fn both_sides_notice_a_link_that_is_silent_and_the_one_without_a_lease_changes_nothing() {
    let is_permitted = Namespace::start().map(drop);
    for _ in 0..scale() {
        let by_bytes = Way::ALL.map(|way| ("network_proxy", way, Line::bytes("ward")));
        let mut lines = Vec::from(by_bytes);
        if is_permitted.is_ok() {
            let line = |way| ("network_packets", way, Line::packets("ward").unwrap());
            lines.extend(Way::ALL.map(line));
        }
        let took: Vec<_> = std::thread::scope(|scope| {
            let cut: Vec<_> = lines
                .iter()
                .map(|(_, way, line)| scope.spawn(|| line.partition(*way)))
                .collect();
            cut.into_iter().map(|cut| cut.join().unwrap()).collect()
        });
        for (lines, took) in lines.chunks(3).zip(took.chunks(3)) {
            figures(&json!({
                "kind": lines[0].0, "partitions": took.len(), "late_writes_refused": took.len(), "took": took,
            }));
        }
    }
    if let Err(why) = is_permitted {
        skipped("network_packets", &why);
    }
}

#[durable(service = "lossy")]
async fn carry(number: u64) -> Result<u64> {
    effect("carried");
    Ok(number)
}

#[test]
fn calls_end_although_a_third_of_all_packets_is_lost() {
    let kind = "network_loss";
    let line = match Line::packets("lossy") {
        Ok(line) => line,
        Err(why) => return skipped(kind, &why),
    };
    let Link::Packets(space) = &line.link else {
        unreachable!("it was just made")
    };
    space.lose(LOSS_PERCENT).unwrap();
    let (start, calls) = (Instant::now(), CALLS * scale());
    for nth in 0..calls {
        let id = format!("carry-{nth}");
        let args = format!("[{nth}]");
        let begun = line.server.cli(&[
            "call",
            "lossy/carry",
            "--id",
            &id,
            "--json",
            &args,
            "--no-wait",
        ]);
        assert!(begun.status.success(), "{begun:?}");
    }
    for nth in 0..calls {
        let done = line
            .server
            .json(&["get", &format!("carry-{nth}"), "--wait"]);
        assert_eq!(done["value"], nth, "{done}");
    }
    let runs = effects::read(line.folder.path()).len();
    figures(&json!({
        "kind": kind, "loss_percent": LOSS_PERCENT, "calls": calls, "runs": runs, "ms": start.elapsed().as_millis(),
    }));
    assert!(runs >= calls);
}
