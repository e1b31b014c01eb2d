//! Values that programs and templates print in place of a missing one. As the id of a person they would make one person of many.

/// What programs print for a missing value, in lower case.
const WORDS: &[&str] = &["nan", "null", "undefined", "none", "nil", "(null)", "false", "true", "0", "-", "n/a"];

/// The length of the longest word.
const MAX_WORD_BYTES: usize = 9;

/// Parts of templates that were not filled in.
const TEMPLATE_PARTS: &[&str] = &["{{", "}}", "{%", "%}", "<%", "%>", "${", "#{", "*|", "|*", "[[", "]]", "%%", "<?"];

/// Returns whether a text that should identify a person is empty, or stands for a missing value.
pub fn is_placeholder(text: &str) -> bool {
    // Almost every id is longer than the words and contains nothing else; this only saves time.
    if text.len() > MAX_WORD_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let is_word = text.is_empty() || WORDS.contains(&lower.as_str());
    let is_object = lower.starts_with("[object") || lower.starts_with("function");
    let is_unfilled = text.starts_with('{') && text.ends_with('}') || text.starts_with('%') && text.ends_with('%');
    is_word || is_object || is_unfilled || TEMPLATE_PARTS.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_identify_no_person() {
        for text in [
            "",
            " ",
            "NaN",
            "null",
            "Undefined",
            "None",
            "[object Object]",
            "[object Window]",
            "{{ customer.id }}",
            "{customer_id}",
            "${id}",
            "<%= id %>",
            "*|EMAIL|*",
            "%USER%",
            "{% if %}",
            "0",
            "false",
            "function () {}",
        ] {
            assert!(is_placeholder(text), "{text:?}");
        }
        for text in ["1", "00", "ab", "jo@x.com", "Null Island", "nancy", "5f2", "user-0", "a|b", "100%", "[1]"] {
            assert!(!is_placeholder(text), "{text:?}");
        }
    }
}
