//! A file as the rules see it: its text, and for Rust its code without comments and literals, line by line the same.

use std::ops::Range;

/// One file.
pub(super) struct Source {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// Rust with comments, strings and characters blanked; other languages as they are.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Self {
        let code = if path.ends_with(".rs") { blanked(&text) } else { text.clone() };
        Self { path, text, code }
    }

    /// Whether the name ends in one of these.
    pub(super) fn is(&self, endings: &[&str]) -> bool {
        let ending = self.path.rsplit_once('.').map_or("", |(_, ending)| ending);
        endings.contains(&ending)
    }

    /// Whether the path begins with one of these.
    pub(super) fn below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// Whether the file as a whole is a test.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.contains(".test.")
    }

    /// The lines of the code with their numbers, and whether each is in a `#[cfg(test)]` item.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let tests = test_ranges(&self.code);
        let mut at = 0;
        self.code.split('\n').enumerate().map(move |(index, line)| {
            let start = at;
            at += line.len() + 1;
            let whole = self.is_test();
            (index + 1, line, whole || tests.iter().any(|range| range.contains(&start)))
        })
    }
}

/// The number of the line that holds this byte.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where a word stands that is not part of a longer one.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word)
        .filter(move |(at, _)| !text[..*at].ends_with(part) && !text[at + word.len()..].starts_with(part))
        .map(|(at, _)| at)
}

/// The byte after the brace that closes the first one opened at or after `from`; none where a `;` comes first.
pub(super) fn block_end(code: &str, from: usize) -> Option<usize> {
    let (mut depth, mut brackets) = (0_usize, 0_usize);
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return Some(offset + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn test_ranges(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]");
    marks.filter_map(|(at, mark)| Some(at..block_end(code, at + mark.len())?)).collect()
}

/// Rust without its comments and the insides of its literals; every byte of them becomes a blank, line ends stay.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        match literal(rest, word) {
            Some(length) => {
                code.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
                rest = &rest[length..];
            }
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    code
}

/// How many bytes of comment or literal begin here. Inside a word no raw string can begin.
fn literal(rest: &str, in_word: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(comment(rest));
    }
    if rest.starts_with('"') {
        return Some(string(rest));
    }
    if !in_word && (rest.starts_with('r') || rest.starts_with("br")) {
        return raw(rest);
    }
    rest.starts_with('\'').then(|| character(rest)).flatten()
}

fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let step = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw(rest: &str) -> Option<usize> {
    let marks = rest.trim_start_matches('b').strip_prefix('r')?;
    let hashes = marks.len() - marks.trim_start_matches('#').len();
    let inside = marks[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
    Some(rest.len() - inside.len() + end)
}

/// `'x'` or `'\n'`, but not the lifetime `'a`.
fn character(rest: &str) -> Option<usize> {
    let mut inside = rest.char_indices().skip(1);
    let (_, first) = inside.next()?;
    if first == '\\' {
        return rest[3..].find('\'').map(|at| at + 4);
    }
    inside.next().filter(|(_, second)| *second == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{Source, blanked, block_end, words};

    #[test]
    fn comments_and_literals_are_blanked_and_nothing_else() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x\"y{", 1)"#, "f(       , 1)"),
            ("r\"a\\\" b r#\"c\"d\"# e", "      b          e"),
            ("f::<'a>('{', '\\'', '\\u{1}')", "f::<'a>(   ,     ,        )"),
            ("for r in brr {}", "for r in brr {}"),
        ];
        for (text, expected) in cases {
            assert_eq!(blanked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_block_ends_with_its_own_brace() {
        assert_eq!(block_end("fn f() { a { b } } c", 0), Some(18));
        assert_eq!(block_end("fn f(a: [u8; 4]) { }", 0), Some(20));
        assert_eq!(block_end("mod tests; fn f() {}", 0), None);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("web_sys a_web_sys web_sys2 web_sys::x", "web_sys").collect::<Vec<_>>(), [0, 27]);
    }

    #[test]
    fn lines_of_tests_are_known() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("src/a.rs".into(), text.into());
        let tests: Vec<_> = source.code_lines().filter(|(_, _, test)| *test).map(|(line, ..)| line).collect();
        assert_eq!(tests, [2, 3, 4, 5]);
    }
}
