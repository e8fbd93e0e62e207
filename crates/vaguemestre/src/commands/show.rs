use std::io::{IsTerminal as _, Write as _};

use bench::{Code, Error};
use rules::inspect::documents;

use super::check::plain;
use super::files;
use crate::cli::{Cli, Show};

/// `vaguemestre show`: one document for a person, as text, as a page, or as PDF/A-1b.
pub(crate) fn run(_cli: &Cli, arguments: &Show) -> Result<u8, Error> {
    let bytes = files::read(&arguments.file)?;
    let found = documents(&arguments.file.display().to_string(), &bytes);
    let (path, bytes) = chosen(&found, arguments)?;
    let unreadable = |problem: String| {
        Error::new(Code::BadInput, format!("{}: {problem}", plain(path)), "Run: vaguemestre check FILE.")
            .field("file")
    };
    let whole = cda::read_whole(bytes).map_err(|error| unreadable(error.to_string()))?;
    let shown = if arguments.pdf {
        pdfa::render(&whole.header, bytes).map_err(|error| unreadable(error.to_string()))?.bytes
    } else if arguments.html {
        cda::html::page(&whole, &cda::html::Options::default()).into_bytes()
    } else {
        cda::text::plain(&whole).into_bytes()
    };
    put(&shown, arguments)?;
    Ok(0)
}

/// The document asked for: the only one, or that of `--document`.
fn chosen<'a>(found: &'a [(String, Vec<u8>)], arguments: &Show) -> Result<&'a (String, Vec<u8>), Error> {
    let refused = |message: String, next: &str| Error::new(Code::BadInput, message, next).field("file");
    let file = arguments.file.display();
    match (arguments.document, found) {
        (_, []) => Err(refused(
            format!("{file} holds no CDA document"),
            "Give a CDA document, an IHE_XDM archive or a mail that carries one.",
        )),
        (Some(number), _) => number.checked_sub(1).and_then(|index| found.get(index)).ok_or_else(|| {
            refused(format!("{file} holds {} document(s), not {number}", found.len()), "Number them from 1.")
        }),
        (None, [one]) => Ok(one),
        (None, several) => {
            let list: Vec<String> =
                (1..).zip(several).map(|(number, (path, _))| format!("{number}: {}", plain(path))).collect();
            let message = format!("{file} holds {} documents ({})", several.len(), list.join(", "));
            Err(refused(message, "Say which one: --document N."))
        }
    }
}

fn put(shown: &[u8], arguments: &Show) -> Result<(), Error> {
    if let Some(path) = &arguments.out {
        return std::fs::write(path, shown).map_err(|error| {
            let message = format!("{} cannot be written: {error}", path.display());
            Error::new(Code::BadInput, message, "Give a path in a folder that exists and can be written.")
                .field("out")
        });
    }
    if arguments.pdf && std::io::stdout().is_terminal() {
        let message = "a PDF is not written to a terminal";
        return Err(Error::new(Code::BadInput, message, "Add --out FILE.").field("out"));
    }
    // A reader that went away is no failure of ours.
    let _ = std::io::stdout().lock().write_all(shown);
    Ok(())
}
