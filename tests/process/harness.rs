//! Real processes on loopback: started, killed, stopped and read.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long anything may take before a test gives up: generous, since the machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// How large a test is: 1 in `cargo test`, more from `RESONATE_SCALE` for campaigns.
pub(crate) fn scale() -> usize {
    let scale = std::env::var("RESONATE_SCALE").ok();
    let scale = scale.map(|scale| scale.parse().expect("RESONATE_SCALE is a whole number"));
    scale.unwrap_or(1).max(1)
}

/// Prints what a test has counted, on a line that scripts find.
pub(crate) fn figures(figures: &serde_json::Value) {
    println!("FIGURES {figures}");
}

/// Says that a test was skipped, and why: the machine does not have what it needs.
pub(crate) fn skipped(kind: &str, why: &str) {
    println!("SKIPPED {kind}: {why}");
    figures(&serde_json::json!({ "kind": kind, "skipped": why }));
}

/// The binary `resonate`, built as the tests are.
pub(crate) fn resonate() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built().join("resonate"))
}

/// An example of the root package, built as the tests are.
pub(crate) fn example(name: &str) -> PathBuf {
    built().join("examples").join(name)
}

/// Where binaries and examples are, after what was not up to date is built.
///
/// All at once and with the examples: so cargo chooses the features that it chose for the tests, and has nothing to do
/// after a plain `cargo test`. Where bugs are planted no example is run, and one of them is enough for that.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("the test has a path");
        let folder = test
            .ancestors()
            .nth(2)
            .expect("tests lie in <target>/<profile>/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--quiet", "--locked", "--workspace"]);
        cargo.args(if cfg!(feature = "mutants") {
            &[
                "--features",
                "mutants",
                "--bin",
                "resonate",
                "--example",
                "hello",
            ][..]
        } else {
            &["--bins", "--examples"]
        });
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        if let Some(target) = folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        assert!(
            cargo.status().expect("cargo runs").success(),
            "the programs under test do not build"
        );
        folder.to_owned()
    })
}

/// A port that was free a moment ago, and below those that systems give to outgoing connections: it stays free while
/// its server is restarted.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        // Two test runs at a time have other process ids, far apart here.
        let at = std::process::id().wrapping_mul(97) + TRIED.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + at % COUNT).expect("it is below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A process under test. It is killed when dropped; its output goes to a file that a failing test shows.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    child: Child,
    command: Vec<String>,
    log: PathBuf,
    pub(crate) kills: usize,
}

impl Process {
    pub(crate) fn start(folder: &Path, name: &str, program: &Path, args: &[&str]) -> Self {
        let mut command = vec![program.display().to_string()];
        command.extend(args.iter().map(ToString::to_string));
        let log = folder.join(format!("{name}.log"));
        let child = spawn(&command, &log);
        Self {
            name: name.to_owned(),
            child,
            command,
            log,
            kills: 0,
        }
    }

    /// SIGKILL, and the same command again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// The same command again, after its process has ended.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.command, &self.log);
    }

    /// SIGKILL: no destructor runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.kills += 1;
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// As the system numbers it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name: STOP, CONT, TERM.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status();
        assert!(
            sent.expect("sh runs").success(),
            "{}: cannot send SIG{signal}",
            self.name
        );
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_none()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually(&format!("{} ends", self.name), || {
            status = self.child.try_wait().expect("a child can be asked");
            status.is_some()
        });
        status.expect("it has ended")
    }

    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Resident memory in KiB, now and at most.
    pub(crate) fn memory_kib(&self) -> (u64, u64) {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        (field("VmRSS:").unwrap_or(0), field("VmHWM:").unwrap_or(0))
    }
}

fn spawn(command: &[String], log: &Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("the log can be written");
    let (program, args) = command.split_first().expect("a command has a program");
    Command::new(program)
        .args(args)
        .env_remove("RESONATE_URL")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = self.output();
            let tail: Vec<_> = output.lines().rev().take(30).collect();
            eprintln!("--- {} ---", self.name);
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// Asks again and again until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        pause(Duration::from_millis(20));
    }
}

/// Lets real processes go on; never a substitute for waiting for something.
pub(crate) fn pause(duration: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "real processes live in real time"
    )]
    std::thread::sleep(duration);
}

/// Runs the CLI against the server at this URL.
pub(crate) fn cli(url: &str, args: &[&str]) -> std::process::Output {
    Command::new(resonate())
        .args(args)
        .args(["--server", url])
        .stdin(Stdio::null())
        .output()
        .expect("the CLI starts")
}

/// The server on a data folder, and how to ask it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_under(&[], "127.0.0.1", folder, args)
    }

    /// The same, on this address, and run by this command, which ends in running what follows it.
    pub(crate) fn start_under(under: &[&str], host: &str, folder: &Path, args: &[&str]) -> Self {
        let listen = format!("{host}:{}", free_port());
        let data = folder.join("server");
        let program = resonate().to_str().expect("UTF-8");
        let own = [
            program,
            "serve",
            "--listen",
            &listen,
            "--data-dir",
            data.to_str().expect("UTF-8"),
        ];
        let all = [under, &own, args].concat();
        let (first, rest) = all.split_first().expect("it begins with a program");
        let process = Process::start(folder, "server", Path::new(first), rest);
        let server = Self {
            process,
            url: format!("http://{listen}"),
        };
        server.is_ready();
        server
    }

    /// Waits until it answers.
    pub(crate) fn is_ready(&self) {
        eventually("the server is ready", || {
            self.cli(&["list"]).status.success()
        });
    }

    /// Runs the CLI against it.
    pub(crate) fn cli(&self, args: &[&str]) -> std::process::Output {
        cli(&self.url, args)
    }

    /// Runs the CLI, demands that it succeeds, reads its JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut all = args.to_vec();
        all.push("--json");
        let output = self.cli(&all);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{args:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{args:?} printed no JSON: {error}\n{text}"))
    }
}
