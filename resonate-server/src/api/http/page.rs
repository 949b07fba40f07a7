//! The page that a browser is shown: how the promise is, and a form while it waits. Without scripts.

use super::answer::Found;

/// The page of a promise. The token was found good, so it has no character that means something in HTML.
pub(super) fn of(found: &Found, token: &str) -> String {
    let (id, state) = (escaped(&found.id), found.state);
    let form = if state == "pending" {
        // Sent as plain text: what is typed arrives as it is. To where the page is, whatever path a proxy has put before it.
        format!(
            "<form method=\"post\" enctype=\"text/plain\" action=\"{token}\">\
             <p><label>Its value, as JSON<br><textarea name=\"value\" rows=\"4\" cols=\"60\" required>true</textarea></label></p>\
             <p><button>Resolve</button> <button formaction=\"{token}/reject\">Reject</button></p></form>"
        )
    } else {
        String::new()
    };
    page(&format!("<h1>{id}</h1><p>It is {state}.</p>{form}"))
}

/// The page that says no.
pub(super) fn of_no(why: &str) -> String {
    page(&format!("<p>{}</p>", escaped(why)))
}

fn page(content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>A promise</title>\
         <style>body{{font-family:sans-serif;margin:3em auto;max-width:40em}}h1{{font-size:1.2em}}</style></head>\
         <body>{content}</body></html>\n"
    )
}

/// The text with nothing in it that means something in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
