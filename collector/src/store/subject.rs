//! A person, how stored texts mention them, and what an erasure of them changed.

use serde::Serialize;

use super::spelling;

/// What an erasure deleted or anonymised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Deleted events: those of the person, and those that mention the e-mail.
    pub events: u64,
    /// Visitors of the person.
    pub visitors: u64,
    /// Deleted customers.
    pub customers: u64,
    /// Deleted carts, imported ones included.
    pub carts: u64,
    /// Anonymised orders.
    pub orders: u64,
    /// Anonymised returns.
    pub returns: u64,
}

/// A person: to erase, or to show what is stored about them.
#[derive(Debug)]
pub(in crate::store) struct Subject {
    pub(in crate::store) project: i64,
    /// The normalised e-mail.
    pub(in crate::store) email: String,
}

impl Subject {
    pub(in crate::store) fn new(project: i64, email: String) -> Self {
        Self { project, email }
    }

    /// Whether a text contains the e-mail, in any spelling that decoding makes plain, and not as a part of a longer e-mail.
    pub(in crate::store) fn is_named_in(&self, text: &str) -> bool {
        // Every spelling has one of these characters, and few texts do.
        if !text.contains(['@', '%', '\\', '&']) {
            return false;
        }
        let (decoded, escaped) = spelling::decode_fully(text);
        let mut found = decoded.match_indices(self.email.as_str());
        let at_sign = self.email.find('@').unwrap_or_default();
        found.any(|(at, _)| {
            let is_form = escaped.get(at + at_sign) == Some(&true);
            let before = decoded.get(..at).unwrap_or_default();
            // A form writes a blank as a plus, and encodes a plus as well as the at sign.
            let is_blank = is_form && before.ends_with('+') && escaped.get(at.saturating_sub(1)) == Some(&false);
            let after = decoded.get(at + self.email.len()..).unwrap_or_default();
            (is_blank || can_start_after(before)) && can_end_before(after)
        })
    }
}

/// Whether an e-mail can start after this text.
fn can_start_after(before: &str) -> bool {
    before.chars().next_back().is_none_or(|last| !is_word(last) && !"._%+-".contains(last))
}

/// Whether an e-mail can end before this text.
fn can_end_before(after: &str) -> bool {
    let mut letters = after.chars();
    match (letters.next(), letters.next()) {
        (Some('.'), Some(next)) => !is_word(next),
        (Some(next), _) => !is_word(next) && !"-_".contains(next),
        (None, _) => true,
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percent-encodes every byte, `depth` times.
    fn encoded(text: &str, depth: usize) -> String {
        (0..depth).fold(text.to_owned(), |text, _| text.bytes().map(|byte| format!("%{byte:02X}")).collect())
    }

    #[test]
    fn an_email_is_found_in_every_encoding_and_not_within_another_email() {
        let subject = Subject::new(1, "jo+b@x.com".into());
        for text in [
            "jo+b@x.com",
            r#"{"a":"JO+B@x.com."}"#,
            "?e=jo%2Bb%40x.com&x",
            "e%3Djo+b%40x.com",
            "?u=e%253Djo%252Bb%2540x.com",
            "?u=e%25253Djo%25252Bb%252540x.com",
            "?e=%6a%6F+b@%78.com",
            "mailto:jo+b@x.com",
            r#""\njo+b@x.com""#,
            "jo+b@x.com. Thanks",
            "q=mail+jo%2Bb%40x.com+now",
            r#"{"data":"{\"email\":\"jo\\u002bb\\u0040x.com\"}"}"#,
            r"?d=%7B%22e%22%3A%22jo%5Cu002Bb%5Cu0040x.com%22%7D",
            "<a href=\"mailto:jo&#43;b&#x40;x.com\">",
            "jo+b@x.com\u{200b}\u{feff}",
            "jo+b\u{200b}@x.com",
            &encoded("jo+b@x.com", 3),
        ] {
            assert!(subject.is_named_in(text), "{text}");
        }
        for text in [
            "mojo+b@x.com",
            "a.jo+b@x.com",
            "jo+b@x.com.au",
            "jo+b@x.community",
            "jo+b@x.com-x",
            "jo@x.com",
            "a%2Bjo%2Bb%40x.com",
            "a+jo+b@x.com",
            "%6dojo+b@x.com",
            "100% & more",
            "\\",
            "%",
            "&#;",
            "%4",
        ] {
            assert!(!subject.is_named_in(text), "{text}");
        }
    }

    #[test]
    fn cost_does_not_depend_on_the_depth_of_the_encoding() {
        let subject = Subject::new(1, "jo@x.com".into());
        let deep = |start: &str| format!("{start}{}40x.com", "25".repeat(1_000_000));
        // Decoded pass by pass, this text takes a million passes.
        assert!(subject.is_named_in(&deep("jo%")));
        assert!(!subject.is_named_in(&deep("joe%")));
    }
}
