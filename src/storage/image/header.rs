//! What an image's first bytes say: its format and its size. No pixel is decoded.

/// A format that can be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG (ITU T.81).
    Jpeg,
    /// PNG (RFC 2083).
    Png,
    /// GIF, also animated.
    Gif,
    /// WebP (RFC 9649).
    Webp,
    /// AVIF.
    Avif,
    /// HEIC, which is read but never written.
    Heic,
}

/// An image's size as it is looked at: turned as its EXIF data say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub format: Format,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// What the first bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniffed {
    /// An image of pixels.
    Image(Header),
    /// SVG, which has no pixels.
    Vector,
    /// An image, but its size stands further on.
    Further,
    /// Something else.
    Unknown,
}

/// Looks at a file's first bytes. Names and declared types are not believed.
pub fn sniff(bytes: &[u8]) -> Sniffed {
    let found = |format, size: Option<(u32, u32)>| match size {
        Some((width, height)) if width > 0 && height > 0 => Sniffed::Image(Header { format, width, height }),
        Some(_) => Sniffed::Unknown,
        None => Sniffed::Further,
    };
    match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes),
        [0x89, b'P', b'N', b'G', ..] => found(Format::Png, big_endian(bytes, 16).zip(big_endian(bytes, 20))),
        [b'G', b'I', b'F', b'8', ..] => found(Format::Gif, pair(bytes, 6)),
        [b'R', b'I', b'F', b'F', ..] if bytes.get(8..12) == Some(b"WEBP") => found(Format::Webp, webp(bytes)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => match bytes.get(8..12) {
            Some(b"avif" | b"avis") => found(Format::Avif, extent(bytes)),
            Some(b"heic" | b"heix" | b"mif1" | b"msf1") => found(Format::Heic, extent(bytes)),
            _ => Sniffed::Unknown,
        },
        _ if is_vector(bytes) => Sniffed::Vector,
        _ => Sniffed::Unknown,
    }
}

/// Segments up to the frame header; the EXIF segment comes before it.
fn jpeg(bytes: &[u8]) -> Sniffed {
    let mut at = 2;
    let mut is_turned = false;
    loop {
        let Some(&[0xff, marker]) = bytes.get(at..at + 2).and_then(|pair| pair.first_chunk::<2>()) else {
            return if bytes.len() < at + 2 { Sniffed::Further } else { Sniffed::Unknown };
        };
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 | 0xda => return Sniffed::Unknown,
            _ => {
                let Some(length) = short(bytes, at + 2) else { return Sniffed::Further };
                let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                if is_frame {
                    let Some((height, width)) = short(bytes, at + 5).zip(short(bytes, at + 7)) else {
                        return Sniffed::Further;
                    };
                    if width == 0 || height == 0 {
                        return Sniffed::Unknown;
                    }
                    let (width, height) = if is_turned { (height, width) } else { (width, height) };
                    return Sniffed::Image(Header { format: Format::Jpeg, width, height });
                }
                if marker == 0xe1 {
                    let segment = bytes.get(at + 4..bytes.len().min(at + 2 + length as usize));
                    is_turned |= segment.and_then(orientation).is_some_and(|turn| (5..=8).contains(&turn));
                }
                at += 2 + length as usize;
            }
        }
    }
}

/// EXIF's tag 0x0112 in the first directory of an APP1 segment.
fn orientation(segment: &[u8]) -> Option<u16> {
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let is_little = tiff.starts_with(b"II");
    let word = |at: usize| {
        let bytes = tiff.get(at..at + 2)?.first_chunk::<2>()?;
        Some(if is_little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) })
    };
    let long = |at: usize| {
        let bytes = tiff.get(at..at + 4)?.first_chunk::<4>()?;
        Some(if is_little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(word(directory)?);
    let entry = (0..entries).map(|index| directory + 2 + 12 * index).find(|at| word(*at) == Some(0x0112))?;
    word(entry + 8)
}

/// The three kinds of a WebP's first chunk.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let three = |at: usize| match bytes.get(at..at + 3) {
        Some(&[low, middle, high]) => Some(u32::from_le_bytes([low, middle, high, 0])),
        _ => None,
    };
    match bytes.get(12..16)? {
        b"VP8 " => pair(bytes, 26).map(|(width, height)| (width & 0x3fff, height & 0x3fff)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(*bytes.get(21..25)?.first_chunk::<4>()?);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((three(24)? + 1, three(27)? + 1)),
        _ => Some((0, 0)),
    }
}

