use super::tree::Tag;
use crate::media::Place;
use crate::{Whole, french, summary};

/// The header block: title, what must be seen first, and who, what, when.
pub(super) fn header(document: &Whole) -> Tag {
    let head = &document.header;
    let title = if head.title.is_empty() { "Document sans titre" } else { &head.title };
    let mut out = Tag::new("header").with(Tag::new("h1").text(title));
    let kind = head.code.as_ref().map(|code| code.display_name.as_str()).unwrap_or_default();
    if !kind.is_empty() && kind != head.title {
        out.push(Tag::new("p").class("sub").text(kind));
    }
    let masking = document.masking();
    if !masking.is_open() {
        let said = format!("Confidentialité : {}.", masking.labels().join(", "));
        out.push(Tag::new("p").class("notice").with(Tag::new("strong").text(said)));
    }
    let critical: Vec<_> = document.laboratory.critical().collect();
    if !critical.is_empty() {
        let mut list = Tag::new("ul");
        for result in critical.iter().take(20) {
            list.push(Tag::new("li").text(french::unbroken(&summary::result(result))));
        }
        let said = match critical.len() {
            1 => "Résultat critique".to_owned(),
            many => format!("{many} résultats critiques"),
        };
        let alert = Tag::new("div").class("notice alert").attribute("role", "note");
        out.push(alert.with(Tag::new("strong").text(said)).with(list));
    }
    let mut cards = Tag::new("div").class("facts");
    for card in summary::cards(head) {
        let mut list = Tag::new("dl");
        let mut last = "";
        for (name, value) in card.lines {
            if name != last {
                list.push(Tag::new("dt").text(name));
                last = name;
            }
            list.push(Tag::new("dd").text(value));
        }
        cards.push(Tag::new("section").class("card").with(Tag::new("h2").text(card.title)).with(list));
    }
    out.push(cards);
    if let Some(copy) = document.media.iter().find(|file| file.place == Place::Copy) {
        let size = french::size(copy.media.bytes.len());
        let said = format!("Ce document contient sa propre copie en {} ({size}).", copy.kind.label());
        out.push(Tag::new("p").class("notice").text(said));
    }
    out
}
