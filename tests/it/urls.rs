//! The URL of a promise: whoever has it settles this promise, over plain HTTP, and can do nothing else.

use resonate::{Search, prelude::*, testing};

use crate::{
    http::{get, post, say, send, split},
    world::{World, note},
};

/// Asks somebody by a mail, and says what came of it.
#[durable(service = "urls")]
async fn asks(question: String) -> Result<String> {
    let answer = promise::<serde_json::Value>("answer");
    mails(question, answer.clone()).await?;
    Ok(answer.await?.to_string())
}

#[durable(service = "urls")]
async fn mails(_question: String, answer: Promise<serde_json::Value>) -> Result<()> {
    note(answer.url());
    Ok(())
}

/// Starts it, and the URL that it mails.
async fn asked(world: &World, id: &str) -> String {
    let asking = world.begin(asks("well?".to_owned()).id(id));
    world.until_state(id, "suspended").await;
    drop(asking);
    let url = world.notes.lines().pop().unwrap();
    assert!(
        url.starts_with(&format!("{}/p/", world.resonate.url())),
        "{url}"
    );
    url
}

async fn serving() -> World {
    World::serving(&["urls"]).await
}

#[tokio::test]
async fn who_has_the_url_looks_without_changing_anything_and_settles_once() {
    let world = serving().await;
    let url = asked(&world, "mailed").await;
    for _ in 0..2 {
        let pending = get(&url);
        assert_eq!(pending.status, 200);
        assert_eq!(
            pending.body,
            "{\"id\":\"mailed.answer\",\"state\":\"pending\"}\n"
        );
    }
    assert_eq!(send("HEAD", &url, &[], "").status, 200);
    assert_eq!(world.state("mailed.answer").await, "pending");
    let settled = "{\"id\":\"mailed.answer\",\"state\":\"resolved\"}\n";
    let first = post(&url, " {\"yes\": [1, 2.0]}\n");
    assert_eq!((first.status, &*first.body), (200, settled));
    // The same again, however it is written, is no news.
    for same in [" {\"yes\": [1, 2.0]}\n", "{\"yes\":[1,2.0]}"] {
        let again = post(&url, same);
        assert_eq!((again.status, &*again.body), (200, settled), "{same}");
    }
    for other in ["{\"yes\":[1,2]}", "null", "true"] {
        let conflict = post(&url, other);
        assert_eq!(conflict.status, 409, "{other}");
        assert!(
            conflict
                .body
                .contains("settled already, otherwise: resolved"),
            "{conflict:?}"
        );
    }
    assert_eq!(
        post(&format!("{url}/reject"), "{\"yes\":[1,2.0]}").status,
        409
    );
    let answer = world.resonate.get::<String>("mailed").await.unwrap();
    assert_eq!(answer, "{\"yes\":[1,2.0]}");
}

#[tokio::test]
async fn who_has_the_url_rejects_and_a_function_sees_why() {
    let world = serving().await;
    let url = format!("{}/reject", asked(&world, "refused").await);
    let rejected = post(&url, "\"no budget\"");
    assert_eq!(rejected.status, 200);
    assert!(
        rejected.body.contains("\"state\":\"rejected\""),
        "{rejected:?}"
    );
    assert_eq!(post(&url, "\"no budget\"").status, 200);
    assert_eq!(post(&url, "\"another\"").status, 409);
    let error = world.resonate.get::<String>("refused").await.unwrap_err();
    assert!(error.message().contains("no budget"), "{error}");
}

#[tokio::test]
async fn what_is_no_json_or_too_large_settles_nothing() {
    let world = serving().await;
    let url = asked(&world, "garbled").await;
    for garbled in ["", "yes", "{", "true false", "\"\u{1}\"", "value="] {
        let refused = post(&url, garbled);
        assert_eq!(refused.status, 400, "{garbled:?}");
        assert!(refused.body.contains("the body is no JSON"), "{refused:?}");
    }
    let (host, path) = split(&url);
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n");
    // It is refused by what it says of itself, before it is sent.
    let large = say(&host, &format!("{head}Content-Length: 1048577\r\n\r\n"));
    assert_eq!(large.status, 413, "{large:?}");
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(send(method, &url, &[], "true").status, 405, "{method}");
    }
    assert_eq!(get(&format!("{url}/reject")).status, 405);
    assert_eq!(world.state("garbled.answer").await, "pending");
}

#[tokio::test]
async fn nothing_but_the_whole_url_is_good() {
    let world = serving().await;
    let (url, other) = (asked(&world, "one").await, asked(&world, "two").await);
    let (host, path) = split(&url);
    let mut forged = vec![format!("{path}x"), path[..path.len() - 1].to_owned()];
    // The hash of one promise with the id of another.
    let (mine, theirs) = (path.trim_start_matches("/p/"), split(&other).1);
    forged.push(format!(
        "/p/{}{}",
        &mine[..21],
        &theirs.trim_start_matches("/p/")[21..]
    ));
    forged.push("/p/two.answer".to_owned());
    forged.push("/p/".to_owned());
    for path in forged {
        let refused = post(&format!("http://{host}{path}"), "true");
        assert_eq!(refused.status, 404, "{path}: {refused:?}");
    }
    for id in ["one.answer", "two.answer"] {
        assert_eq!(world.state(id).await, "pending");
    }
}

