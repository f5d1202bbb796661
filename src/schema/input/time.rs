//! Dates and times in the ISO forms, with a space or a `T`, with or without an offset.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::InputError;
use crate::schema::DataType;
use crate::time::Timestamp;

/// `2026-01-02 03:04:05.12+02` → `2026-01-02T01:04:05.12+00:00`; without an offset it is UTC.
pub fn timestamptz(text: &str) -> Result<String, InputError> {
    if let Some(infinite) = infinity(text) {
        return Ok(infinite);
    }
    let moment = Moment::parse(&DataType::Timestamptz, text)?;
    let at = moment.at.and_utc().timestamp_micros();
    Ok(Timestamp(at).plus_seconds(-moment.offset_seconds).to_postgres())
}

/// What clocks show, of a text that names a moment and no offset.
pub fn without_offset(text: &str) -> Option<Timestamp> {
    let is_word = infinity(text).is_some() || text.trim().eq_ignore_ascii_case("epoch");
    let moment = Moment::parse(&DataType::Timestamptz, text).ok().filter(|_| !is_word)?;
    (!moment.says_offset).then(|| Timestamp(moment.at.and_utc().timestamp_micros()))
}

/// The same without a zone; an offset is read and dropped, as Postgres does.
pub fn timestamp(text: &str) -> Result<String, InputError> {
    if let Some(infinite) = infinity(text) {
        return Ok(infinite);
    }
    let moment = Moment::parse(&DataType::Timestamp, text)?;
    let text = Timestamp(moment.at.and_utc().timestamp_micros()).to_postgres();
    Ok(text.trim_end_matches("+00:00").to_string())
}

/// The day; a time behind it is read and dropped.
pub fn date(text: &str) -> Result<String, InputError> {
    if let Some(infinite) = infinity(text) {
        return Ok(infinite);
    }
    let moment = Moment::parse(&DataType::Date, text)?;
    Ok(moment.at.date().format("%Y-%m-%d").to_string())
}

/// `3:04` → `03:04:00`.
pub fn time(text: &str) -> Result<String, InputError> {
    let (time, carried) = clock(&DataType::Time, text, text.trim())?;
    if carried {
        return Ok("24:00:00".to_string());
    }
    Ok(time_text(time))
}

/// Hours, minutes, seconds and a fraction without trailing zeros.
pub fn time_text(time: NaiveTime) -> String {
    let text = time.format("%H:%M:%S%.6f").to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn infinity(text: &str) -> Option<String> {
    let word = text.trim().to_ascii_lowercase();
    matches!(word.as_str(), "infinity" | "-infinity").then_some(word)
}

struct Moment {
    at: NaiveDateTime,
    offset_seconds: i64,
    says_offset: bool,
}

impl Moment {
    fn parse(data_type: &DataType, text: &str) -> Result<Self, InputError> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("epoch") {
            return Ok(Self { at: NaiveDateTime::default(), offset_seconds: 0, says_offset: true });
        }
        let (day, rest) = match trimmed.find(['T', 't', ' ']) {
            Some(at) => trimmed.split_at(at),
            None => (trimmed, ""),
        };
        let day = day_of(data_type, text, day)?;
        let rest = rest.trim_start_matches(['T', 't', ' ']);
        let (time, offset) =
            rest.split_at(rest.find(['+', '-', 'Z', 'z', 'U', 'u', 'G']).unwrap_or(rest.len()));
        let (time, next_day) = match time.trim() {
            "" => (NaiveTime::MIN, false),
            time => clock(data_type, text, time)?,
        };
        let at = day.and_time(time) + TimeDelta::days(i64::from(next_day));
        let offset = offset.trim();
        let says_offset = !offset.is_empty();
        Ok(Self { at, offset_seconds: offset_of(data_type, text, offset)?, says_offset })
    }
}

fn day_of(data_type: &DataType, text: &str, day: &str) -> Result<NaiveDate, InputError> {
    let wrong = || InputError::syntax(data_type, text);
    let compact = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = if compact {
        [day.get(..4), day.get(4..6), day.get(6..)].into_iter().flatten().collect()
    } else {
        day.split(['-', '/']).collect()
    };
    let [year, month, date] = parts.as_slice() else { return Err(wrong()) };
    let number = |part: &str| {
        let digits = (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u32>().ok()).flatten().ok_or_else(wrong)
    };
    let (year, month, date) = (number(year)?, number(month)?, number(date)?);
    if year == 0 || year > 9999 {
        return Err(out_of_range(text));
    }
    NaiveDate::from_ymd_opt(year.cast_signed(), month, date).ok_or_else(|| out_of_range(text))
}

/// A time of day; true with it when it was 24:00 or its fraction rounded up to it.
fn clock(data_type: &DataType, text: &str, time: &str) -> Result<(NaiveTime, bool), InputError> {
    let wrong = || InputError::syntax(data_type, text);
    let mut parts = time.split(':');
    let mut number = |missing: Option<u32>| match parts.next() {
        Some(part) if part.len() <= 2 => part.parse::<u32>().map_err(|_| wrong()),
        Some(_) => Err(wrong()),
        None => missing.ok_or_else(wrong),
    };
    let (hour, minute) = (number(None)?, number(None)?);
    let seconds = time.splitn(3, ':').nth(2).unwrap_or("0");
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if second.is_empty() || second.len() > 2 || !digits(second) || !digits(fraction) {
        return Err(wrong());
    }
    let second: u32 = second.parse().map_err(|_| wrong())?;
    let micros = micros_of(fraction);
    if hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute, second, micros) != (0, 0, 0)) {
        return Err(out_of_range(text));
    }
    let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let total = TimeDelta::seconds(of_day) + TimeDelta::microseconds(micros);
    let (time, carried) = NaiveTime::MIN.overflowing_add_signed(total);
    Ok((time, carried > 0))
}

/// Microseconds of a decimal fraction, rounded.
fn micros_of(fraction: &str) -> i64 {
    let padded: String = fraction.chars().chain(std::iter::repeat('0')).take(7).collect();
    padded.parse::<i64>().map_or(0, |tenths| (tenths + 5) / 10)
}

/// `Z`, `UTC`, `+02`, `+0230`, `-02:30`, `+02:30:15` → seconds east of Greenwich.
fn offset_of(data_type: &DataType, text: &str, offset: &str) -> Result<i64, InputError> {
    let wrong = || InputError::syntax(data_type, text);
    if offset.is_empty() || ["z", "utc", "gmt"].contains(&offset.to_ascii_lowercase().as_str()) {
        return Ok(0);
    }
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits = offset.strip_prefix(['+', '-']).ok_or_else(wrong)?;
    let parts: Vec<&str> = match digits.contains(':') {
        true => digits.split(':').collect(),
        false if digits.len() > 2 => {
            [digits.get(..digits.len() - 2), digits.get(digits.len() - 2..)].into_iter().flatten().collect()
        }
        false => vec![digits],
    };
    let mut seconds = 0;
    for (part, unit) in parts.iter().zip([3600, 60, 1]) {
        let number: i64 = part.parse().map_err(|_| wrong())?;
        if part.is_empty() || part.len() > 2 || number > 59 {
            return Err(wrong());
        }
        seconds += number * unit;
    }
    if parts.len() > 3 || seconds > 16 * 3600 {
        return Err(InputError::new("22009", format!("time zone displacement out of range: \"{text}\"")));
    }
    Ok(sign * seconds)
}

fn out_of_range(text: &str) -> InputError {
    InputError::new("22008", format!("date/time field value out of range: \"{text}\""))
}
