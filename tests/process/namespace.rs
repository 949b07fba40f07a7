//! A network namespace with a wire to this one, on which packets can be dropped; where the machine permits it.
//!
//! Made of `ip` and `tc` only: a drop is a classic BPF program of a few instructions on this end of the wire.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::network::Way;

/// Everything is dropped: return 2, which is to drop.
const ALL: &str = "1,6 0 0 2,";

/// A namespace. It and the wire are gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
    device: String,
    /// The address of this end.
    pub(crate) here: String,
}

impl Namespace {
    /// A new one, or why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        // Of each process a few, in the range that is kept for measurements.
        let nth = MADE.fetch_add(1, Ordering::Relaxed);
        let net = (std::process::id().wrapping_mul(16) + nth) % (1 << 15);
        let address = |last: u32| {
            format!(
                "198.{}.{}.{}",
                18 + (net >> 14),
                net >> 6 & 255,
                (net & 63) * 4 + last
            )
        };
        let (name, device) = (format!("resonate-{net}"), format!("rn{net}"));
        let space = Self {
            here: address(1),
            device,
            name,
        };
        let (name, device, here, there) = (&space.name, &space.device, &space.here, address(2));
        let inside = format!("rm{net}");
        ip(&format!("netns add {name}"))?;
        ip(&format!(
            "link add {device} type veth peer name {inside} netns {name}"
        ))?;
        ip(&format!("addr add {here}/30 dev {device}"))?;
        ip(&format!("link set {device} up"))?;
        ip(&format!("-n {name} addr add {there}/30 dev {inside}"))?;
        ip(&format!("-n {name} link set {inside} up"))?;
        tc(&format!("qdisc add dev {device} clsact"))?;
        // Proves that it can be done, too.
        space.cut(Way::Both)?;
        space.heal()?;
        Ok(space)
    }

    /// The command that runs what follows it inside.
    pub(crate) fn under(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// From now on everything is lost this way, and nobody is told.
    pub(crate) fn cut(&self, way: Way) -> Result<(), String> {
        self.drop_packets(way, ALL)
    }

    /// Loses so many percent of all packets, both ways.
    pub(crate) fn lose(&self, percent: u32) -> Result<(), String> {
        // A random number, its low half, and what is above goes on; -1 is to go on.
        let above = (1 << 16) * percent / 100;
        let some =
            format!("5,32 0 0 4294963256,84 0 0 65535,53 1 0 {above},6 0 0 2,6 0 0 4294967295,");
        self.drop_packets(Way::Both, &some)
    }

    /// Nothing is lost any more.
    pub(crate) fn heal(&self) -> Result<(), String> {
        let device = &self.device;
        for hook in ["ingress", "egress"] {
            tc(&format!("filter del dev {device} {hook}"))?;
        }
        Ok(())
    }

    fn drop_packets(&self, way: Way, program: &str) -> Result<(), String> {
        let device = &self.device;
        for hook in way.hooks() {
            let filter = format!("filter add dev {device} {hook} pref 1 bpf bytecode");
            run("tc", filter.split(' ').chain([program, "direct-action"]))?;
        }
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The wire goes with it; what cannot be removed was not made.
        let _gone = ip(&format!("link del {}", self.device));
        let _gone = ip(&format!("netns del {}", self.name));
    }
}

fn ip(args: &str) -> Result<(), String> {
    run("ip", args.split(' '))
}

fn tc(args: &str) -> Result<(), String> {
    run("tc", args.split(' '))
}

fn run<'a>(program: &str, args: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let done = Command::new(program).args(args).output();
    let done = done.map_err(|error| format!("no {program} here: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let said = said.lines().next().unwrap_or_default();
    done.status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{program}: {said}"))
}
