//! What the URL of a promise answers: how the promise is, and a way to settle it. On the port of everything else.
//!
//! Whoever has the URL may settle this one promise and nothing more. Looking changes nothing, so what opens the links of a
//! mail to see where they lead settles nothing. No header lets pages of other origins in, and nothing here is logged: a
//! URL in a log is a key in a log.

mod answer;
mod page;

use std::sync::Arc;

use axum::{
    Router,
    body::{Bytes, HttpBody as _},
    extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use resonate_core::{
    CapabilityKey, Outcome, Payload, PromiseId, Reply, Request as Asked, limits::PAYLOAD_BYTES,
};
use serde::de::IgnoredAny;
use tokio::{sync::Semaphore, time::timeout};

use self::answer::{Answer, No};
use crate::{
    engine::thread::Handle,
    limits::{URL_BODIES, URL_BODY_WITHIN},
};

/// Below it, and nowhere else, lie the URLs of promises.
const PATH: &str = "/p/";

/// Answers whoever has a URL.
#[derive(Debug)]
struct Urls {
    engine: Handle,
    key: CapabilityKey,
    /// A place for each body that is read.
    room: Semaphore,
}

/// The URLs of all promises over one engine.
pub(super) fn routes(engine: Handle, key: CapabilityKey) -> Router {
    let urls = Urls {
        engine,
        key,
        room: Semaphore::new(URL_BODIES),
    };
    let below = Router::new()
        .route("/{token}", get(look).post(resolve))
        .route("/{token}/reject", post(reject))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(PAYLOAD_BYTES))
        .with_state(Arc::new(urls));
    Router::new().route(PATH, any(nothing)).nest("/p", below)
}

/// Lets nothing but URLs of promises be asked over HTTP/1, and one request per connection.
///
/// A browser can be made to send a request of HTTP/1 to an address of its own machine by any page. The services must not
/// be reached that way: they rely on who can connect.
pub(super) async fn only_urls_over_http1(request: Request, next: Next) -> Response {
    if Version::HTTP_2 <= request.version() {
        return next.run(request).await;
    }
    let mut response = if request.uri().path().starts_with(PATH) {
        next.run(request).await
    } else {
        Answer::from(No::Nothing).into_response()
    };
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

type Shared = State<Arc<Urls>>;

async fn look(State(urls): Shared, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let looked = async {
        let id = urls.promise(&token)?;
        urls.ask(Asked::Get { id }).await
    };
    Answer::new(looked.await).shown(&headers, &token)
}

async fn nothing() -> Answer {
    Answer::from(No::Nothing)
}

async fn resolve(urls: Shared, token: Path<String>, request: Request) -> Response {
    settle(urls, token, request, Outcome::Resolved).await
}

async fn reject(urls: Shared, token: Path<String>, request: Request) -> Response {
    settle(urls, token, request, Outcome::Rejected).await
}

async fn settle(
    State(urls): Shared,
    Path(token): Path<String>,
    request: Request,
    outcome: fn(Payload) -> Outcome,
) -> Response {
    let headers = request.headers().clone();
    let settled = async {
        // First of all: a stranger's body is not read.
        let id = urls.promise(&token)?;
        let outcome = outcome(payload(&urls.room, request).await?);
        urls.settle(id, outcome).await
    };
    Answer::new(settled.await).shown(&headers, &token)
}

impl Urls {
    fn promise(&self, token: &str) -> Result<PromiseId, No> {
        self.key.promise_of(token).ok_or(No::Nothing)
    }

    /// Settles it; whoever says again what was said is told that it is so.
    async fn settle(&self, id: PromiseId, outcome: Outcome) -> Result<answer::Found, No> {
        let settle = Asked::Settle {
            id: id.clone(),
            outcome: outcome.clone(),
            key: None,
        };
        match self.ask(settle).await {
            Err(No::Settled(earlier)) if says_the_same(&earlier, &outcome) => {
                self.ask(Asked::Get { id }).await
            }
            asked => asked,
        }
    }

    async fn ask(&self, asked: Asked) -> Result<answer::Found, No> {
        match self.engine.ask(asked).await.answer.map_err(No::from)? {
            Reply::Promise { record, .. } => Ok(answer::Found::of(&record.promise)),
            Reply::Claimed(_)
            | Reply::Held { .. }
            | Reply::Turn(_)
            | Reply::Story(_)
            | Reply::Done => Err(No::Broken(
                "the engine answered something else than was asked; please report it".to_owned(),
            )),
        }
    }
}

/// The JSON that a request carries, by itself or as what the form of the page sends.
async fn payload(room: &Semaphore, request: Request) -> Result<Payload, No> {
    // What says of itself that it is too large is not waited for.
    let said = request.body().size_hint().lower();
    if u64::try_from(PAYLOAD_BYTES).is_ok_and(|max| max < said) {
        let why = format!("the body has {said} bytes; at most {PAYLOAD_BYTES} are allowed");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(No::Unread { status, why });
    }
    let reading = async {
        let _place = room.acquire().await;
        Bytes::from_request(request, &()).await
    };
    let body = timeout(URL_BODY_WITHIN, reading).await;
    let body = body.map_err(|_| No::Slow)?.map_err(|no| No::Unread {
        status: no.status(),
        why: no.body_text(),
    })?;
    let text = str::from_utf8(&body).map_err(|error| No::NotJson(error.to_string()))?;
    let text = text.strip_prefix("value=").unwrap_or(text).trim();
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| No::NotJson(error.to_string()))?;
    Ok(Payload::json(text.to_owned()))
}