/// The largest `ispe` box: the others are thumbnails and tiles.
fn extent(bytes: &[u8]) -> Option<(u32, u32)> {
    let boxes = bytes.windows(4).enumerate().filter(|(_, name)| *name == b"ispe");
    let sizes = boxes.filter_map(|(at, _)| big_endian(bytes, at + 8).zip(big_endian(bytes, at + 12)));
    sizes.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

fn is_vector(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(bytes.get(..1024.min(bytes.len())).unwrap_or_default());
    let start = start.trim_start_matches('\u{feff}').trim_start();
    start.starts_with("<svg")
        || ((start.starts_with("<?xml") || start.starts_with("<!")) && start.contains("<svg"))
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 2)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes).into())
}

fn big_endian(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Two little-endian words.
fn pair(bytes: &[u8], at: usize) -> Option<(u32, u32)> {
    let &[a, b, c, d] = bytes.get(at..at + 4)?.first_chunk::<4>()?;
    Some((u16::from_le_bytes([a, b]).into(), u16::from_le_bytes([c, d]).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    fn image(format: Format, width: u32, height: u32) -> Sniffed {
        Sniffed::Image(Header { format, width, height })
    }

    #[test]
    fn formats_say_their_size_in_the_first_bytes() {
        let png = joined(&[b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[0, 0, 1, 0], &[0, 0, 0, 9]]);
        assert_eq!(sniff(&png), image(Format::Png, 256, 9));
        assert_eq!(sniff(b"GIF89a\x02\x01\x03\0"), image(Format::Gif, 258, 3));
        let lossy = joined(&[b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a", &[200, 0, 100, 0]]);
        assert_eq!(sniff(&lossy), image(Format::Webp, 200, 100));
        let lossless = joined(&[b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f", &(9_u32 | (4 << 14)).to_le_bytes()]);
        assert_eq!(sniff(&lossless), image(Format::Webp, 10, 5));
        let extended = joined(&[b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0", &[9, 0, 0, 4, 0, 0]]);
        assert_eq!(sniff(&extended), image(Format::Webp, 10, 5));
        let avif = joined(&[
            b"\0\0\0\x1cftypavif",
            b"ispe\0\0\0\0",
            &[0, 0, 0, 7, 0, 0, 0, 8],
            b"ispe\0\0\0\0",
            &[0, 0, 1, 0, 0, 0, 1, 1],
        ]);
        assert_eq!(sniff(&avif), image(Format::Avif, 256, 257));
    }

    #[test]
    fn a_jpeg_is_read_up_to_its_frame_and_turned() {
        let frame = [0xff, 0xc2, 0, 17, 8, 0, 100, 0, 200];
        let plain = joined(&[&[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2], &frame]);
        assert_eq!(sniff(&plain), image(Format::Jpeg, 200, 100));
        let tiff = joined(&[b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"]);
        let turned = joined(&[&[0xff, 0xd8, 0xff, 0xe1, 0, tiff.len() as u8 + 2], &tiff, &frame]);
        assert_eq!(sniff(&turned), image(Format::Jpeg, 100, 200));
        for cut in 2..plain.len() {
            assert_eq!(sniff(&plain[..cut]), Sniffed::Further, "{cut}");
        }
        assert_eq!(sniff(&[0xff, 0xd8, 0, 0, 0, 0]), Sniffed::Unknown);
        assert_eq!(sniff(&[0xff, 0xd8, 0xff, 0xd9]), Sniffed::Unknown);
    }

    #[test]
    fn what_is_no_image_is_unknown() {
        assert_eq!(sniff(b"<?xml version='1.0'?><svg/>"), Sniffed::Vector);
        assert_eq!(sniff(b" <svg xmlns='http://www.w3.org/2000/svg'/>"), Sniffed::Vector);
        for bytes in
            [&b""[..], b"hello", b"<html><svg></html>", b"%PDF-1.4", b"RIFF\0\0\0\0WAVE", b"\0\0\0\0ftypmp42"]
        {
            assert_eq!(sniff(bytes), Sniffed::Unknown, "{bytes:?}");
        }
        assert_eq!(sniff(b"GIF89a\0\0\x03\0"), Sniffed::Unknown);
    }
}
