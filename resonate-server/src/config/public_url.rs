//! Where a server is reached by those who are given the URL of a promise: behind a proxy that has TLS, for instance.

use std::sync::Arc;

/// A URL of http or https with a host, without a slash at the end.
#[derive(Debug)]
pub(crate) struct PublicUrl(pub(crate) Arc<str>);

/// Why a text is no such URL.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url:?} is not where a server is reached: {why}; write it like https://promises.example.org, with a path if there is one"
)]
pub struct BadPublicUrl {
    url: String,
    why: &'static str,
}

impl PublicUrl {
    pub(crate) fn new(url: String) -> Result<Self, BadPublicUrl> {
        let rest = ["https://", "http://"]
            .into_iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let why = match rest {
            None => "it begins neither with https:// nor with http://",
            Some(rest) if rest.is_empty() || rest.starts_with('/') => "it has no host",
            Some(rest) if rest.contains(['?', '#']) => "it has a `?` or a `#`",
            Some(rest) if !rest.bytes().all(|byte| byte.is_ascii_graphic()) => {
                "it has a character that URLs do not have"
            }
            Some(_) => return Ok(Self(url.trim_end_matches('/').into())),
        };
        Err(BadPublicUrl { url, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_and_a_host_and_ends_without_a_slash() {
        let read = |url: &str| PublicUrl::new(url.to_owned()).map(|PublicUrl(url)| url.to_string());
        for (url, wanted) in [
            ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
            ("https://example.org/", "https://example.org"),
            (
                "https://example.org/resonate/",
                "https://example.org/resonate",
            ),
        ] {
            assert_eq!(read(url).unwrap(), wanted);
        }
        for url in [
            "",
            "example.org",
            "ftp://x",
            "https://",
            "http:///p",
            "http://a?b",
            "http://a b",
            "http://ä",
        ] {
            let error = read(url).unwrap_err().to_string();
            assert!(error.contains("write it like https://"), "{error}");
        }
    }
}
