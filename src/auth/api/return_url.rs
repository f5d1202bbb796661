//! The addresses that send a browser back to an app, with what it is told in the query or the fragment.

/// The address with members added to its query, and without a fragment.
pub fn with_query(url: &str, members: &[(&str, &str)]) -> String {
    let url = without_fragment(url);
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", encode(members))
}

/// The address with members as its fragment, which never reaches a server.
pub fn with_fragment(url: &str, members: &[(&str, &str)]) -> String {
    format!("{}#{}", without_fragment(url), encode(members))
}

/// What went wrong, as RFC 6749 §4.1.2.1 names it, with upstream's code beside it.
pub fn error_members<'a>(error: &'a str, code: &'a str, description: &'a str) -> Vec<(&'a str, &'a str)> {
    let members = [("error", error), ("error_code", code), ("error_description", description)];
    members.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

fn encode(members: &[(&str, &str)]) -> String {
    let mut members = members.to_vec();
    members.sort_unstable();
    form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish()
}
