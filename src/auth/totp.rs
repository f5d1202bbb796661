//! Time-based one-time codes (RFC 6238): HMAC-SHA1, six digits, thirty seconds, as authenticator apps expect.

use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use sha1::Sha1;

use crate::crypto;
use crate::ports::Random;
use crate::time::Timestamp;

/// Bytes of a new secret: the length of the HMAC's output (RFC 4226 §4).
const SECRET_BYTES: usize = 20;

/// RFC 4648 §6 without padding.
const BASE32: base32::Alphabet = base32::Alphabet::Rfc4648 { padding: false };

/// Seconds that one code is shown.
const STEP_SECONDS: i64 = 30;

/// How many steps before and after the present one are accepted, for clocks that differ.
const SKEW_STEPS: i64 = 1;

const DIGITS: usize = 6;

/// Everything that RFC 3986 does not call unreserved is escaped.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an authenticator app and the server share.
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new random secret.
    pub fn new(random: &dyn Random) -> Self {
        Self(crypto::random_bytes(random, SECRET_BYTES))
    }

    /// Base32 without padding (RFC 4648 §6), as people type it.
    pub fn to_base32(&self) -> String {
        base32::encode(BASE32, &self.0)
    }

    /// Reads base32 without padding; `None` for anything else.
    pub fn from_base32(text: &str) -> Option<Self> {
        base32::decode(BASE32, text).map(Self)
    }

    /// The step whose code this is: one of those around now, and later than `spent`. Takes the same
    /// time whichever digits are wrong.
    pub fn step_of(&self, code: &str, now: Timestamp, spent: Option<i64>) -> Option<i64> {
        let present = now.seconds().div_euclid(STEP_SECONDS);
        let is_code = |step: &i64| crypto::equal_secrets(self.code(*step).as_bytes(), code.trim().as_bytes());
        let steps = present - SKEW_STEPS..=present + SKEW_STEPS;
        let matching: Vec<i64> = steps.filter(is_code).collect();
        matching.into_iter().find(|step| spent.is_none_or(|spent| *step > spent))
    }

    /// The code of a step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> String {
        let mac = hmac_sha1(&self.0, &step.to_be_bytes());
        let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
        let word = mac.iter().skip(offset).take(4).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let number = (word & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32);
        format!("{number:0DIGITS$}")
    }
}

fn hmac_sha1(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// The URI that an authenticator app reads, by QR code or link; it shows `issuer` and `account`.
pub fn uri(secret: &Secret, issuer: &str, account: &str) -> String {
    let escape = |text| utf8_percent_encode(text, RESERVED);
    format!(
        "otpauth://totp/{label}:{account}?algorithm=SHA1&digits={DIGITS}&issuer={issuer}&period={STEP_SECONDS}&secret={secret}",
        label = escape(issuer),
        account = escape(account),
        issuer = escape(issuer),
        secret = secret.to_base32(),
    )
}

/// The URI as a QR code in SVG, three units a module; `None` when it is too long for one.
///
/// supabase-js puts `data:image/svg+xml;utf-8,` before it as it stands, so a `#` in it (a colour's,
/// say) would end the image there.
pub fn qr_code(uri: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(uri, EcLevel::H).ok()?;
    let (dark, light) = (svg::Color("black"), svg::Color("white"));
    Some(code.render().module_dimensions(3, 3).dark_color(dark).light_color(light).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST_SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA1, the last six of its eight digits.
        let rows = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        let secret = Secret(TEST_SECRET.to_vec());
        for (seconds, code) in rows {
            assert_eq!(secret.code(seconds / STEP_SECONDS), code, "at {seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_around_its_own_and_once() {
        let secret = Secret(TEST_SECRET.to_vec());
        let step = 60_000_000;
        let code = secret.code(step);
        let at = |steps: i64| Timestamp::from_seconds((step + steps) * STEP_SECONDS + 7);
        let rows = [
            (-2, None, None),
            (-1, None, Some(step)),
            (0, None, Some(step)),
            (1, None, Some(step)),
            (2, None, None),
            (0, Some(step - 1), Some(step)),
            (0, Some(step), None),
            (0, Some(step + 1), None),
        ];
        for (now, spent, expected) in rows {
            assert_eq!(secret.step_of(&code, at(now), spent), expected, "{now} steps on, {spent:?} spent");
        }
        assert_eq!(secret.step_of(&format!(" {code} "), at(0), None), Some(step), "as people paste it");
        for other in ["", "0", &code[..5], &format!("{code}0"), "abcdef", "１２３４５６"] {
            assert_eq!(secret.step_of(other, at(0), None), None, "{other}");
        }
    }

    #[test]
    fn base32_reads_back() {
        let secret = Secret(TEST_SECRET.to_vec());
        assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(Secret::from_base32(&secret.to_base32()).unwrap().0, TEST_SECRET);
        assert!(Secret::from_base32("no base32!").is_none());
    }

    #[test]
    fn a_uri_escapes_what_people_name_things() {
        let secret = Secret(TEST_SECRET.to_vec());
        assert_eq!(
            uri(&secret, "My App: Ü&=", "ann+1@example.com"),
            "otpauth://totp/My%20App%3A%20%C3%9C%26%3D:ann%2B1%40example.com?algorithm=SHA1&digits=6\
             &issuer=My%20App%3A%20%C3%9C%26%3D&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
    }

    #[test]
    fn a_qr_code_survives_in_a_data_url() {
        let svg = qr_code("otpauth://totp/a:b?secret=c").unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>"), "{svg}");
        assert!(!svg.contains(['#', '%']), "{svg}");
        assert_eq!(qr_code(&"x".repeat(1274)), None, "more than a code holds");
    }
}
