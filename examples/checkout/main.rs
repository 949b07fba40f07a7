//! 1,000 orders through three services: `shop` calls `payments` and `warehouse`, a server keeps what happened.
//!
//! Read `shop` first: it is what one writes with resonate. `payments` and `warehouse` are the services it calls; `books`
//! and `shelf` are what these keep, a database and files that know nothing of resonate. `submit` gives the orders;
//! `ledger` has the last word.

mod answers;
mod arguments;
mod books;
mod effects;
mod ledger;
mod orders;
mod payments;
mod progress;
#[path = "../shared/say.rs"]
mod say;
mod shelf;
mod shop;
mod submit;
mod warehouse;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use resonate::prelude::*;
use tokio::signal;
use tracing_subscriber::EnvFilter;

use self::{
    answers::Answers,
    arguments::{Arguments, Common, Role, Shop},
    books::Books,
    ledger::Facts,
    orders::Orders,
    progress::Progress,
    say::say,
    shelf::{Shelf, Stock},
};

/// What shells expect of a program that Ctrl-C has ended.
const STOPPED: u8 = 130;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).init();
    let Arguments { role, common } = Arguments::parse();
    match role {
        None => everything(&common).await,
        Some(Role::Shop(shop)) => serve_shop(&common, shop).await,
        Some(Role::Payments) => serve_payments(&common).await,
        Some(Role::Warehouse) => serve_warehouse(&common).await,
        Some(Role::Approve { id, no }) => approve(&common, id, !no).await,
        Some(Role::Verify) => verify(
            &common,
            &Orders::load(common.orders.as_deref(), common.limit)?,
        ),
    }
}

/// Server and all services in this process.
async fn everything(common: &Common) -> Result<ExitCode> {
    let orders = Orders::load(common.orders.as_deref(), common.limit)?;
    if is_answered(common, &orders)? {
        say!(
            "all {} orders were answered before; nothing is left but to check the books",
            orders.len()
        );
        return verify(common, &orders);
    }
    let builder = common
        .builder()
        .serve(["shop", "payments", "warehouse"])
        .provide(Books::open(&common.data_dir)?)
        .provide(Shelf::open(
            &common.data_dir,
            Stock::load(common.stock.as_deref())?,
        )?);
    let resonate = match &common.url {
        Some(url) => builder.url(url).start().await?,
        None => {
            builder
                .data_dir(common.data_dir.join("server"))
                .listen(&common.listen)
                .start()
                .await?
        }
    };
    order_everything(common, &orders, &resonate, true, Duration::ZERO).await
}

async fn serve_shop(common: &Common, shop: Shop) -> Result<ExitCode> {
    let orders = Orders::load(common.orders.as_deref(), common.limit)?;
    let services = if shop.submit_only {
        vec![]
    } else {
        vec!["shop"]
    };
    let resonate = common
        .builder()
        .url(common.url())
        .name("shop")
        .serve(services)
        .start()
        .await?;
    if shop.serve_only {
        resonate.run_until_shutdown().await?;
        return Ok(ExitCode::SUCCESS);
    }
    if !shop.approve {
        for approval in orders.iter().filter_map(orders::Order::approval) {
            say!("{approval}: needs a person; say yes with: checkout approve {approval}");
        }
    }
    order_everything(
        common,
        &orders,
        &resonate,
        shop.approve,
        Duration::from_millis(shop.pace),
    )
    .await
}

async fn serve_payments(common: &Common) -> Result<ExitCode> {
    let books = Books::open(&common.data_dir)?;
    let builder = common
        .builder()
        .url(common.url())
        .name("payments")
        .serve(["payments"]);
    builder
        .provide(books)
        .start()
        .await?
        .run_until_shutdown()
        .await?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_warehouse(common: &Common) -> Result<ExitCode> {
    let shelf = Shelf::open(&common.data_dir, Stock::load(common.stock.as_deref())?)?;
    let builder = common
        .builder()
        .url(common.url())
        .name("warehouse")
        .serve(["warehouse"]);
    builder
        .provide(shelf)
        .start()
        .await?
        .run_until_shutdown()
        .await?;
    Ok(ExitCode::SUCCESS)
}

async fn approve(common: &Common, id: String, yes: bool) -> Result<ExitCode> {
    let approval = if id.contains('.') {
        id
    } else {
        format!("{id}.approval")
    };
    let resonate = common.builder().url(common.url()).serve([]).start().await?;
    let is_first = resonate.resolve(&approval, &yes).await?;
    say!(
        "{approval}: {}",
        if is_first {
            "told"
        } else {
            "was settled before"
        }
    );
    resonate.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Gives all orders, waits for them, and checks.
async fn order_everything(
    common: &Common,
    orders: &Orders,
    resonate: &Resonate,
    approves: bool,
    pace: Duration,
) -> Result<ExitCode> {
    let mut answers = Answers::open(&common.data_dir)?;
    let progress = Progress::new(orders.len());
    let work = async {
        let approval = async {
            if approves {
                submit::approve_all(orders, &progress).await
            } else {
                Ok(())
            }
        };
        try_join!(
            submit::submit(orders, &mut answers, &progress, pace),
            approval
        )
    };
    let is_done = select! {
        done = work => done.map(|_| true)?,
        stopped = interrupted() => stopped.map(|()| false)?,
    };
    progress.finish();
    resonate.shutdown().await;
    if !is_done {
        let (answered, orders) = (progress.answered(), orders.len());
        say!("stopped at {answered} of {orders} orders; start it again to go on");
        return Ok(ExitCode::from(STOPPED));
    }
    verify(common, orders)
}

/// Waits for Ctrl-C, or for the signal that stops a service.
async fn interrupted() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        select! {
            pressed = signal::ctrl_c() => pressed?,
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await?;
    Ok(())
}

/// True if an earlier start was told what became of every order.
fn is_answered(common: &Common, orders: &Orders) -> Result<bool> {
    let known = answers::read(&common.data_dir)?;
    Ok(orders.iter().all(|order| known.contains_key(&order.id)))
}

/// Prints the verdict.
fn verify(common: &Common, orders: &Orders) -> Result<ExitCode> {
    let Some(facts) = Facts::read(&common.data_dir)? else {
        let folder = common.data_dir.display();
        say!("books or labels are not in {folder}; `checkout verify` must run where they are");
        return Ok(if is_answered(common, orders)? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    };
    let verdict = ledger::check(orders, &Stock::load(common.stock.as_deref())?, &facts);
    say!("{verdict}");
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