#[tokio::test]
async fn nothing_else_is_reached_over_http1() {
    let world = serving().await;
    let url = asked(&world, "guarded").await;
    let (host, path) = split(&url);
    // What a page in somebody's browser can be made to send.
    for service in ["/resonate.v1.Client/Get", "/resonate.v1.Client/Cancel", "/"] {
        let refused = send(
            "POST",
            &format!("http://{host}{service}"),
            &["Content-Type: text/plain", "Origin: https://evil.example"],
            "\0\0\0\0\u{10}\n\u{e}guarded.answer",
        );
        assert_eq!(refused.status, 404, "{service}: {refused:?}");
        assert!(!refused.head.contains("grpc-status"), "{refused:?}");
    }
    // Nor in the shadow of a request that is allowed.
    let two = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\nPOST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\ntrue"
    );
    let one = say(&host, &two);
    assert_eq!(one.status, 200);
    assert_eq!(one.body.matches("HTTP/1.1").count(), 0, "{one:?}");
    assert!(one.head.contains("connection: close"), "{one:?}");
    assert_eq!(world.state("guarded.answer").await, "pending");
}

#[tokio::test]
async fn a_browser_is_shown_a_form_and_other_pages_are_kept_out() {
    let world = serving().await;
    let url = asked(&world, "<b>form&").await;
    let html = [
        "Accept: text/html,*/*;q=0.8",
        "Origin: https://evil.example",
    ];
    let page = send("GET", &url, &html, "");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-type: text/html"), "{page:?}");
    assert!(page.body.contains("&lt;b&gt;form&amp;.answer"), "{page:?}");
    let token = url.rsplit('/').next().unwrap();
    let form = format!("<form method=\"post\" enctype=\"text/plain\" action=\"{token}\">");
    assert!(page.body.contains(&form), "{page:?}");
    for header in [
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "frame-ancestors 'none'",
    ] {
        assert!(page.head.contains(header), "{page:?}");
    }
    assert!(!page.head.contains("access-control"), "{page:?}");
    let posted = send("POST", &url, &html, "value=\"as\r\ntyped\"\r\n");
    assert_eq!(
        posted.status, 400,
        "a line break within a text is no JSON: {posted:?}"
    );
    let posted = send("POST", &url, &html, "value=\"as typed\"\r\n");
    assert_eq!(posted.status, 200, "{posted:?}");
    assert!(posted.body.contains("It is resolved."), "{posted:?}");
    assert!(!posted.body.contains("<form"), "{posted:?}");
    assert_eq!(
        world.resonate.get::<String>("<b>form&").await.unwrap(),
        "\"as typed\""
    );
}

#[tokio::test]
async fn a_url_is_the_same_for_everybody_who_may_know_it_and_in_no_list() {
    let world = serving().await;
    let url = asked(&world, "told").await;
    let asked = world.resonate.promise_url("told.answer").await.unwrap();
    assert_eq!(asked, url);
    let far = world.join(&[]).await;
    assert_eq!(far.promise_url("told.answer").await.unwrap(), url);
    let nobody = far.promise_url("nobody").await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    let token = url.rsplit('/').next().unwrap();
    for found in world.resonate.search(Search::new()).await.unwrap() {
        assert!(!format!("{found:?}{:?}", found.labels()).contains(token));
    }
}

#[tokio::test]
async fn the_url_begins_where_the_server_says_that_it_is_reached() {
    let world = World::with(&["urls"], |builder| {
        builder.public_url("https://promises.example.org/resonate/")
    })
    .await;
    let asking = world.begin(asks("well?".to_owned()).id("proxied"));
    world.until_state("proxied", "suspended").await;
    drop(asking);
    let url = world.notes.lines().pop().unwrap();
    let token = url
        .strip_prefix("https://promises.example.org/resonate/p/")
        .unwrap();
    let direct = format!("{}/p/{token}", world.resonate.url());
    assert_eq!(get(&direct).status, 200);
    let bad = Resonate::builder()
        .in_memory()
        .public_url("promises.example.org");
    let error = bad.start().await.unwrap_err().to_string();
    assert!(
        error.contains("begins neither with https:// nor with http://"),
        "{error}"
    );
}

#[durable(service = "urls")]
async fn sends(answer: Promise<bool>) -> Result<String> {
    Ok(answer.url())
}

#[durable(service = "urls")]
async fn keeps_its_url() -> Result<bool> {
    let answer = promise::<bool>("answer");
    let sent = sends(answer.clone()).await?;
    sleep(days(3)).await;
    assert_eq!(sent, answer.url());
    resolve(answer.id(), &true).await?;
    answer.await
}

#[resonate::test(crash_everywhere)]
async fn a_url_is_the_same_after_a_crash_at_every_turn(world: testing::World) -> Result<()> {
    assert!(keeps_its_url().id("1").await?);
    let url = world.resonate().promise_url("1.answer").await?;
    assert_eq!(world.resonate().get::<String>("1.sends").await?, url);
    Ok(())
}
