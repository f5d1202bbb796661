//! A mail's HTML as plain text, for readers without HTML.

/// `<p><a href="https://a.b/?c&amp;d">Sign in</a></p>` → `Sign in ( https://a.b/?c&d )`. Made for
/// mails, not for any page: it drops tags, keeps where links lead, and reads the five entities.
pub fn from_html(html: &str) -> String {
    let mut text = String::new();
    let mut link: Option<String> = None;
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "a" => link = attribute(tag, "href"),
            "/a" => text.extend(link.take().map(|link| format!(" ( {link} )"))),
            "br" | "br/" | "/p" | "/div" | "/h1" | "/h2" | "/h3" | "/li" | "/tr" => text.push('\n'),
            _ => {}
        }
        rest = after;
    }
    text.push_str(rest);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut joined = lines.join("\n");
    while joined.contains("\n\n\n") {
        joined = joined.replace("\n\n\n", "\n\n");
    }
    read_entities(joined.trim())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, after) = tag.split_once(&format!("{name}=\""))?;
    Some(after.split('"').next().unwrap_or_default().to_string())
}

/// `&amp;` comes last, so that what was escaped twice is read once.
fn read_entities(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_lines_survive() {
        let rows = [
            (
                "<h2>Hi</h2>\n<p>Go <a href=\"https://a.b/?c=1&amp;d=2\">there</a>.</p>",
                "Hi\n\nGo there ( https://a.b/?c=1&d=2 ).",
            ),
            ("one<br>two", "one\ntwo"),
            ("&amp;lt; &lt;b&gt; &#39;x&#34;", "&lt; <b> 'x\""),
            ("no tags", "no tags"),
            ("<unclosed", ""),
        ];
        for (html, expected) in rows {
            assert_eq!(from_html(html), expected, "{html}");
        }
    }
}
