//! Finds e-mail addresses in texts.

use std::ops::Range;

/// Returns where the first e-mail address of a text is, if there is one.
pub(super) fn find(text: &str) -> Option<Range<usize>> {
    let is_local = |letter: char| letter.is_alphanumeric() || "._%+-'".contains(letter);
    let is_domain = |letter: char| letter.is_alphanumeric() || ".-".contains(letter);
    text.match_indices('@').find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let start = before.char_indices().rev().take_while(|(_, letter)| is_local(*letter)).last().map(|(start, _)| start)?;
        let length =
            after.char_indices().take_while(|(_, letter)| is_domain(*letter)).last().map(|(end, letter)| end + letter.len_utf8())?;
        let domain = after.get(..length)?.trim_end_matches(['.', '-']);
        let (name, top) = domain.rsplit_once('.')?;
        let is_top = top.len() >= 2 && top.chars().all(char::is_alphabetic);
        // `logo@2x.png` is a picture for dense screens.
        let is_picture = name.strip_suffix('x').is_some_and(|scale| !scale.is_empty() && scale.bytes().all(|byte| byte.is_ascii_digit()));
        (is_top && !is_picture && !name.is_empty()).then_some(start..at + 1 + domain.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_texts() {
        for (text, found) in [
            ("jo@x.com", Some("jo@x.com")),
            ("mailto:Jo.Smith+b@shop.co.uk.", Some("Jo.Smith+b@shop.co.uk")),
            ("Jo <jo@x.com>", Some("jo@x.com")),
            ("@home", None),
            ("/maps/@42.69,23.32,15z", None),
            ("logo@2x.png", None),
            ("a@b", None),
            ("a@", None),
            ("", None),
        ] {
            assert_eq!(find(text).and_then(|range| text.get(range)), found, "{text}");
        }
    }
}
