//! Words that this code base does not use for what a program does, in identifiers and in sentences.
//!
//! `banned-words.txt` is the list. An identifier is split at `_` and at camel-case boundaries, so `tell_all` and `tellAll` contain `tell`.

use super::source::{Finding, Source};

const BANNED_WORDS: &str = include_str!("banned-words.txt");

/// Legitimate uses: file, quoted text (`None` for the whole file) and reason.
const ALLOWED: &[(&str, Option<&str>, &str)] = &[("xtask/src/tidy/banned_words.rs", None, "this file explains and tests the rule")];

/// Finds banned words in code, comments and documents.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let allowed: Vec<_> = ALLOWED.iter().filter(|(path, ..)| *path == source.path).map(|(_, text, _)| *text).collect();
    if !source.has_extension(&["rs", "js", "mjs", "md"]) || allowed.contains(&None) {
        return findings;
    }
    for (line, text) in source.lines() {
        let text = allowed.iter().flatten().fold(text.to_owned(), |text, allowed| text.replace(allowed, ""));
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
    use super::{check, words};

    #[test]
    fn names_are_split_into_words() {
        let split = |text| words(text).collect::<Vec<_>>();
        assert_eq!(
            split("tell_all tellAll TELL_ALL TellAll HTTPTell"),
            ["tell", "all", "tell", "All", "TELL", "ALL", "Tell", "All", "HTTP", "Tell"]
        );
        assert_eq!(split("it's 2tell, telling."), ["it", "s", "tell", "telling"]);
    }

    #[test]
    fn banned_words_are_found_in_names_and_sentences() {
        assert_eq!(lines(check, "a.rs", "fn tell_all() {}\n// A storyteller.\nlet told = 1;\n"), [1, 3]);
        assert_eq!(lines(check, "a.md", "Telling nobody."), [1, 1]);
        assert_eq!(lines(check, "a.rs", "let stellar = hearing_aid;"), [1]);
        assert_eq!(lines(check, "xtask/src/tidy/banned_words.rs", "tell"), NO_LINES);
        assert_eq!(lines(check, "a.css", "tell"), NO_LINES);
    }
}
