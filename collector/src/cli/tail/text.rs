//! An event as a line for people.
//!
//! Values come from pages, so they may contain control sequences for the terminal. No control character of a value is printed.

use std::fmt::Write;

use anstyle::{AnsiColor, Color, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::filter::Kind;

/// The most characters of a parameter.
const MAX_VALUE_CHARS: usize = 120;

/// The length of the id of a visitor without an address.
const VISITOR_ID_CHARS: usize = 12;

const DIM: Style = Style::new().dimmed();
const VISITOR: Style = colour(AnsiColor::Cyan);
const REJECTED: Style = colour(AnsiColor::Red).bold();

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Returns the style of an event type: what changes a basket or an order stands out.
fn style(name: &str) -> Style {
    match name {
        "order" | "order_cancel" | "order_return" => colour(AnsiColor::Green).bold(),
        "basket_add" | "basket_remove" | "basket_update" | "checkout" => colour(AnsiColor::Yellow),
        "identify" | "customer_details" | "tag" => colour(AnsiColor::Magenta),
        _ => colour(AnsiColor::Blue),
    }
}

/// Returns the line of an event, without a line break.
pub(super) fn render(kind: Kind, event: &Value) -> String {
    let name = event["type"].as_str().unwrap_or("(no type)");
    let time = event["time"].as_i64().map_or_else(|| " ".repeat(19), local_time);
    let mut out = format!("{DIM}{time}{DIM:#} ");
    let _ = match kind {
        Kind::Stored => {
            let (style, visitor) = (style(name), visitor(event));
            write!(out, "{style}{:16}{style:#} {VISITOR}{visitor}{VISITOR:#}", clean(name))
        }
        Kind::Rejected => {
            let text = |field: &str| clean(event[field].as_str().unwrap_or_default());
            write!(out, "{REJECTED}{:16}{REJECTED:#} rejected, {}: {}", clean(name), text("code"), text("message"))
        }
    };
    for (name, value) in event["params"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(out, "  {DIM}{}={DIM:#}{}", clean(name), clean(&shortened(&value, MAX_VALUE_CHARS)));
    }
    if let Some(url) = event["page"]["url"].as_str() {
        let _ = write!(out, "  {DIM}{}{DIM:#}", clean(&shortened(url, MAX_VALUE_CHARS)));
    }
    out
}

/// Returns the time of day where the program runs.
fn local_time(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or_default();
    TimeZone::system().to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Returns the e-mail address of the visitor or, without one, the beginning of the id.
fn visitor(event: &Value) -> String {
    let id = || event["visitor_id"].as_str().map(|id| id.chars().take(VISITOR_ID_CHARS).collect());
    event["email"].as_str().map(str::to_owned).or_else(id).map_or_else(|| "(no visitor)".into(), |text| clean(&text))
}

fn shortened(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the text with its control characters, and those that change the direction of writing, as escapes.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unprintable(character) {
            true => out.extend(character.escape_unicode()),
            false => out.push(character),
        }
    }
    out
}

/// Returns the same JSON without control characters: JSON itself allows some within strings.
pub(super) fn without_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unprintable(character) {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

fn is_unprintable(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
