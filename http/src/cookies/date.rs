//! The dates of cookies, which servers write in every way there is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time in `text`, by the algorithm of RFC 6265, section 5.1.1. What is before 1970 is 1970,
/// which is past as well.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = clock(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2..=4)
        {
            year = Some(match found {
                70..=99 => found + 1900,
                0..=69 => found + 2000,
                _ => found,
            });
        }
    }
    let ((hour, minute, second), day, month, year) = (time?, day?, month?, year?);
    let is_sound = (1..=31).contains(&day)
        && year >= 1601
        && hour <= 23
        && minute <= 59
        && second <= 59
        && day <= days_in(month, year);
    if !is_sound {
        return None;
    }
    let days = days_since_1970(year, month, day);
    let seconds = days * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn is_delimiter(letter: char) -> bool {
    matches!(letter, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// The digits that a token begins with, if they are so many and no digit follows.
fn number(token: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let count = token.bytes().take_while(u8::is_ascii_digit).count();
    digits
        .contains(&count)
        .then(|| token[..count].parse().ok())?
}

/// Hours, minutes and seconds with colons between them.
fn clock(token: &str) -> Option<(u32, u32, u32)> {
    let mut fields = token.splitn(3, ':');
    let (hour, minute) = (whole(fields.next()?)?, whole(fields.next()?)?);
    Some((hour, minute, number(fields.next()?, 1..=2)?))
}

fn whole(field: &str) -> Option<u32> {
    let is_number =
        (1..=2).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| field.parse().ok())?
}

fn month_of(token: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let begin = token.get(..3)?.to_ascii_lowercase();
    let at = NAMES.iter().position(|name| *name == begin)?;
    u32::try_from(at + 1).ok()
}

fn days_in(month: u32, year: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counted from a March, so that the odd day of a leap year comes last.
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let before_year = 365 * year + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    i64::from(before_year + before_month + day - 1) - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    // R61
    #[test]
    fn dates_are_read_however_they_are_written() {
        for (text, expected) in [
            (
                "Thu, 01 Jan 1970 00:00:01 GMT",
                "Thu, 01 Jan 1970 00:00:01 GMT",
            ),
            (
                "Thu, 26-Jun-14 18:59:59 GMT",
                "Thu, 26 Jun 2014 18:59:59 GMT",
            ),
            (
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:37 GMT",
            ),
            ("Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("1 2 3 feb 2020 1:2:3", "Sat, 01 Feb 2020 01:02:03 GMT"),
            ("21 Oct 65 1:1:1", "Wed, 21 Oct 2065 01:01:01 GMT"),
            ("29 Feb 2024 12:00:00 CET", "Thu, 29 Feb 2024 12:00:00 GMT"),
            (
                "Thu, 31 Dec 23:55:55 2037 GMT",
                "Thu, 31 Dec 2037 23:55:55 GMT",
            ),
            (
                "Wed Dec 12 2007 08:44:07 GMT-0500 (EST)",
                "Wed, 12 Dec 2007 08:44:07 GMT",
            ),
            ("Thursday, 01-Jan-70 0:0:1", "Thu, 01 Jan 1970 00:00:01 GMT"),
            ("31 Dec 9999 23:59:59", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let found = parse(text).map(httpdate::fmt_http_date);
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("1 Jan 1700 0:0:0"), Some(UNIX_EPOCH));
        for bad in [
            "",
            "Mon, 01-Jan-2011 00: 00:00 GMT",
            "tomorrow",
            "1 Jan 1600 0:0:0",
            "32 Jan 2020 0:0:0",
            "30 Feb 2020 0:0:0",
            "1 Jan 2020 24:0:0",
            "1 Jan 2020",
            "1 Jan 142000 0:0:0",
            "29 Feb 2023 0:0:0",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
