//! What is said to whoever has the URL of a promise, and every way to be told no.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use resonate_core::{Outcome, Promise, Refusal};
use serde_json::json;

use super::page;
use crate::engine::AskError;

/// How a promise is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) state: &'static str,
}

impl Found {
    pub(super) fn of(promise: &Promise) -> Self {
        Self {
            id: promise.id.to_string(),
            state: promise.state_name(),
        }
    }
}

/// Why not, each with its status.
#[derive(Debug, thiserror::Error)]
pub(super) enum No {
    #[error(
        "this is no URL of a promise of this server; it must be used as a whole, as it was given"
    )]
    Nothing,
    #[error("{0}; if the URL is new, try again in a moment")]
    NotFound(Refusal),
    #[error("it is settled already, otherwise: {}", .0.state())]
    Settled(Outcome),
    #[error("{0}")]
    Refused(Refusal),
    #[error("the body is no JSON: {0}; text is written \"text\", and nothing is written null")]
    NotJson(String),
    #[error("{why}")]
    Unread { status: StatusCode, why: String },
    #[error("the body took too long; send it again")]
    Slow,
    #[error("{0}")]
    NotNow(String),
    #[error("{0}")]
    Broken(String),
}

impl No {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Nothing | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Settled(_) => StatusCode::CONFLICT,
            Self::Refused(Refusal::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::NotJson(_) => StatusCode::BAD_REQUEST,
            Self::Unread { status, .. } => *status,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<AskError> for No {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(Refusal::AlreadySettled { outcome, .. }) => Self::Settled(outcome),
            AskError::Refused(refusal @ Refusal::NotFound(_)) => Self::NotFound(refusal),
            AskError::Refused(refusal) => Self::Refused(refusal),
            AskError::NoRoom(why) | AskError::Unavailable(why) => Self::NotNow(why),
        }
    }
}

/// An answer: how the promise is, or no.
#[derive(Debug)]
pub(super) struct Answer(Result<Found, No>);

impl From<No> for Answer {
    fn from(no: No) -> Self {
        Self(Err(no))
    }
}

impl Answer {
    pub(super) fn new(found: Result<Found, No>) -> Self {
        Self(found)
    }

    /// As a page for a browser, and as JSON for everybody else.
    pub(super) fn shown(self, headers: &HeaderMap, token: &str) -> Response {
        let accepts = headers.get(header::ACCEPT);
        let accepts = accepts.and_then(|accepts| accepts.to_str().ok());
        if !accepts.is_some_and(|accepts| accepts.contains("text/html")) {
            return self.into_response();
        }
        let text = match &self.0 {
            Ok(found) => page::of(found, token),
            Err(no) => page::of_no(&no.to_string()),
        };
        self.with("text/html; charset=utf-8", text)
    }

    fn with(&self, content: &'static str, text: String) -> Response {
        let status = self.0.as_ref().map_or_else(No::status, |_| StatusCode::OK);
        let mut response = (status, text).into_response();
        let content = (header::CONTENT_TYPE, content);
        let said = response.headers_mut();
        for (name, value) in HEADERS.into_iter().chain([content]) {
            said.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Nobody keeps the answer, no other page frames it, and the URL is not told to where one goes from here.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
];

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let text = match &self.0 {
            Ok(found) => json!({ "id": found.id, "state": found.state }),
            Err(no) => json!({ "error": no.to_string() }),
        };
        self.with("application/json", format!("{text}\n"))
    }
}
