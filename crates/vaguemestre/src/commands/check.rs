use std::fmt::Write as _;

use bench::Error;
use i18n::{Arg, Lang, text, text_with};
use rules::Text;
use rules::inspect::{Checked, Finding, Kind, Report, Settings, Severity, inspect_with};

use super::files::{self, Given};
use super::run::write;
use crate::cli::{Check, Cli};
use crate::output;

/// `vaguemestre check`: 0 no error (with `--strict` no warning either), 1 at least one, 2 unreadable or over a limit.
pub(crate) fn run(cli: &Cli, arguments: &Check) -> Result<u8, Error> {
    let files = files::given(&arguments.paths)?;
    let mut reading = Settings::with_motco2();
    reading.user_domains.extend(arguments.user_domains.iter().cloned());
    let report = Report::new(files.iter().map(|file| one(file, &reading)).collect::<Result<Vec<_>, _>>()?);
    if let Some(path) = &arguments.html {
        write(path, &page(cli.lang(), &report))?;
    }
    let found = report.summary();
    if cli.json {
        output::json(&serde_json::json!(report));
    } else {
        report.inputs().iter().for_each(|checked| print(cli.lang(), checked));
        println!("{}", summary(cli.lang(), &report));
    }
    Ok(if report.is_refused() {
        2
    } else {
        u8::from(found.errors > 0 || (arguments.strict && found.warnings > 0))
    })
}

fn one(given: &Given, reading: &Settings) -> Result<Checked, Error> {
    let path = given.path.display().to_string();
    let mut inspection = inspect_with(&path, &files::read(&given.path)?, reading);
    if given.found && inspection.kind == Kind::Unknown {
        // A directory holds other files too: they are named, and nothing is asked of them.
        inspection.refused = false;
        inspection.findings.iter_mut().for_each(|finding| finding.severity = Severity::Info);
    }
    Ok(Checked { path, inspection })
}

fn print(lang: Lang, Checked { path, inspection }: &Checked) {
    println!("{} — {}", plain(path), kind(lang, inspection.kind));
    for document in &inspection.facts.documents {
        println!("  · {}", plain(&line_of(document)));
    }
    if inspection.findings.is_empty() {
        println!("  {}", text(lang, "filecheck-nothing"));
    }
    for finding in &inspection.findings {
        println!(
            "  {:<13} {:<15} {}",
            severity(lang, finding.severity),
            finding.rule,
            plain(said(lang, &finding.message))
        );
        for (label, value) in
            [("filecheck-expected", &finding.expected), ("filecheck-received", &finding.received)]
        {
            if !value.is_empty() {
                println!("                {} {}", text(lang, label), plain(value));
            }
        }
        let place = place(lang, finding);
        if !place.is_empty() {
            println!("                {}", plain(&place));
        }
    }
}

fn line_of(document: &rules::inspect::DocumentFacts) -> String {
    let code = document.code.as_deref().unwrap_or("?");
    format!("{} — {} ({code}, {:?}, {})", document.file, document.title, document.level, document.action)
}

fn kind(lang: Lang, kind: Kind) -> String {
    match kind {
        Kind::Mail => text(lang, "filecheck-kind-mail"),
        Kind::Xdm => text(lang, "filecheck-kind-xdm"),
        Kind::Cda => text(lang, "filecheck-kind-cda"),
        Kind::Pdf => text(lang, "filecheck-kind-pdf"),
        Kind::Unknown => text(lang, "filecheck-kind-unknown"),
    }
}

fn severity(lang: Lang, severity: Severity) -> String {
    match severity {
        Severity::Error => text(lang, "filecheck-error"),
        Severity::Warning => text(lang, "filecheck-warning"),
        Severity::Info => text(lang, "filecheck-info"),
    }
}

fn said(lang: Lang, message: &Text) -> &str {
    if lang == Lang::Fr { &message.fr } else { &message.en }
}

fn place(lang: Lang, finding: &Finding) -> String {
    let at = &finding.at;
    let part = at.part.as_ref().map(|part| text_with(lang, "filecheck-part", &[("part", Arg::Text(part))]));
    let line =
        at.line.map(|line| text_with(lang, "filecheck-line", &[("line", Arg::Text(&line.to_string()))]));
    [part, at.entry.clone(), line].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn summary(lang: Lang, report: &Report) -> String {
    let found = report.summary();
    let values = [
        ("files", report.inputs().len().into()),
        ("errors", found.errors.into()),
        ("warnings", found.warnings.into()),
    ];
    text_with(lang, "filecheck-summary", &values)
}

/// A stranger's text, fit for a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control()
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                '⍰'
            } else {
                c
            }
        })
        .collect()
}

/// The report as one page that loads nothing.
fn page(lang: Lang, report: &Report) -> String {
    let title = text(lang, "filecheck-title");
    let mut body = String::new();
    for Checked { path, inspection } in report.inputs() {
        let _ = write!(body, "<h2>{}</h2><p>{}</p>", escaped(path), escaped(&kind(lang, inspection.kind)));
        if !inspection.facts.documents.is_empty() {
            let lines = inspection.facts.documents.iter();
            let items: String =
                lines.map(|document| format!("<li>{}</li>", escaped(&line_of(document)))).collect();
            let _ = write!(body, "<ul>{items}</ul>");
        }
        if inspection.findings.is_empty() {
            let _ = write!(body, "<p>{}</p>", escaped(&text(lang, "filecheck-nothing")));
            continue;
        }
        body.push_str("<table><thead><tr>");
        for id in [
            "filecheck-severity",
            "filecheck-rule",
            "filecheck-finding",
            "filecheck-expected",
            "filecheck-received",
            "filecheck-place",
        ] {
            let _ = write!(body, "<th scope=\"col\">{}</th>", escaped(&text(lang, id)));
        }
        body.push_str("</tr></thead><tbody>");
        for finding in &inspection.findings {
            let cells = [
                severity(lang, finding.severity),
                finding.rule.clone(),
                said(lang, &finding.message).to_owned(),
                finding.expected.clone(),
                finding.received.clone(),
                place(lang, finding),
            ];
            let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
            let _ = write!(body, "<tr>{cells}</tr>");
        }
        body.push_str("</tbody></table>");
    }
    let summary = escaped(&summary(lang, report));
    let (tag, title) = (lang.tag(), escaped(&title));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #999;padding:.3rem .5rem;text-align:left;\
         vertical-align:top;overflow-wrap:anywhere}}</style></head>\
         <body><main><h1>{title}</h1><p><strong>{summary}</strong></p>{body}</main></body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
