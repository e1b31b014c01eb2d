//! Texts that people write with an editor or a shell.

/// Returns the text without the UTF-8 byte order mark that some programs write first.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
