//! A document as a page for a browser.
//!
//! The page is built as a tree of elements whose names and attributes are constants of this crate ([`tree`]); what the
//! document says can only become text, or the value of an attribute that was judged before. So a document cannot bring a
//! script, a style, a frame, or a load from elsewhere, whatever it holds. A content security policy says the same to the
//! browser once more.

mod header;
mod narrative;
mod tree;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Whole;
use header::header;
use narrative::Writer;
use tree::Tag;

/// What a page is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all anchors begin with, so that they meet none of the page around. ASCII letters, digits and `-`.
    pub anchors: String,
    /// Whether pictures are shown; otherwise they are named.
    pub pictures: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { anchors: "d-".into(), pictures: true }
    }
}

/// A whole page: header block, narrative, what is attached.
pub fn page(document: &Whole, options: &Options) -> String {
    let title = match document.header.title.as_str() {
        "" => "Document sans titre",
        title => title,
    };
    let head = Tag::new("head")
        .with(Tag::new("meta").attribute("charset", "utf-8"))
        .with(meta("http-equiv", "Content-Security-Policy", policy()))
        .with(meta("name", "referrer", "no-referrer"))
        .with(meta("name", "viewport", "width=device-width, initial-scale=1"))
        .with(Tag::new("title").text(title))
        .with(Tag::new("style").text(STYLE));
    let body = Tag::new("body").with(Tag::new("main").with(article(document, options)));
    let html = Tag::new("html").attribute("lang", "fr").with(head).with(body);
    format!("<!DOCTYPE html>\n{}\n", html.write())
}

/// The same without the page around it, for a page that brings its own style ([`style`]).
pub fn fragment(document: &Whole, options: &Options) -> String {
    article(document, options).write()
}

/// The style sheet of [`page`].
pub fn style() -> &'static str {
    STYLE
}

/// The content security policy of [`page`]: nothing from anywhere but pictures within it and its own style, told by its
/// hash. Whoever serves the page sends it as a header too.
pub fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(kernel::sha256(STYLE.as_bytes()));
        format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        )
    });
    &POLICY
}

fn meta(kind: &'static str, name: &str, content: &str) -> Tag {
    Tag::new("meta").attribute(kind, name).attribute("content", content)
}

fn article(document: &Whole, options: &Options) -> Tag {
    let mut writer = Writer::new(document, options);
    let mut article = Tag::new("article").class("cda").with(header(document));
    article.push(writer.body());
    article
}

const STYLE: &str = "\
body{margin:0;background:Canvas;color:CanvasText;color-scheme:light dark}\
.cda{max-width:80rem;margin:0 auto;padding:1.25rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
.cda h1{font-size:1.5rem;line-height:1.25;margin:0 0 .6rem}\
.cda h2{font-size:1.2rem;margin:1.75rem 0 .5rem;padding-bottom:.2rem;border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent)}\
.cda h3,.cda h4,.cda h5,.cda h6{font-size:1.05rem;margin:1.25rem 0 .4rem}\
.cda .sub{margin:-.35rem 0 1rem;opacity:.8}\
.cda header{padding-bottom:1rem}\
.cda .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:.75rem}\
.cda .card{border:1px solid color-mix(in srgb,currentColor 22%,transparent);border-radius:.4rem;padding:.75rem 1rem}\
.cda .card h2{border:0;margin:0 0 .4rem;padding:0;font-size:1rem}\
.cda dl{margin:0;display:grid;grid-template-columns:9.5rem 1fr;gap:.15rem .9rem}\
.cda dt{opacity:.75}\
.cda dt{grid-column:1}.cda dd{grid-column:2;margin:0}\
.cda .notice{margin:.75rem 0;padding:.6rem .9rem;border-left:.3rem solid currentColor;background:color-mix(in srgb,currentColor 7%,transparent)}\
.cda p.notice{max-width:none}.cda .alert{border-color:#c8102e}.cda .alert ul{margin:.3rem 0}.cda .alert li{max-width:none}\
.cda .alert strong{color:#c8102e}\
@media(prefers-color-scheme:dark){.cda .alert strong{color:#ff8095}}\
.cda .table{overflow-x:auto;margin:.5rem 0 1rem}\
.cda table{border-collapse:collapse;min-width:40%;overflow-wrap:normal;font-size:.94em;line-height:1.4}\
.cda caption{text-align:left;font-weight:600;padding:.2rem 0}\
.cda th,.cda td{border:1px solid color-mix(in srgb,currentColor 22%,transparent);padding:.3rem .6rem;text-align:left;vertical-align:top}\
.cda th,.cda thead td{background:color-mix(in srgb,currentColor 8%,transparent);font-weight:600}\
.cda .a-center{text-align:center}\
.cda .a-right{text-align:right}\
.cda .a-justify{text-align:justify}\
.cda .s-bold{font-weight:700}\
.cda .s-italics,.cda .s-emphasis{font-style:italic}\
.cda .s-underline{text-decoration:underline}\
.cda p,.cda .p{margin:.4rem 0}.cda p,.cda .p,.cda li{max-width:80ch}\
.cda .caption{font-weight:600}\
.cda .note{font-size:.9em;opacity:.85}\
.cda del{opacity:.7}\
.cda img{max-width:100%;height:auto}\
.cda figure{margin:.6rem 0}\
.cda figcaption,.cda .file,.cda .where{font-size:.9em;opacity:.85}\
.cda pre{white-space:pre-wrap;font:inherit}\
@media(max-width:40rem){.cda{padding:.75rem}.cda dl{grid-template-columns:1fr}.cda dd{grid-column:1;margin-bottom:.35rem}.cda .facts{grid-template-columns:1fr}}\
@media print{.cda{max-width:none;padding:0;font-size:10pt}.cda .table{overflow:visible}.cda table{font-size:8.5pt}.cda tr{break-inside:avoid}}";
