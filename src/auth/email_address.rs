//! E-mail addresses as accounts have them.

use super::error::Error;

/// A well-formed address in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The most bytes an address may have, as upstream.
const LONGEST: usize = 255;

impl EmailAddress {
    /// Lower-cases and checks an address: the pattern of HTML's `<input type=email>`, which upstream uses too.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = normal_form(text);
        if text.len() > LONGEST {
            return Err(Error::Validation("An email address is too long".into()));
        }
        let well_formed =
            text.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if well_formed {
            return Ok(Self(text));
        }
        Err(Error::Validation("Unable to validate email address: invalid format".into()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How addresses are stored and looked up. Only ASCII has two cases here: `\u{212a}` (a sign for kelvin) would become a `k`, and
/// so one mailbox another.
pub fn normal_form(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn is_local(local: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !local.is_empty() && local.bytes().all(allowed)
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_cased_and_checked() {
        let rows = [
            ("Ann@Example.COM", Some("ann@example.com")),
            (" ann+tag@example.com ", Some("ann+tag@example.com")),
            ("o'neil@localhost", Some("o'neil@localhost")),
            ("", None),
            ("ann", None),
            ("@example.com", None),
            ("ann@", None),
            ("ann@-example.com", None),
            ("ann@example..com", None),
            ("a nn@example.com", None),
            ("ann@bob@example.com", None),
            ("änn@example.com", None),
            ("\u{212a}im@example.com", None),
            ("ann@example.com\u{0}", None),
        ];
        for (text, expected) in rows {
            assert_eq!(EmailAddress::parse(text).ok().as_ref().map(EmailAddress::as_str), expected, "{text}");
        }
        assert!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(256))).is_err());
    }
}
