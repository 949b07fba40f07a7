//! Spans of executions and calls, one trace over all of them, and silence in replay.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use resonate::{TraceContext, prelude::*, trace::Quiet, trace_context};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    info, span,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use crate::world::World;

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[durable(service = "traces")]
async fn above() -> Result<Vec<String>> {
    info!("begins");
    let one = below().remote().await?;
    info!("goes on");
    let two = below().id("a_root").await?;
    promise::<bool>("go").await?;
    info!("ends");
    Ok(vec![here(), one, two])
}

#[durable(service = "traces")]
async fn below() -> Result<String> {
    step(|| async { Ok::<_, Error>(here()) }).await
}

fn here() -> String {
    trace_context().unwrap().to_string()
}

/// What was traced: spans by id and fields, events with the span they are in.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Fields>>>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let name = attributes.metadata().name();
        fields.0.insert("name", name.to_owned());
        cx.span(id).unwrap().extensions_mut().insert(fields);
    }
    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        let span = cx.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }
    fn on_event(&self, event: &tracing::Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(span) = cx.lookup_current() else {
            return;
        };
        let Fields(around) = span.extensions().get::<Fields>().unwrap().clone();
        fields.0.insert("in", around["id"].clone());
        self.0.lock().unwrap().push(fields);
    }
    fn on_close(&self, id: span::Id, cx: Context<'_, S>) {
        let fields = cx
            .span(&id)
            .unwrap()
            .extensions()
            .get::<Fields>()
            .unwrap()
            .clone();
        self.0.lock().unwrap().push(fields);
    }
}

impl Seen {
    /// Of every span of this name: these of its fields.
    fn spans(&self, name: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let seen = self.0.lock().unwrap();
        let named = seen
            .iter()
            .filter(|is| is.0.get("name").is_some_and(|is| is == name));
        let pick = |is: &Fields| {
            let text = |field: &&str| is.0.get(*field).cloned().unwrap_or_default();
            fields.iter().map(text).collect()
        };
        named.map(pick).collect()
    }

    fn messages(&self, id: &str) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        let own = seen
            .iter()
            .filter(|is| is.0.get("in").is_some_and(|is| is == id));
        own.filter_map(|is| is.0.get("message").cloned()).collect()
    }
}

fn hex(context: &TraceContext) -> [String; 3] {
    let span = |id: u64| format!("{id:016x}");
    [
        format!("{:032x}", context.trace_id()),
        span(context.span_id()),
        context.parent_id().map(span).unwrap_or_default(),
    ]
}

#[tokio::test]
async fn a_call_over_workers_is_one_trace_and_its_replay_says_nothing_twice() {
    let seen = Seen::default();
    // With one subscriber in the process, a thread without it decides for all whether a span is of interest.
    let _second = tracing::Dispatch::new(Registry::default());
    let subscriber = Registry::default().with(seen.clone()).with(Quiet);
    let _set = tracing::subscriber::set_default(subscriber);
    let world = World::serving(&[]).await;
    let worker = world.join(&["traces"]).await;
    let given = TraceContext::read(GIVEN).unwrap();
    let calling = world.begin(above().id("a").trace(given));
    world.until_state("a.go", "pending").await;
    world.until_state("a", "suspended").await;
    worker.shutdown().await;
    let next = world.join(&["traces"]).await;
    world.resonate.resolve("a.go", &true).await.unwrap();
    let contexts = calling.await.unwrap().unwrap().unwrap();
    next.shutdown().await;

    // Each is where it says, whoever computes it.
    let read = |text: &String| TraceContext::read(text).unwrap();
    let [own, child, root] = [0, 1, 2].map(|nth| read(&contexts[nth]));
    for context in [own, child, root] {
        assert_eq!(context.trace_id(), given.trace_id());
    }
    let fields = ["id", "attempt", "trace_id", "span_id", "parent_id"];
    let executions = seen.spans("execution", &fields);
    let of = |id: &str| {
        let own: Vec<_> = executions.iter().filter(|fields| fields[0] == id).collect();
        own.into_iter().cloned().collect::<Vec<_>>()
    };
    // The second body, a replay, has the ids of the first.
    let bodies = of("a");
    assert_eq!(bodies.len(), 2, "{executions:?}");
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(
        bodies[0][1..4],
        ["1".to_owned(), hex(&own)[0].clone(), hex(&own)[1].clone()]
    );
    assert_eq!(of("a.below")[0][3], hex(&child)[1]);
    assert_eq!(of("a_root")[0][3], hex(&root)[1]);

    // Calls: once each, below the caller's call, above the callee's attempt.
    let calls = seen.spans("call", &["id", "span_id", "parent_id", "function"]);
    let ids: Vec<_> = calls.iter().map(|call| call[0].as_str()).collect();
    assert_eq!(ids, ["a.below", "a_root"]);
    for (call, id) in calls.iter().zip(["a.below", "a_root"]) {
        assert_eq!(
            call[1],
            of(id)[0][4],
            "the attempt of {id} is below its call"
        );
        assert_eq!(
            call[2], bodies[0][4],
            "the call of {id} is below its caller's"
        );
    }
    assert_eq!(seen.messages("a"), ["begins", "goes on", "ends"]);
}

#[tokio::test]
async fn outside_there_is_no_place_in_a_trace() {
    assert_eq!(trace_context(), None);
    let world = World::serving(&["traces"]).await;
    // A header that says nothing begins a trace of its own, which is the same for each who asks.
    let call = below().id("alone").trace(TraceContext::read("nonsense"));
    let context = TraceContext::read(&world.call(call).await.unwrap()).unwrap();
    assert_ne!(
        context.trace_id(),
        TraceContext::read(GIVEN).unwrap().trace_id()
    );
}
