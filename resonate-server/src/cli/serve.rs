//! `resonate serve` and `resonate dev`.

use std::path::Path;

use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::{
    args::{Dev, Network, Serve},
    code::{Code, Failed},
    output::{self, Output},
};
use crate::{Builder, Server, bind};

pub(super) async fn serve(args: &Serve, out: Output) -> Result<Code, Failed> {
    let folder: &Path = &args.data_dir;
    run(
        &args.network,
        Server::builder().data_dir(folder),
        &format!("data in {}", folder.display()),
        out,
    )
    .await
}

pub(super) async fn dev(args: &Dev, out: Output) -> Result<Code, Failed> {
    run(
        &args.network,
        Server::builder().in_memory(),
        "data in memory, gone when it ends",
        out,
    )
    .await
}

async fn run(
    network: &Network,
    builder: Builder,
    place: &str,
    out: Output,
) -> Result<Code, Failed> {
    log();
    // A port in use is the more likely mistake, and cheaper to find than a folder in use.
    let listener = bind(&network.listen, network.insecure_listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| Failed::new(Code::Broken, error))?;
    let builder = builder.lease(network.lease);
    let builder = match &network.public_url {
        Some(url) => builder.public_url(url),
        None => builder,
    };
    let tenants = network.tenant.iter();
    let builder = tenants.fold(builder, |builder, (tenant, weight)| {
        builder.tenant(tenant, *weight)
    });
    let server = builder.open().await?;
    let stop = shutdown().map_err(|error| Failed::new(Code::Broken, error))?;
    let version = env!("CARGO_PKG_VERSION");
    out.show(
        || json!({ "listening": address.to_string(), "url": format!("http://{address}"), "data": place, "version": version }),
        || format!("resonate {version} at http://{address}, {place}"),
    );
    server.serve(listener, stop).await?;
    Ok(Code::Ok)
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Whoever embeds the command may have a subscriber of their own.
    let _set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::has_colours())
        .try_init();
}

/// Ends at the first Ctrl-C or SIGTERM.
#[cfg(unix)]
fn shutdown() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// Ends at the first Ctrl-C.
#[cfg(not(unix))]
fn shutdown() -> std::io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Without the signal the process can only be ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
