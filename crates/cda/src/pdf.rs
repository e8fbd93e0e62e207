use std::fmt::Write as _;

/// A PDF of one A4 page with these lines in Helvetica: enough to be opened and read, and the same bytes every time. It
/// is no PDF/A: no font is embedded. Characters outside Latin-1 become question marks.
pub(crate) fn page(lines: &[&str]) -> Vec<u8> {
    let mut content = b"BT /F1 12 Tf 60 780 Td 16 TL\n".to_vec();
    for line in lines.iter().take(45) {
        content.push(b'(');
        for c in line.chars().take(90) {
            match c {
                '(' | ')' | '\\' => content.extend([b'\\', c as u8]),
                ' '..='~' => content.push(c as u8),
                '\u{2019}' => content.push(b'\''),
                '\u{a0}'..='\u{ff}' => content.push(c as u8), // WinAnsi is Latin-1 there
                _ => content.push(b'?'),
            }
        }
        content.extend(b") Tj T*\n");
    }
    content.extend(b"ET");
    let stream = format!("<< /Length {} >>\nstream\n", content.len());
    let stream = [stream.as_bytes(), content.as_slice(), b"\nendstream"].concat();
    let objects: [&[u8]; 5] = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R \
          /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        &stream,
    ];
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        out.extend(format!("{} 0 obj\n", index + 1).bytes());
        out.extend_from_slice(object);
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(table.bytes());
    out.extend(
        format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1)
            .bytes(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_points_at_the_objects() {
        let pdf = page(&["Lettre (à) lire", "→"]);
        let text: String = pdf.iter().map(|&b| b as char).collect();
        assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
        assert!(text.contains("(Lettre \\(\u{e0}\\) lire) Tj") && text.contains("(?) Tj"));
        let entries: Vec<usize> = text
            .lines()
            .filter(|line| line.ends_with(" n "))
            .map(|line| line[..10].parse().unwrap())
            .collect();
        assert_eq!(entries.len(), 5);
        for (index, at) in entries.into_iter().enumerate() {
            assert!(
                text[..].chars().skip(at).collect::<String>().starts_with(&format!("{} 0 obj", index + 1))
            );
        }
    }
}
