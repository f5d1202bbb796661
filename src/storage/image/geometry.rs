//! The size an image gets, from its own and the one asked for. Nothing is ever enlarged, as upstream.

use super::header::Header;
use super::transform::{Resize, Transform};
use crate::ports::{Fit, PictureSize};

/// The new size, or `None` to leave it. Sides are exact, so that whoever makes it has nothing to decide.
pub fn size(source: &Header, transform: &Transform) -> Option<PictureSize> {
    let (own_width, own_height) = (source.width, source.height);
    let scaled = |scale: f64| {
        let side = |own: u32| ((f64::from(own) * scale.min(1.0)).round() as u32).max(1);
        Some(PictureSize { width: side(own_width), height: side(own_height), fit: Fit::Stretch })
    };
    let ratio = |asked: u32, own: u32| f64::from(asked) / f64::from(own);
    let (width, height) = match (transform.width, transform.height) {
        (None, None) => return None,
        (Some(width), None) => return scaled(ratio(width, own_width)),
        (None, Some(height)) => return scaled(ratio(height, own_height)),
        (Some(width), Some(height)) => (width, height),
    };
    let (least_width, least_height) = (width.min(own_width), height.min(own_height));
    let fit = match transform.resize.unwrap_or(Resize::Cover) {
        Resize::Contain => return scaled(ratio(width, own_width).min(ratio(height, own_height))),
        Resize::Fill => Fit::Stretch,
        Resize::Cover if has_proportions(source, least_width, least_height) => Fit::Stretch,
        Resize::Cover => Fit::Crop(transform.focus()),
    };
    Some(PictureSize { width: least_width, height: least_height, fit })
}

fn has_proportions(source: &Header, width: u32, height: u32) -> bool {
    u64::from(source.width) * u64::from(height) == u64::from(source.height) * u64::from(width)
}

#[cfg(test)]
mod tests {
    use super::super::header::Format;
    use super::*;
    use crate::ports::Focus;

    #[test]
    fn an_image_is_made_smaller_and_never_larger() {
        let crop = Fit::Crop(Focus::Point(0.5, 0.5));
        #[rustfmt::skip]
        let rows = [
            (Some(200),  Some(200),  None,                  Some((200, 200, crop.clone()))),
            (Some(200),  Some(150),  None,                  Some((200, 150, Fit::Stretch))),
            (Some(200),  Some(200),  Some(Resize::Contain), Some((200, 150, Fit::Stretch))),
            (Some(200),  Some(200),  Some(Resize::Fill),    Some((200, 200, Fit::Stretch))),
            (Some(200),  None,       None,                  Some((200, 150, Fit::Stretch))),
            (None,       Some(30),   Some(Resize::Fill),    Some((40, 30, Fit::Stretch))),
            (Some(2000), None,       None,                  Some((400, 300, Fit::Stretch))),
            (Some(2000), Some(200),  None,                  Some((400, 200, crop))),
            (Some(2000), Some(2000), Some(Resize::Contain), Some((400, 300, Fit::Stretch))),
            (None,       None,       Some(Resize::Fill),    None),
        ];
        let source = Header { format: Format::Png, width: 400, height: 300 };
        for (width, height, resize, expected) in rows {
            let transform = Transform { width, height, resize, ..Transform::default() };
            let found = size(&source, &transform).map(|size| (size.width, size.height, size.fit));
            assert_eq!(found, expected, "{width:?} {height:?} {resize:?}");
        }
        let line = Header { format: Format::Png, width: 10_000, height: 1 };
        let transform = Transform { width: Some(10), ..Transform::default() };
        assert_eq!(size(&line, &transform).map(|size| (size.width, size.height)), Some((10, 1)));
    }
}
