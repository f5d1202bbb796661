//! What a request wants of an image: read from a query, a body or a signed token, and said back in
//! `X-Transformations`.

use crate::ports::Focus;
use crate::storage::StorageError;

/// How an image comes to the size asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// Fills it; what projects is cut off.
    Cover,
    /// Fits into it whole.
    Contain,
    /// Is stretched to it.
    Fill,
}

/// The format asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The source's, whatever the reader accepts.
    Origin,
    /// AVIF.
    Avif,
    /// WebP.
    Webp,
}

/// Everything optional; what is `None` was not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transform {
    /// Pixels, at most the deployment's limit; never 0.
    pub width: Option<u32>,
    /// The same.
    pub height: Option<u32>,
    /// Cover, unless said otherwise.
    pub resize: Option<Resize>,
    /// 20 to 100.
    pub quality: Option<u8>,
    /// The source's or WebP as the reader accepts, unless said otherwise.
    pub format: Option<Target>,
    /// What stays in sight when it is cut: its name in a token, such as `noea` or `fp:0.2:0.8`.
    pub gravity: Option<String>,
}

/// The longest side of an image that is made, as hosted.
const LONGEST_SIDE: u64 = 2500;

#[rustfmt::skip]
const RESIZES: &[(&str, Resize, &str)] = &[
    ("cover",   Resize::Cover,   "fill"),
    ("contain", Resize::Contain, "fit"),
    ("fill",    Resize::Fill,    "force"),
];

#[rustfmt::skip]
const TARGETS: &[(&str, Target)] = &[
    ("origin", Target::Origin),
    ("avif",   Target::Avif),
    ("webp",   Target::Webp),
];

#[rustfmt::skip]
const GRAVITIES: &[(&str, Focus)] = &[
    ("no",   Focus::Point(0.5, 0.0)),
    ("so",   Focus::Point(0.5, 1.0)),
    ("ea",   Focus::Point(1.0, 0.5)),
    ("we",   Focus::Point(0.0, 0.5)),
    ("noea", Focus::Point(1.0, 0.0)),
    ("nowe", Focus::Point(0.0, 0.0)),
    ("soea", Focus::Point(1.0, 1.0)),
    ("sowe", Focus::Point(0.0, 1.0)),
    ("ce",   Focus::Point(0.5, 0.5)),
    ("sm",   Focus::Salient),
];

impl Transform {
    /// Reads the fields of a query or a body; `place` is what its errors call it: `querystring`.
    pub fn read(
        place: &str,
        field: impl Fn(&str) -> Result<Option<String>, StorageError>,
    ) -> Result<Self, StorageError> {
        let invalid = |name: &str, what: &str| StorageError::InvalidRequest(format!("{place}/{name} {what}"));
        let integer = |name: &str, least: u64, most: u64| -> Result<Option<u64>, StorageError> {
            let Some(text) = field(name)? else { return Ok(None) };
            let number: i64 = text.parse().map_err(|_| invalid(name, "must be integer"))?;
            match u64::try_from(number) {
                Ok(number) if number < least => Err(invalid(name, &format!("must be >= {least}"))),
                Ok(number) if number > most => Err(invalid(name, &format!("must be <= {most}"))),
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(invalid(name, &format!("must be >= {least}"))),
            }
        };
        let side = |name: &str| Ok::<_, StorageError>(integer(name, 0, u64::MAX)?.and_then(clamped));
        let not_allowed = |name: &str| invalid(name, "must be equal to one of the allowed values");
        let resize = match field("resize")? {
            None => None,
            Some(name) => Some(resize_named(&name).ok_or_else(|| not_allowed("resize"))?),
        };
        let format = match field("format")? {
            None => None,
            Some(name) => Some(target_named(&name).ok_or_else(|| not_allowed("format"))?),
        };
        let quality = integer("quality", 20, 100)?.and_then(|quality| u8::try_from(quality).ok());
        let offset = |name: &str| -> Result<Option<f64>, StorageError> {
            let Some(text) = field(name)? else { return Ok(None) };
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Some).ok_or_else(|| invalid(name, "must be number"))
        };
        let gravity = match field("gravity")?.as_deref() {
            None => None,
            Some("fp") => Some(focal_point(place, offset("x_offset")?, offset("y_offset")?)?),
            Some(name) if GRAVITIES.iter().any(|(known, _)| *known == name) => {
                // An edge with an offset in pixels or parts has no equal in Cloudflare Images.
                if offset("x_offset")?.or(offset("y_offset")?).is_some() && name != "sm" {
                    return Err(invalid("x_offset", "and y_offset are supported with gravity fp only"));
                }
                Some(name.to_string())
            }
            Some(_) => return Err(not_allowed("gravity")),
        };
        Ok(Self { width: side("width")?, height: side("height")?, resize, quality, format, gravity })
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As a signed token has it: `height:200,width:200,resize:cover,quality:60`.
    pub fn to_token(&self) -> String {
        self.segments(|resize| {
            let row = RESIZES.iter().find(|(_, known, _)| Some(*known) == resize);
            row.map(|(name, ..)| format!("resize:{name}"))
        })
        .join(",")
    }

    /// Reads a token of ours or of upstream's; what it does not know in one is left out, as upstream.
    pub fn of_token(text: &str) -> Self {
        let mut transform = Self::default();
        for (name, value) in text.split(',').filter_map(|part| part.split_once(':')) {
            match name {
                "width" => transform.width = value.parse().ok().and_then(clamped),
                "height" => transform.height = value.parse().ok().and_then(clamped),
                "resize" => transform.resize = resize_named(value),
                "quality" => {
                    transform.quality = value.parse().ok().filter(|value| (20..=100).contains(value))
                }
                "format" => transform.format = target_named(value),
                "gravity" if focus_named(value).is_some() => transform.gravity = Some(value.to_string()),
                _ => {}
            }
        }
        transform
    }

