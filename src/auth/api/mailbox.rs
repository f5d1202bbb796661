//! `/mailbox` and Mailpit's read API under `/api/v1`: mails that no provider carries.
//!
//! For a developer at this machine, and for administrators: whoever reads the mailbox can sign in as
//! anyone. Shapes: <https://mailpit.axllent.org/docs/api-v1/>.

use ::http::StatusCode;
use ::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::error::Error;
use crate::auth::mail::Message;
use crate::auth::store;
use crate::auth::store::mailbox::{self, Kept, Wanted};
use crate::config::escape_html;
use crate::http::{Context, Response, ResponseExt, is_loopback, json_response, respond};
use crate::time::Timestamp;

/// `GET /api/v1/messages?start&limit`.
pub async fn messages(context: Context) -> Result<Response, Error> {
    let wanted = wanted(&context, "");
    list(&context, wanted).await
}

/// `GET /api/v1/search?query=to:ann@example.com subject:"Hello"`.
pub async fn search(context: Context) -> Result<Response, Error> {
    let wanted = wanted(&context, &context.query_parameter("query").unwrap_or_default());
    list(&context, wanted).await
}

/// `GET /api/v1/message/{id}`; `latest` is an id too.
pub async fn message(context: Context) -> Result<Response, Error> {
    admit(&context)?;
    let id = context.parameters.get("id");
    let statement = match id {
        "latest" => mailbox::list(&Wanted { limit: 1, ..Wanted::default() }),
        id => mailbox::by_id(id),
    };
    let kept: Option<Kept> =
        store::run(context.app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    Ok(json_response(StatusCode::OK, &kept.ok_or(Error::MailNotFound)?.whole()))
}

/// `DELETE /api/v1/messages`: forgets all.
pub async fn clear(context: Context) -> Result<Response, Error> {
    admit(&context)?;
    store::run(context.app.ports.database.as_ref(), vec![mailbox::clear()]).await?;
    Ok(text("ok", "text/plain; charset=utf-8"))
}

/// `GET /mailbox`: the last mails on a page.
pub async fn page(context: Context) -> Result<Response, Error> {
    admit(&context)?;
    let statement = mailbox::list(&Wanted { limit: 50, ..Wanted::default() });
    let kept: Vec<Kept> = store::run(context.app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    let mails: String = kept.iter().map(Kept::on_page).collect();
    let mails = if mails.is_empty() { "<p>No mail yet.</p>".to_string() } else { mails };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>Mailbox</title>\n<style>\nbody {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}\niframe {{ width: 100%; height: 18rem; border: 1px solid #bbb }}\n</style>\n<h1>Mailbox</h1>\n<p>Mails that were not sent, because no MAIL_PROVIDER is set. They go after a week.</p>\n{mails}</html>\n"
    );
    // Mails are other people's markup: nothing of them runs, and their links open elsewhere.
    Ok(text(&html, "text/html; charset=utf-8")
        .with_header(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-src 'self'; base-uri 'none'; form-action 'none'"))
}

fn admit(context: &Context) -> Result<(), Error> {
    // A page from elsewhere, open in the developer's browser, reaches this machine too.
    let page = context.header("origin").and_then(|origin| origin.split_once("://"));
    let is_own_page = page.is_none_or(|(_, host)| is_loopback(host));
    if context.caller.is_admin() || (context.is_loopback() && is_own_page) {
        return Ok(());
    }
    Err(Error::MailboxClosed)
}

async fn list(context: &Context, wanted: Wanted) -> Result<Response, Error> {
    #[derive(Deserialize)]
    struct Count {
        wanted: u64,
        total: u64,
    }
    admit(context)?;
    let statements = vec![mailbox::list(&wanted), mailbox::count(&wanted)];
    let results = store::run(context.app.ports.database.as_ref(), statements).await?;
    let kept: Vec<Kept> = results.all(0)?;
    let count: Count = results.first(1)?.unwrap_or(Count { wanted: 0, total: 0 });
    let messages: Vec<Value> = kept.iter().map(Kept::summary).collect();
    let body = json!({
        "total": count.total,
        "unread": count.total,
        "count": messages.len(),
        "messages_count": count.wanted,
        "messages_unread": count.wanted,
        "start": wanted.start,
        "tags": [],
        "messages": messages,
    });
    Ok(json_response(StatusCode::OK, &body))
}

fn wanted(context: &Context, query: &str) -> Wanted {
    let number = |name, default| {
        context.query_parameter(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(default)
    };
    let mut wanted =
        Wanted { start: number("start", 0), limit: number("limit", 50).min(500), ..Wanted::default() };
    let mut words = Vec::new();
    for term in terms(query) {
        match term.split_once(':') {
            Some(("to" | "addressed", value)) => wanted.to = Some(value.to_string()),
            Some(("from", value)) => wanted.from = Some(value.to_string()),
            Some(("subject", value)) => wanted.subject = Some(value.to_string()),
            _ => words.push(term),
        }
    }
    wanted.words = Some(words.join(" ")).filter(|words| !words.is_empty());
    wanted
}

/// `to:"a b" c` → `to:a b`, `c`.
fn terms(query: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut quoted = false;
    for character in query.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => terms.push(String::new()),
            other => terms.last_mut().into_iter().for_each(|term| term.push(other)),
        }
    }
    terms.retain(|term| !term.is_empty());
    terms
}

fn text(body: &str, content_type: &str) -> Response {
    respond(StatusCode::OK, body.to_string()).with_header(CONTENT_TYPE, content_type)
}

impl Kept {
    fn message(&self) -> Message {
        Message {
            from: self.sender.clone(),
            to: self.recipient.clone(),
            subject: self.subject.clone(),
            html: self.html.clone(),
        }
    }

    fn summary(&self) -> Value {
        let message = self.message();
        let (name, address) = message.sender();
        let snippet: String = message.text().split_whitespace().collect::<Vec<_>>().join(" ");
        json!({
            "ID": self.id,
            "MessageID": format!("{}@edgeward", self.id),
            "Read": false,
            "From": {"Name": name, "Address": address},
            "To": [{"Name": "", "Address": self.recipient}],
            "Cc": [],
            "Bcc": [],
            "ReplyTo": [],
            "Subject": self.subject,
            "Created": self.at(),
            "Tags": [],
            "Size": self.html.len(),
            "Attachments": 0,
            "Snippet": snippet.chars().take(250).collect::<String>(),
        })
    }

    fn whole(&self) -> Value {
        let message = self.message();
        let (name, address) = message.sender();
        json!({
            "ID": self.id,
            "MessageID": format!("{}@edgeward", self.id),
            "From": {"Name": name, "Address": address},
            "To": [{"Name": "", "Address": self.recipient}],
            "Cc": [],
            "Bcc": [],
            "ReplyTo": [],
            "ReturnPath": address,
            "Subject": self.subject,
            "Date": self.at(),
            "Tags": [],
            "Text": message.text(),
            "HTML": self.html,
            "Size": self.html.len(),
            "Inline": [],
            "Attachments": [],
        })
    }

    fn on_page(&self) -> String {
        format!(
            "<h2>{}</h2>\n<p>To {} at {}</p>\n<iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\"{}\"></iframe>\n",
            escape_html(&self.subject),
            escape_html(&self.recipient),
            escape_html(&self.at()),
            escape_html(&format!("<base target=\"_blank\">{}", self.html)),
        )
    }

    fn at(&self) -> String {
        Timestamp::parse(&self.created_at).map_or_else(|| self.created_at.clone(), Timestamp::to_rfc3339)
    }
}
