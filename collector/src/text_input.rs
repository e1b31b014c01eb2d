//! Texts that people type, with an editor, a shell or a form.

/// Returns the text without the UTF-8 byte order mark that some programs write first.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns the text without blanks of any alphabet and control characters at its ends.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control())
}
