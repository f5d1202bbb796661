//! Phone numbers as accounts have them.

use super::error::Error;

/// A number of ITU-T E.164: digits only, without the `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Drops spaces and the leading `+`; what remains is 2 to 15 digits, the first not zero.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = normal_form(text);
        let well_formed = (2..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            return Ok(Self(digits));
        }
        Err(Error::Validation("Invalid phone number format (E.164 required)".into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How numbers are stored and looked up.
pub fn normal_form(text: &str) -> String {
    text.strip_prefix('+').unwrap_or(text).replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_without_the_plus() {
        let rows = [
            ("+49 151 1234567", Some("491511234567")),
            ("1234567890", Some("1234567890")),
            ("0123456", None),
            ("+", None),
            ("12345678901234567", None),
            ("12a4", None),
        ];
        for (text, expected) in rows {
            assert_eq!(PhoneNumber::parse(text).ok().as_ref().map(PhoneNumber::as_str), expected, "{text}");
        }
    }
}
