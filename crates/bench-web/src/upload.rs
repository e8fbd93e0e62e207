//! Forms that carry files (`multipart/form-data`, RFC 7578): one reader for all pages.
//!
//! A file over the limit is read to its end and thrown away rather than refused on the spot: a browser whose server hangs up
//! in the middle of an upload shows a broken connection, and never the page that would have said what to do.

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use web::{ApiError, ErrorCode};

use crate::view::Failure;

/// Parts of one form; a form of ours has a dozen fields, and 20 files at most.
const PARTS: usize = 200;

/// Longest name of a file that is kept, in characters (file systems take 255 octets).
const NAME: usize = 255;

/// One part of a form: a field, or a file.
#[derive(Debug)]
pub(crate) struct Part {
    /// Name of the field.
    pub(crate) field: String,
    /// The file's name as the browser gave it, where there is one: one line, 255 characters at most.
    pub(crate) file: Option<String>,
    /// What it holds; nothing where [`Part::is_cut`].
    pub(crate) bytes: Vec<u8>,
    /// Its size in octets, also of what was thrown away.
    pub(crate) size: u64,
    /// Whether it passed a limit and was thrown away.
    pub(crate) is_cut: bool,
}

/// How much of a form is kept in memory, in octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// Of one part.
    pub(crate) part: usize,
    /// Of all parts.
    pub(crate) all: usize,
}

impl Kept {
    /// No limit besides that of the route's body.
    pub(crate) const WHOLE: Self = Self { part: usize::MAX, all: usize::MAX };
}

impl Part {
    /// The text of a field.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The parts of a form, in their order. What the whole body may have is the route's `DefaultBodyLimit`.
///
/// # Errors
/// Where the body is no form with parts, is cut off, has too many parts, or passes the route's limit.
pub(crate) async fn read(mut form: Multipart, kept: Kept) -> Result<Vec<Part>, ApiError> {
    let mut parts = Vec::new();
    let mut all = 0_usize;
    while let Some(mut field) = form.next_field().await.map_err(|error| refused(&error))? {
        if parts.len() == PARTS {
            let message = format!("the form has more than {PARTS} parts");
            return Err(ApiError::new(ErrorCode::BadInput, message, "Send fewer files at a time."));
        }
        let mut part = Part {
            field: field.name().unwrap_or_default().to_owned(),
            file: field.file_name().map(one_line),
            bytes: Vec::new(),
            size: 0,
            is_cut: false,
        };
        while let Some(chunk) = field.chunk().await.map_err(|error| refused(&error))? {
            part.size += chunk.len() as u64;
            if part.is_cut {
                continue;
            }
            if part.bytes.len() + chunk.len() > kept.part.min(kept.all - all) {
                part.is_cut = true;
                part.bytes = Vec::new();
            } else {
                part.bytes.extend_from_slice(&chunk);
            }
        }
        all += part.bytes.len();
        parts.push(part);
    }
    Ok(parts)
}

/// The parts of a page's form, whole.
///
/// # Errors
/// As [`read`]; shown as a page.
pub(crate) async fn parts(form: Multipart) -> Result<Vec<Part>, Failure> {
    read(form, Kept::WHOLE).await.map_err(Failure)
}

fn refused(error: &MultipartError) -> ApiError {
    let mut api = ApiError::new(ErrorCode::BadInput, error.body_text(), "");
    api.status = error.status();
    api
}

/// A stranger's name for a file, fit to be shown and kept.
fn one_line(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::extract::{FromRequest as _, Request};
    use axum::http::header::CONTENT_TYPE;

    async fn form(body: &str) -> Multipart {
        let request = Request::post("/").header(CONTENT_TYPE, "multipart/form-data; boundary=x");
        Multipart::from_request(request.body(Body::from(body.to_owned())).unwrap(), &()).await.unwrap()
    }

    fn file(name: &str, text: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{text}\r\n")
    }

    #[tokio::test]
    async fn what_passes_a_limit_is_named_and_thrown_away() {
        let body = file("big\u{85}.eml", "123456")
            + &file("a", "1234")
            + &file("b", "1234")
            + &file("empty", "")
            + "--x--\r\n";
        let parts = read(form(&body).await, Kept { part: 5, all: 6 }).await.unwrap();
        let told: Vec<_> =
            parts.iter().map(|part| (part.file.as_deref().unwrap(), part.size, part.is_cut)).collect();
        assert_eq!(told, [("big.eml", 6, true), ("a", 4, false), ("b", 4, true), ("empty", 0, false)]);
        assert!(
            parts.iter().all(|part| part.bytes.len() == if part.is_cut { 0 } else { part.size as usize })
        );
    }

    #[tokio::test]
    async fn a_form_cut_off_and_one_with_too_many_parts_are_refused() {
        assert!(read(form(&file("a", "1234")).await, Kept::WHOLE).await.is_err());
        let body = file("a", "1").repeat(PARTS + 1) + "--x--\r\n";
        let refused = read(form(&body).await, Kept::WHOLE).await.unwrap_err();
        assert!(refused.message.contains("200 parts"), "{refused:?}");
    }
}
