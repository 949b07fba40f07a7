//! The schedules that `#[durable(schedule = "..")]` says: created when a worker that serves the function starts.

use std::{collections::BTreeMap, panic::Location, sync::Arc, time::Duration};

use resonate_core::{NewSchedule, Overlap, Plan, PromiseId, Timing};
use tokio::{runtime::Handle, time::timeout};

use super::StartError;
use crate::{
    Result, call::Request, client::Client, function::Definition, limits, registry::Registry, say,
    settings::Settings, testing::gate,
};

/// How late a firing may be after a downtime.
const CATCH_UP: Duration = Duration::from_secs(3_600);

/// The functions that are served here and have a schedule; of several versions the highest.
pub(super) struct Planned(Vec<(PromiseId, &'static Definition)>);

impl Planned {
    /// # Errors
    /// A time zone that is none, or a calendar that has no such day.
    pub(super) fn of(registry: &Registry, services: &[String]) -> Result<Self, StartError> {
        let mut planned = BTreeMap::new();
        for function in registry.iter() {
            let is_served = services.iter().any(|service| service == function.service);
            let Some((cron, timezone)) = function.options.schedule.filter(|_| is_served) else {
                continue;
            };
            let refused = |why: String| StartError::Schedule {
                function: function.address().to_string(),
                location: function.location(),
                why,
            };
            Timing::parse(cron, timezone).map_err(|bad| refused(bad.to_string()))?;
            let id = format!("{}/{}", function.service, function.name);
            let id = PromiseId::user_root(id).map_err(|bad| refused(bad.to_string()))?;
            // Addresses come in the order of their versions.
            planned.insert(id, function);
        }
        Ok(Self(planned.into_iter().collect()))
    }

    /// Creates them. A server that is not there gets them when it is.
    ///
    /// # Errors
    /// The server refuses one.
    pub(super) async fn create(
        self,
        client: &Client,
        settings: &Arc<Settings>,
        io: &Handle,
    ) -> Result<(), StartError> {
        let mut asked = Vec::new();
        for (id, function) in self.0 {
            let refused = move |why: String| StartError::Schedule {
                function: function.address().to_string(),
                location: function.location(),
                why,
            };
            let plan = plan(function, settings).map_err(|error| refused(error.to_string()))?;
            let client = client.clone();
            let created = gate::spawn(io, async move {
                let created = client.schedule(NewSchedule { id, plan }).await;
                if let Err(error) = &created {
                    let (function, location) = (function.address(), function.location());
                    say::warn(format_args!(
                        "the schedule of {function} ({location}) is not created: {error}"
                    ));
                }
                created.map(|_| ()).map_err(|error| error.to_string())
            });
            asked.push((created, refused));
        }
        for (created, refused) in asked {
            match timeout(limits::FIRST_LOOK, created).await {
                Ok(Ok(Err(why))) => return Err(refused(why)),
                // Created, still asked, or this process ends.
                Ok(Ok(Ok(())) | Err(_)) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn plan(function: &'static Definition, settings: &Settings) -> Result<Plan> {
    let (cron, timezone) = function.options.schedule.unwrap_or_default();
    let request = Request::of_nobody(function, Location::caller());
    let (call, timeout) = request.into_scheduled(settings.retry)?;
    Ok(Plan {
        cron: cron.to_owned(),
        timezone: timezone.to_owned(),
        overlap: Overlap::Skip,
        catch_up: CATCH_UP,
        call: Arc::new(call),
        timeout,
    })
}
