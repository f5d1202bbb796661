//! Where a link or an answer may send a browser: the site itself, and what `URI_ALLOW_LIST` names.

use crate::config::AuthConfig;

/// The first of the asked-for URLs that is allowed, else the site's. Nothing is said about one that is not.
pub fn choose<'a>(config: &AuthConfig, asked: impl IntoIterator<Item = &'a str>) -> String {
    let allowed = asked.into_iter().find(|url| is_allowed(config, url));
    allowed.unwrap_or(&config.site_url).to_string()
}

/// The rules of upstream's `IsRedirectURLValid`: the site's own origin (any port on loopback), any
/// loopback address, and URLs that match a pattern. A URL that browsers and we could read
/// differently (blanks, backslashes, credentials) is none.
pub fn is_allowed(config: &AuthConfig, url: &str) -> bool {
    let (Some(site), Some(asked)) = (Address::parse(&config.site_url), Address::parse(url)) else {
        return false;
    };
    let same_port = asked.port == site.port || is_loopback(&asked.host);
    if !asked.host.is_empty() && asked.host == site.host && asked.scheme == site.scheme && same_port {
        return true;
    }
    let is_http = matches!(asked.scheme.as_str(), "http" | "https");
    if !asked.host.is_empty() && asked.host.bytes().all(|byte| byte.is_ascii_digit()) {
        // `http://2130706433/` is 127.0.0.1 to a browser.
        return false;
    }
    if asked.host.parse::<std::net::IpAddr>().is_ok() {
        return is_http && is_loopback(&asked.host);
    }
    if is_http && !is_plain_host(&asked.host) {
        return false;
    }
    let without_fragment = url.split('#').next().unwrap_or_default();
    config.redirect_patterns.iter().any(|pattern| matches(pattern, without_fragment))
}

/// The parts of a URL that decide.
struct Address {
    scheme: String,
    host: String,
    port: String,
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let unreadable = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
        if url.is_empty() || url.contains(unreadable) {
            return None;
        }
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        let Some(rest) = rest.strip_prefix("//") else {
            return Some(Self { scheme: scheme.to_lowercase(), host: String::new(), port: String::new() });
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']')?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        Some(Self { scheme: scheme.to_lowercase(), host: host.to_lowercase(), port: port.to_string() })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_plain_host(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    host.bytes().all(is_plain) && edge(host.bytes().next()) && edge(host.bytes().last())
}

/// One step of a pattern.
enum Step {
    Is(char),
    /// `?`: one character of a label.
    Any,
    /// `*`: any characters within a label.
    Star,
    /// `**`: any characters.
    DoubleStar,
    /// `[a-z]`, `[!a-z]`.
    Class {
        except: bool,
        ranges: Vec<(char, char)>,
    },
}

/// What `*` and `?` stop at.
fn separates(character: char) -> bool {
    matches!(character, '.' | '/')
}

/// Whether the text matches the pattern (`https://*.example.com/**`). All ways through the pattern
/// are followed at once, so the time is pattern × text whatever the text is.
fn matches(pattern: &str, text: &str) -> bool {
    let steps = steps(pattern);
    let mut reached = vec![false; steps.len() + 1];
    reach(&steps, &mut reached, 0);
    for character in text.chars() {
        let mut next = vec![false; steps.len() + 1];
        for (at, step) in steps.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            match step {
                Step::DoubleStar => reach(&steps, &mut next, at),
                Step::Star if !separates(character) => reach(&steps, &mut next, at),
                Step::Any if !separates(character) => reach(&steps, &mut next, at + 1),
                Step::Is(expected) if *expected == character => reach(&steps, &mut next, at + 1),
                Step::Class { except, ranges } => {
                    let within = ranges.iter().any(|(from, to)| (*from..=*to).contains(&character));
                    if within != *except {
                        reach(&steps, &mut next, at + 1);
                    }
                }
                _ => {}
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Marks a place, and those behind it that cost no character.
fn reach(steps: &[Step], reached: &mut [bool], at: usize) {
    let mut at = at;
    while let Some(place) = reached.get_mut(at) {
        *place = true;
        match steps.get(at) {
            Some(Step::Star | Step::DoubleStar) => at += 1,
            _ => return,
        }
    }
}

fn steps(pattern: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        steps.push(match character {
            '*' if rest.next_if_eq(&'*').is_some() => Step::DoubleStar,
            '*' => Step::Star,
            '?' => Step::Any,
            '\\' => Step::Is(rest.next().unwrap_or('\\')),
            '[' => {
                let except = rest.next_if_eq(&'!').is_some();
                let inside: Vec<char> = rest.by_ref().take_while(|c| *c != ']').collect();
                Step::Class { except, ranges: ranges(&inside) }
            }
            other => Step::Is(other),
        });
    }
    steps
}

fn ranges(inside: &[char]) -> Vec<(char, char)> {
    match inside {
        [] => Vec::new(),
        [from, '-', to, rest @ ..] => [vec![(*from, *to)], ranges(rest)].concat(),
        [one, rest @ ..] => [vec![(*one, *one)], ranges(rest)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, DEMO_JWT_SECRET};

    #[test]
    fn only_the_site_loopback_and_the_list_are_allowed() {
        let vars = |name: &str| match name {
            "JWT_SECRET" => Some(DEMO_JWT_SECRET.to_string()),
            "SITE_URL" => Some("https://example.com/app".to_string()),
            "URI_ALLOW_LIST" => Some(
                "https://*.preview.dev/**, myapp://*, https://a.test/x?, https://[0-9].test/, com.app:/cb"
                    .to_string(),
            ),
            _ => None,
        };
        let config = Config::from_vars(&vars).unwrap().auth;
        let rows = [
            ("https://example.com", true),
            ("https://EXAMPLE.com/any/where?x=1#y", true),
            ("http://example.com/", false),
            ("https://example.com:8443/", false),
            ("https://example.com.evil.net/", false),
            ("https://evil.net/https://example.com", false),
            ("https://example.com@evil.net/", false),
            ("https://user@example.com/", false),
            ("https://evil.net\\@example.com/", false),
            ("https://example.com\n.evil.net", false),
            ("http://127.0.0.1:9999/x", true),
            ("http://[::1]:9999/x", true),
            ("http://10.0.0.1/", false),
            ("http://2130706433/", false),
            ("javascript://127.0.0.1/%0aalert(1)", false),
            ("https://one.preview.dev/a/b.html", true),
            ("https://one.two.preview.dev/a", false),
            ("https://evil.net/.preview.dev/", false),
            ("https://evil.net?.preview.dev/", false),
            ("https://evil.net#.preview.dev/", false),
            ("myapp://callback", true),
            ("myapp://call/back", false),
            ("com.app:/cb", true),
            ("https://a.test/x1", true),
            ("https://c.test/x1", false),
            ("https://a.test/x/", false),
            ("https://7.test/", true),
            ("https://x.test/", false),
            ("not-a-url", false),
            ("/relative", false),
            ("//example.com/", false),
            ("", false),
        ];
        for (url, allowed) in rows {
            assert_eq!(is_allowed(&config, url), allowed, "{url}");
        }
        assert_eq!(choose(&config, ["https://evil.net", "myapp://x"]), "myapp://x");
        assert_eq!(choose(&config, ["https://evil.net"]), "https://example.com/app");
    }

    #[test]
    fn a_long_text_costs_no_more_than_its_length() {
        let pattern = "*a".repeat(50);
        assert!(!matches(&pattern, &"a".repeat(5_000).replacen('a', "b", 1).replace("aaaa", "aab/")));
    }
}
