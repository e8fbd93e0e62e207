//! IMAP's two dates (RFC 3501 §9).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cursor::{Cursor, Parse, ParseError};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes an INTERNALDATE, quotes included, in UTC: `"17-Jul-1996 02:44:25 +0000"`.
pub fn internal_date(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    let month = MONTHS[usize::from(at.month().unsigned_abs() - 1) % 12];
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("\"{:2}-{month}-{:04} {hour:02}:{minute:02}:{second:02} +0000\"", at.day(), at.year())
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i64 {
    let seconds = date.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second());
    seconds.div_euclid(86_400)
}

/// `date-time`: `"17-Jul-1996 02:44:25 -0700"`, the day with a leading space or zero.
pub(crate) fn date_time(cursor: &mut Cursor<'_>) -> Parse<Timestamp> {
    let at = cursor.at();
    let text = cursor.string()?;
    let wrong = ParseError { at, expected: "a date as in \"17-Jul-1996 02:44:25 -0700\"" };
    read_date_time(&String::from_utf8_lossy(&text)).ok_or(wrong)
}

pub(crate) fn read_date_time(text: &str) -> Option<Timestamp> {
    let mut words = text.trim_start().split(' ');
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || zone.len() != 5 || !zone.is_ascii() {
        return None;
    }
    let mut clock = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let sign = match &zone[..1] {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = (zone[1..3].parse::<i32>().ok()?, zone[3..].parse::<i32>().ok()?);
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    let local = jiff::civil::Time::new(hour, minute, second.min(59), 0).ok()?.on(
        read_date(date)?.year(),
        read_date(date)?.month(),
        read_date(date)?.day(),
    );
    offset.to_timestamp(local).ok()
}

/// `date` of SEARCH: `1-Feb-1994`, bare or quoted.
pub(crate) fn date(cursor: &mut Cursor<'_>) -> Parse<Date> {
    let at = cursor.at();
    let text = cursor.astring()?;
    read_date(&String::from_utf8_lossy(&text)).ok_or(ParseError { at, expected: "a date as in 1-Feb-1994" })
}

fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || day.len() > 2 {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    Date::new(year.parse().ok()?, i8::try_from(month + 1).ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates_both_ways() {
        let mut cursor = Cursor::new(b"\"17-Jul-1996 02:44:25 -0700\"");
        let at = date_time(&mut cursor).unwrap();
        assert_eq!(at.to_string(), "1996-07-17T09:44:25Z");
        assert_eq!(internal_date(at), "\"17-Jul-1996 09:44:25 +0000\"");
        let early: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        assert_eq!(internal_date(early), "\" 3-Feb-2026 04:05:06 +0000\"");
        let text = internal_date(early);
        let back = date_time(&mut Cursor::new(text.as_bytes())).unwrap();
        assert_eq!(back.as_second(), early.as_second());
    }

    #[test]
    fn bad_dates_are_refused() {
        for bad in [
            "\"\"",
            "\"32-Jan-2020 00:00:00 +0000\"",
            "\"1-Foo-2020 00:00:00 +0000\"",
            "\"1-Jan-2020 0:0 +é00\"",
        ] {
            assert!(date_time(&mut Cursor::new(bad.as_bytes())).is_err(), "{bad}");
        }
        assert!(date(&mut Cursor::new(b"30-Feb-2020")).is_err());
        assert_eq!(date(&mut Cursor::new(b"\"1-feb-1994\"")).unwrap().to_string(), "1994-02-01");
    }
}
