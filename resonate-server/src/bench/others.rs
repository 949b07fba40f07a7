//! The processes beside this one, and what they have used.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

/// A server in a process of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
}

/// A server's figures at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) cpu: Duration,
    pub(crate) commits: u64,
    pub(crate) resident_bytes: u64,
    pub(crate) ready_after: Duration,
}

impl Server {
    pub(crate) fn start(data_dir: &Path) -> Result<Self, String> {
        let mut command = own()?;
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let mut ready = String::new();
        let output = child.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output)
            .read_line(&mut ready)
            .map_err(|error| format!("the server says nothing: {error}"))?;
        let ready: Value = serde_json::from_str(&ready)
            .map_err(|_| format!("the server did not start: {ready}"))?;
        let url = ready
            .get("url")
            .and_then(Value::as_str)
            .ok_or("the server does not say where it is")?;
        Ok(Self {
            url: url.to_owned(),
            child,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn look(&self) -> Result<Look, String> {
        let asked = own()?
            .args(["info", "--output", "json", "--server", &self.url])
            .output();
        let output = asked.map_err(|error| format!("cannot ask the server: {error}"))?;
        let info: Value = serde_json::from_slice(&output.stdout).map_err(|_| {
            format!(
                "the server does not answer: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        let field = |name: &str| {
            info.get(name)
                .and_then(Value::as_u64)
                .ok_or_else(|| format!("the server does not say {name}"))
        };
        Ok(Look {
            cpu: Duration::from_micros(field("cpu_us")?),
            commits: field("commits")?,
            resident_bytes: field("resident_bytes")?,
            ready_after: Duration::from_micros(field("ready_after_us")?),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// The other worker; killed when dropped.
#[derive(Debug)]
pub(crate) struct Leaf {
    child: Child,
}

impl Leaf {
    pub(crate) fn start(url: &str) -> Result<Self, String> {
        let child = own()?
            .args(["bench", "--profile", "call", "--leaf-of", url])
            .spawn();
        Ok(Self {
            child: child.map_err(|error| format!("the other worker does not start: {error}"))?,
        })
    }

    /// Processor time so far, where the system tells.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        cpu_of(&self.child.id().to_string())
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Processor time of this process so far, where the system tells.
pub(crate) fn own_cpu() -> Option<Duration> {
    cpu_of("self")
}

/// User and system time, in ticks of 10 ms, as Linux counts them.
fn cpu_of(process: &str) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn own() -> Result<Command, String> {
    let path =
        std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    Ok(Command::new(path))
}

fn stop(child: &mut Child) {
    // It may have ended by itself.
    let _gone = child.kill();
    let _ended = child.wait();
}
