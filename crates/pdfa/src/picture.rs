//! Pictures of the narrative, as PDF/A-1 takes them: no transparency (ISO 19005-1 §6.4), no CMYK without a profile.

use std::fmt;

use krilla::image::{BitsPerComponent, CustomImage, Image, ImageColorspace};
use png::{ColorType, Transformations};

/// A picture that can be painted.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) image: Image,
    /// In pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

/// What the first octets of an embedded file say it is; the declared type lies in six published examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pdf,
    Png,
    Jpeg,
    Other,
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [b'%', b'P', b'D', b'F', b'-', ..] => Self::Pdf,
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            _ => Self::Other,
        }
    }
}

/// Reads a PNG or JPEG of at most `pixels`; `None` for what is neither, is damaged, too large, or in colours that
/// PDF/A-1 does not take.
pub(crate) fn read(bytes: &[u8], pixels: u64) -> Option<Picture> {
    match Kind::of(bytes) {
        Kind::Png => png(bytes, pixels),
        Kind::Jpeg => jpeg(bytes, pixels),
        Kind::Pdf | Kind::Other => None,
    }
}

/// Pixels of a PNG, on white.
#[derive(Clone, Hash)]
struct Pixels {
    colours: std::sync::Arc<[u8]>,
    size: (u32, u32),
}

impl CustomImage for Pixels {
    fn color_channel(&self) -> &[u8] {
        &self.colours
    }
    fn alpha_channel(&self) -> Option<&[u8]> {
        None
    }
    fn bits_per_component(&self) -> BitsPerComponent {
        BitsPerComponent::Eight
    }
    fn size(&self) -> (u32, u32) {
        self.size
    }
    fn icc_profile(&self) -> Option<&[u8]> {
        None
    }
    fn color_space(&self) -> ImageColorspace {
        ImageColorspace::Rgb
    }
}

fn png(bytes: &[u8], pixels: u64) -> Option<Picture> {
    let limit = usize::try_from(pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut decoder =
        png::Decoder::new_with_limits(std::io::Cursor::new(bytes), png::Limits { bytes: limit });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > pixels {
        return None;
    }
    let mut samples = vec![0; reader.output_buffer_size().filter(|&size| size <= limit)?];
    let frame = reader.next_frame(&mut samples).ok()?;
    samples.truncate(frame.buffer_size());
    let over = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u16::from(colour), u16::from(alpha));
        u8::try_from((colour * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255)
    };
    let colours: Vec<u8> = match frame.color_type {
        ColorType::Rgb => samples,
        ColorType::Grayscale => samples.iter().flat_map(|&grey| [grey; 3]).collect(),
        ColorType::GrayscaleAlpha => {
            samples.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [over(grey, alpha); 3]).collect()
        }
        ColorType::Rgba => {
            let flat = |&[r, g, b, alpha]: &[u8; 4]| [over(r, alpha), over(g, alpha), over(b, alpha)];
            samples.as_chunks::<4>().0.iter().flat_map(flat).collect()
        }
        ColorType::Indexed => return None, // EXPAND leaves none
    };
    // The writer asserts this length.
    if colours.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return None;
    }
    let image = Image::from_custom(Pixels { colours: colours.into(), size: (width, height) }, false).ok()?;
    Some(Picture { image, width, height })
}

fn jpeg(bytes: &[u8], pixels: u64) -> Option<Picture> {
    let (width, height, components) = frame_of_jpeg(bytes)?;
    if !matches!(components, 1 | 3) || u64::from(width) * u64::from(height) > pixels {
        return None;
    }
    let image = Image::from_jpeg(bytes.to_vec().into(), false).ok()?;
    (image.size() == (width, height)).then_some(Picture { image, width, height })
}

/// Width, height and number of components from the frame header (ITU-T T.81 §B.2.2): baseline, extended or
/// progressive, of 8 bits, which are what DCTDecode of PDF 1.4 reads.
fn frame_of_jpeg(bytes: &[u8]) -> Option<(u32, u32, u8)> {
    let mut at = 2;
    loop {
        let &[0xff, marker] = bytes.get(at..at + 2)?.as_array::<2>()? else { return None };
        let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xc2 => {
                let (precision, components) = (*bytes.get(at + 4)?, *bytes.get(at + 9)?);
                let (height, width) = (u32::from(word(at + 5)?), u32::from(word(at + 7)?));
                return (precision == 8 && width > 0 && height > 0).then_some((width, height, components));
            }
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xd9 | 0xda => return None,
            _ => at += 2 + usize::from(word(at + 2)?.max(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_png(colour: ColorType, data: &[u8], width: u32, height: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        out
    }

    #[test]
    fn pictures_are_read_within_limits_and_damaged_ones_are_not() {
        let rgba = write_png(ColorType::Rgba, &[200, 0, 0, 128, 0, 0, 0, 0], 2, 1);
        let picture = read(&rgba, 2).unwrap();
        assert_eq!((picture.width, picture.height), (2, 1));
        assert!(read(&rgba, 1).is_none());
        assert!(read(&rgba[..rgba.len() - 20], 100).is_none());
        assert!(read(&write_png(ColorType::GrayscaleAlpha, &[1, 2], 1, 1), 10).is_some());
        assert!(read(b"\xff\xd8\xff", 10).is_none());
        assert!(read(b"<svg/>", 10).is_none());
        let cmyk = b"\xff\xd8\xff\xc0\x00\x14\x08\x00\x01\x00\x01\x04";
        assert_eq!(frame_of_jpeg(cmyk), Some((1, 1, 4)));
        assert!(read(cmyk, 10).is_none());
    }
}
