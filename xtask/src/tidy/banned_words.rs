//! Words that this code base does not use for what a program does, in identifiers and in sentences.
//!
//! `banned-words.txt` is the list. An identifier is split at `_` and at camel-case boundaries: `send_all` and `sendAll` have two words.

use super::source::{Finding, Source};

const BANNED_WORDS: &str = include_str!("banned-words.txt");

/// Quotations that contain a banned word: file, quoted text and reason. The check skips the text in that file.
const ALLOWED: &[(&str, &str, &str)] = &[];

/// Finds banned words in code, comments and documents.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !source.has_extension(&["rs", "js", "mjs", "md"]) {
        return findings;
    }
    let allowed: Vec<_> = ALLOWED.iter().filter(|(path, ..)| *path == source.path).map(|(_, text, _)| *text).collect();
    for (line, text) in source.lines() {
        let text = allowed.iter().fold(text.to_owned(), |text, allowed| text.replace(allowed, ""));
        for word in words(&text).filter(|word| BANNED_WORDS.lines().any(|banned| word.eq_ignore_ascii_case(banned))) {
            findings.push(
                source.finding(line, format!("`{word}` is a banned word; name the action: send, emit, report, return, parse, delete")),
            );
        }
    }
    findings
}

/// Splits at characters that are no ASCII letters, and at camel-case boundaries.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphabetic()).flat_map(|name| {
        let letters = name.as_bytes();
        let is_start = move |at: usize| {
            let after_lower = letters[at - 1].is_ascii_lowercase();
            let before_lower = letters.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            letters[at].is_ascii_uppercase() && (after_lower || before_lower)
        };
        let mut start = 0;
        (1..=name.len()).filter_map(move |end| {
            let is_end = end == name.len() || is_start(end);
            is_end.then(|| &name[std::mem::replace(&mut start, end)..end])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINES, lines};
    use super::{BANNED_WORDS, check, words};

    #[test]
    fn names_are_split_into_words() {
        let split = |text| words(text).collect::<Vec<_>>();
        assert_eq!(split("send_all sendAll SEND_ALL HTTPSend"), ["send", "all", "send", "All", "SEND", "ALL", "HTTP", "Send"]);
        assert_eq!(split("it's 2sent, sending."), ["it", "s", "sent", "sending"]);
    }

    #[test]
    fn banned_words_are_found_in_names_and_sentences() {
        for word in BANNED_WORDS.lines() {
            let upper = word.to_uppercase();
            let text = format!("fn {word}_all() {{}}\n// Do not {word}.\nlet x{word} = 1;\nconst A_{upper}: u8 = 1;\n");
            assert_eq!(lines(check, "a.rs", &text), [1, 2, 4], "{word}");
            assert_eq!(lines(check, "a.css", &text), NO_LINES);
        }
    }
}
