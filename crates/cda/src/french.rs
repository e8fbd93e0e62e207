//! Dates and sizes as the French write them.

use crate::Time;

/// `01/04/2021 à 17:10`, as the document says it, in the zone of its writer; shorter where it says less.
pub(crate) fn moment(time: &Time) -> String {
    let digits: &str = {
        let count = time.as_str().bytes().take_while(u8::is_ascii_digit).count();
        &time.as_str()[..count]
    };
    let date = match digits.len() {
        0..=5 => digits.get(..4).unwrap_or(digits).to_owned(),
        6 | 7 => format!("{}/{}", &digits[4..6], &digits[..4]),
        _ => format!("{}/{}/{}", &digits[6..8], &digits[4..6], &digits[..4]),
    };
    match digits.get(8..12) {
        Some(clock) => format!("{date} à {}:{}", &clock[..2], &clock[2..]),
        None => date,
    }
}

/// `12 Ko`, in units of 1 000 octets.
pub(crate) fn size(octets: usize) -> String {
    match octets {
        0..1_000 => format!("{octets} octets"),
        1_000..1_000_000 => format!("{} Ko", octets.div_ceil(1_000)),
        _ => format!("{},{} Mo", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

/// With no line broken before a colon, a semicolon or a per cent sign.
pub(crate) fn unbroken(text: &str) -> String {
    text.replace(" :", "\u{a0}:").replace(" ;", "\u{a0};").replace(" %", "\u{a0}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_long_as_they_are_known() {
        for (text, said) in [
            ("20210401171000+0100", "01/04/2021 à 17:10"),
            ("202104011710", "01/04/2021 à 17:10"),
            ("20210401", "01/04/2021"),
            ("202104", "04/2021"),
            ("2021", "2021"),
            ("20211", "2021"),
        ] {
            assert_eq!(moment(&Time::parse(text).unwrap()), said);
        }
        assert_eq!(
            (size(12), size(12_001), size(2_054_919)),
            ("12 octets".into(), "13 Ko".into(), "2,0 Mo".into())
        );
    }
}