    /// As `X-Transformations` has it: `height:200,width:200,resizing_type:fill,quality:60`.
    pub fn to_header(&self) -> String {
        let resizing_type = |resize: Option<Resize>| {
            let resize = resize.unwrap_or(Resize::Cover);
            let row = RESIZES.iter().find(|(_, known, _)| *known == resize);
            row.map(|(_, _, kind)| format!("resizing_type:{kind}"))
        };
        self.segments(resizing_type).join(",")
    }

    /// What stays in sight: the middle, unless said otherwise.
    pub fn focus(&self) -> Focus {
        self.gravity.as_deref().and_then(focus_named).unwrap_or(Focus::Point(0.5, 0.5))
    }

    fn segments(&self, resize: impl Fn(Option<Resize>) -> Option<String>) -> Vec<String> {
        let has_size = self.width.is_some() || self.height.is_some();
        let format = TARGETS.iter().find(|(_, target)| Some(*target) == self.format);
        [
            self.height.map(|height| format!("height:{height}")),
            self.width.map(|width| format!("width:{width}")),
            resize(self.resize).filter(|_| has_size),
            self.quality.map(|quality| format!("quality:{quality}")),
            format.filter(|(name, _)| *name != "origin").map(|(name, _)| format!("format:{name}")),
            self.gravity.as_ref().map(|gravity| format!("gravity:{gravity}")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// 0 is not said, as upstream; more than the limit is the limit.
fn clamped(side: u64) -> Option<u32> {
    u32::try_from(side.min(LONGEST_SIDE)).ok().filter(|side| *side > 0)
}

fn resize_named(name: &str) -> Option<Resize> {
    RESIZES.iter().find(|(known, ..)| *known == name).map(|(_, resize, _)| *resize)
}

fn target_named(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

fn focal_point(place: &str, x: Option<f64>, y: Option<f64>) -> Result<String, StorageError> {
    let coordinate = |name: &str, value: Option<f64>| match value {
        None => Err(StorageError::InvalidRequest(format!("{place} must have required property '{name}'"))),
        Some(value) if value < 0.0 => {
            Err(StorageError::InvalidRequest(format!("{place}/{name} must be >= 0")))
        }
        Some(value) if value > 1.0 => {
            Err(StorageError::InvalidRequest(format!("{place}/{name} must be <= 1")))
        }
        Some(value) => Ok(value),
    };
    Ok(format!("fp:{}:{}", coordinate("x_offset", x)?, coordinate("y_offset", y)?))
}

fn focus_named(name: &str) -> Option<Focus> {
    if let Some((x, y)) = name.strip_prefix("fp:").and_then(|point| point.split_once(':')) {
        let coordinate = |text: &str| text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
        return Some(Focus::Point(coordinate(x)?, coordinate(y)?));
    }
    GRAVITIES.iter().find(|(known, _)| *known == name).map(|(_, focus)| focus.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_query(query: &str) -> Result<Transform, StorageError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Transform::read("querystring", |name| {
            Ok(pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        })
    }

    #[test]
    fn a_transform_is_said_back_in_upstreams_words() {
        #[rustfmt::skip]
        let rows = [
            ("width=200&height=200&quality=60",       "height:200,width:200,resizing_type:fill,quality:60", "height:200,width:200,quality:60"),
            ("width=200&resize=contain",              "width:200,resizing_type:fit",                        "width:200,resize:contain"),
            ("height=9000&resize=fill&format=webp",   "height:2500,resizing_type:force,format:webp",        "height:2500,resize:fill,format:webp"),
            ("quality=20&format=origin",              "quality:20",                                         "quality:20"),
            ("width=0&resize=cover",                  "",                                                   ""),
            ("width=5&gravity=fp&x_offset=0.25&y_offset=1", "width:5,resizing_type:fill,gravity:fp:0.25:1", "width:5,gravity:fp:0.25:1"),
            ("width=5&gravity=noea",                  "width:5,resizing_type:fill,gravity:noea",            "width:5,gravity:noea"),
        ];
        for (query, header, token) in rows {
            let transform = of_query(query).unwrap();
            assert_eq!(
                (transform.to_header().as_str(), transform.to_token().as_str()),
                (header, token),
                "{query}"
            );
            let read = Transform::of_token(token);
            assert_eq!(read.to_header(), header, "{query}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        #[rustfmt::skip]
        let rows = [
            ("width=-1",                  "querystring/width must be >= 0"),
            ("width=1.5",                 "querystring/width must be integer"),
            ("quality=19",                "querystring/quality must be >= 20"),
            ("quality=101",               "querystring/quality must be <= 100"),
            ("resize=crop",               "querystring/resize must be equal to one of the allowed values"),
            ("format=png",                "querystring/format must be equal to one of the allowed values"),
            ("gravity=up",                "querystring/gravity must be equal to one of the allowed values"),
            ("gravity=fp&x_offset=0.5",   "querystring must have required property 'y_offset'"),
            ("gravity=fp&x_offset=2&y_offset=0", "querystring/x_offset must be <= 1"),
            ("gravity=no&x_offset=10",    "querystring/x_offset and y_offset are supported with gravity fp only"),
        ];
        for (query, message) in rows {
            assert_eq!(of_query(query), Err(StorageError::InvalidRequest(message.into())), "{query}");
        }
    }

    #[test]
    fn a_token_of_somebody_else_breaks_nothing() {
        for text in ["", "width", "width:x,height:-1", "gravity:fp:9:9", "quality:5,resize:what,scale:2"] {
            assert!(Transform::of_token(text).is_empty(), "{text}");
        }
    }
}
