//! Calls the client API.