/// Whether these are the same value, however it is written.
fn says_the_same(earlier: &Outcome, outcome: &Outcome) -> bool {
    let (earlier, said) = match (earlier, outcome) {
        (Outcome::Resolved(earlier), Outcome::Resolved(said))
        | (Outcome::Rejected(earlier), Outcome::Rejected(said)) => (earlier, said),
        (_, _) => return false,
    };
    let value = |payload: &Payload| serde_json::from_slice::<serde_json::Value>(&payload.data);
    earlier.encoding == said.encoding
        && matches!((value(earlier), value(said)), (Ok(earlier), Ok(said)) if earlier == said)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use axum::body::Body;
    use tokio::time::Instant;
    use tokio_stream::{StreamExt as _, pending};

    use super::*;

    async fn read(room: &Semaphore, body: Body) -> Result<Payload, No> {
        // As `routes` does.
        let mut request = Request::new(body);
        DefaultBodyLimit::max(PAYLOAD_BYTES).apply(&mut request);
        payload(room, request).await
    }

    /// These chunks, and then nothing, without an end.
    fn unending(chunks: Vec<Vec<u8>>) -> Body {
        let chunks = tokio_stream::iter(chunks).chain(pending());
        Body::from_stream(chunks.map(Ok::<_, Infallible>))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_given_up() {
        let (room, began) = (Semaphore::new(1), Instant::now());
        let slow = read(&room, unending(vec![b"tr".to_vec()])).await;
        assert!(matches!(slow, Err(No::Slow)), "{slow:?}");
        assert_eq!(began.elapsed().as_secs(), URL_BODY_WITHIN.as_secs());
        assert_eq!(room.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_told_so_in_time() {
        let room = Semaphore::new(0);
        let slow = read(&room, Body::from("true")).await;
        assert!(matches!(slow, Err(No::Slow)), "{slow:?}");
        room.add_permits(1);
        assert_eq!(
            read(&room, Body::from("true")).await.unwrap(),
            Payload::json("true")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_say_how_large_it_is_is_cut_off() {
        let began = Instant::now();
        let chunk = vec![b' '; PAYLOAD_BYTES / 2 + 1];
        let large = read(&Semaphore::new(1), unending(vec![chunk.clone(), chunk])).await;
        let too_large = StatusCode::PAYLOAD_TOO_LARGE;
        assert!(
            matches!(&large, Err(no) if no.status() == too_large),
            "{large:?}"
        );
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
