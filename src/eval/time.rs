//! Times as users and rulesets give them, in milliseconds since the epoch.
//!
//! Numbers below ten billion are seconds. Text is a whole number, an RFC 3339 time, `YYYY-MM-DD
//! HH:MM:SS` or `YYYY-MM-DD`; without an offset it is UTC.

use crate::user::ValueRef;

/// Below this a number is taken for seconds.
const SECONDS_LIMIT: f64 = 1e10;
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// `value` as a time, if it can be read as one.
pub(crate) fn to_epoch_ms(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Int(_) | ValueRef::UInt(_) | ValueRef::Float(_) => scale(value.to_number()?),
        ValueRef::Text(text) => {
            let text = text.trim();
            match text.parse::<i64>() {
                Ok(number) => scale(ValueRef::Int(number).to_number()?),
                Err(_) => parse_date(text),
            }
        }
        ValueRef::Missing | ValueRef::Bool(_) | ValueRef::Json(_) => None,
    }
}

fn scale(number: f64) -> Option<i64> {
    let ms = if number.abs() < SECONDS_LIMIT {
        number * 1000.0
    } else {
        number
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, which keeps the order"
    )]
    ms.is_finite().then_some(ms.floor() as i64)
}

/// A date, or a date and a time.
fn parse_date(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some()
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    let midnight = days_from_epoch(year, month, day) * DAY_MS;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (fraction_ms, zone) = parse_fraction(rest)?;
    Some(midnight + parse_clock(clock)? + fraction_ms - parse_zone(zone)?)
}

fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    // Second 60 is a leap second.
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    valid.then_some((hour * 3600 + minute * 60 + second) * 1000)
}

/// Milliseconds after the dot, and what follows.
fn parse_fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(end)?;
    let mut ms = 0;
    for place in 0..3 {
        let digit = fraction
            .as_bytes()
            .get(place)
            .map_or(0, |byte| i64::from(byte - b'0'));
        ms = ms * 10 + digit;
    }
    (!fraction.is_empty()).then_some((ms, zone))
}

/// Milliseconds east of UTC.
fn parse_zone(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None | Some(b'Z' | b'z') if text.len() <= 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &str, width: usize) -> Option<i64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, counted from the March that starts its year.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before_month = (153 * month + 2) / 5;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + before_month
        + day
        - 1
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_accepted_form() {
        for (text, ms) in [
            ("2023-11-14T22:13:19Z", Some(1_699_999_999_000)),
            ("2023-11-14T22:13:19.5Z", Some(1_699_999_999_500)),
            ("2023-11-14T23:13:19+02:00", Some(1_699_996_399_000)),
            ("2023-11-14 22:13:19", Some(1_699_999_999_000)),
            ("2023-11-14", Some(1_699_920_000_000)),
            ("1970-01-01", Some(0)),
            ("1969-12-31T23:59:59Z", Some(-1000)),
            ("2024-02-29", Some(1_709_164_800_000)),
            ("2023-02-29", None),
            ("garbage", None),
            ("", None),
            ("2023-11-14T22:13:19+2", None),
        ] {
            assert_eq!(parse_date(text), ms, "{text}");
        }
    }
}
