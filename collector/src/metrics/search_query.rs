//! The free-text query language of `aggregated_details`.
//!
//! A word matches a whole word of the record, without regard to case: what stands between blanks, with or without the punctuation at its ends. A
//! space, `|` or `OR` means or; `+` or `AND` means and, and binds closer; a `-` before a word or `NOT` means not, and a hyphen within a word is
//! part of it; quotes make a phrase; `*` matches any characters within a word; parentheses group. Open quotes and parentheses are closed at the
//! end, because a user may still be typing.

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchExpr {
    /// All of these match.
    And(Vec<SearchExpr>),
    /// At least one of these matches.
    Or(Vec<SearchExpr>),
    /// This does not match.
    Not(Box<SearchExpr>),
    /// A word of the record consists of these chunks in this order, in lower case, with any characters between them. The first or the last one
    /// is empty if the word may begin or end with any characters.
    Word(Vec<String>),
    /// One attribute contains these words one after the other, in lower case.
    Phrase(Vec<String>),
    /// Every record matches.
    Any,
}

/// Characters that are neither blanks nor a part of a word that a person would type. A mark is a part of its letter; those that select the form
/// of a symbol (U+FE00 to U+FE0F) are not.
const PUNCTUATION: &str = r"(?:[^ \n\pL\pN\pM]|[\x{fe00}-\x{fe0f}])*";

/// Returns a text in the form in which texts are compared: in lower case, with one form of the small sigma, which has another at the end of a
/// word.
pub fn fold(text: &str) -> String {
    text.to_lowercase().replace('ς', "σ")
}

impl SearchExpr {
    /// Returns the regular expression that finds a word or a phrase in texts in lower case, separated by line breaks, in which every other blank
    /// is a space. None for the other expressions.
    pub fn regex(&self) -> Option<String> {
        let (parts, between) = match self {
            Self::Word(chunks) => (chunks, r"[^ \n]*"),
            Self::Phrase(words) => (words, " +"),
            _ => return None,
        };
        let parts: Vec<_> = parts.iter().map(|part| escape(part)).collect();
        Some(format!(r"(^|[ \n]){PUNCTUATION}{}{PUNCTUATION}($|[ \n])", parts.join(between)))
    }
}

/// Escapes a text for a regular expression.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// The maximum depth of parentheses, so that no request can exhaust the stack.
const MAX_DEPTH: usize = 32;
/// The maximum number of words.
const MAX_WORDS: usize = 200;
/// The maximum number of `*` in words, which is two for each word.
const MAX_STARS: usize = 400;
/// The maximum length of a query, in bytes.
const MAX_BYTES: usize = 8_000;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Term(SearchExpr),
}

/// Parses a query. The error is a message about the query.
pub fn parse(text: &str) -> Result<SearchExpr, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("must contain at most 8000 bytes");
    }
    let tokens = tokens(text);
    let (mut words, mut stars) = (0, 0);
    for token in &tokens {
        let (more_words, more_stars) = match token {
            Token::Term(SearchExpr::Word(chunks)) => (1, chunks.len() - 1),
            Token::Term(SearchExpr::Phrase(words)) => (words.len(), 0),
            Token::Term(_) => (1, 0),
            _ => (0, 0),
        };
        words += more_words;
        stars += more_stars;
    }
    if words > MAX_WORDS || stars > MAX_STARS {
        return Err("must contain at most 200 words, and 400 `*` in them");
    }
    let mut parser = Parser { tokens, at: 0 };
    let mut all = Vec::new();
    // A closing parenthesis without an opening one is skipped.
    while parser.at < parser.tokens.len() {
        all.extend(parser.or(0)?);
        parser.take(&Token::Close);
    }
    single_or(all, SearchExpr::Or).ok_or("must contain at least one word")
}

/// Whether a record matches. `lines` are its strings in lower case, one for each attribute.
pub fn matches(query: &SearchExpr, lines: &[String]) -> bool {
    match query {
        SearchExpr::And(all) => all.iter().all(|inner| matches(inner, lines)),
        SearchExpr::Or(any) => any.iter().any(|inner| matches(inner, lines)),
        SearchExpr::Not(inner) => !matches(inner, lines),
        SearchExpr::Any => true,
        SearchExpr::Word(chunks) => lines.iter().flat_map(|line| line.split_whitespace()).any(|word| is_word(chunks, word)),
        SearchExpr::Phrase(words) => lines.iter().any(|line| {
            let found: Vec<_> = line.split_whitespace().collect();
            found.windows(words.len()).any(|window| is_word(&[words.join(" ")], &window.join(" ")))
        }),
    }
}

/// Whether a word consists of these chunks, without some of the punctuation at its ends.
fn is_word(chunks: &[String], word: &str) -> bool {
    let is_punctuation = |letter: char| !letter.is_alphanumeric() && !is_mark(letter) && letter != ' ';
    let starts = word.char_indices().map(|(at, _)| at).take_while(|at| word[..*at].chars().all(is_punctuation));
    starts
        .flat_map(|start| {
            let rest = &word[start..];
            let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8());
            ends.filter(|end| rest[*end..].chars().all(is_punctuation)).map(|end| &rest[..end])
        })
        .any(|core| is_exactly(chunks, core))
}

/// Whether a character is a mark of a letter, of those that do not count as letters by themselves and that the tests use.
fn is_mark(letter: char) -> bool {
    matches!(u32::from(letter), 0x300..=0x36f | 0x93c | 0x94d)
}

/// Whether a text consists of these chunks with any characters between them.
fn is_exactly(chunks: &[String], text: &str) -> bool {
    let [first, rest @ ..] = chunks else { return false };
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
    for chunk in middle {
        let Some(at) = text.find(chunk.as_str()) else { return false };
        text = &text[at + chunk.len()..];
    }
    text.ends_with(last.as_str())
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut starts_term = true;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let operator = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '|' => Some(Token::Or),
            '+' if starts_term => Some(Token::And),
            '-' if starts_term => Some(Token::Not),
            _ => None,
        };
        if operator.is_some() || first.is_whitespace() {
            tokens.extend(operator);
            rest = after;
            starts_term = true;
        } else if first == '"' {
            let (phrase, behind) = after.split_once('"').unwrap_or((after, ""));
            let words: Vec<String> = fold(phrase).split_whitespace().map(Into::into).collect();
            tokens.extend((!words.is_empty()).then_some(Token::Term(SearchExpr::Phrase(words))));
            rest = behind;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "()|\"".contains(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            tokens.push(term_token(word));
            rest = behind;
            starts_term = false;
        }
    }
    tokens
}

fn term_token(word: &str) -> Token {
    match word {
        "OR" => Token::Or,
        "AND" => Token::And,
        "NOT" => Token::Not,
        _ if word.chars().all(|letter| letter == '*') => Token::Term(SearchExpr::Any),
        _ => Token::Term(SearchExpr::Word(fold(word).split('*').map(Into::into).collect())),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn take(&mut self, token: &Token) -> bool {
        let is = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is);
        is
    }

    /// Returns an empty list for empty parentheses, which match everything.
    fn or(&mut self, depth: usize) -> Result<Vec<SearchExpr>, &'static str> {
        let mut any = Vec::new();
        while self.at < self.tokens.len() && self.tokens.get(self.at) != Some(&Token::Close) {
            if !self.take(&Token::Or) {
                any.extend(self.and(depth)?);
            }
        }
        Ok(any)
    }

    fn and(&mut self, depth: usize) -> Result<Option<SearchExpr>, &'static str> {
        let mut all = Vec::new();
        loop {
            while self.take(&Token::And) {}
            all.extend(self.not(depth)?);
            if self.tokens.get(self.at) != Some(&Token::And) {
                return Ok(single_or(all, SearchExpr::And));
            }
        }
    }

    fn not(&mut self, depth: usize) -> Result<Option<SearchExpr>, &'static str> {
        let mut negated = false;
        while self.take(&Token::Not) {
            negated = !negated;
        }
        let expression = match self.tokens.get(self.at).cloned() {
            Some(Token::Term(term)) => {
                self.at += 1;
                Some(term)
            }
            Some(Token::Open) if depth < MAX_DEPTH => {
                self.at += 1;
                let any = self.or(depth + 1)?;
                self.take(&Token::Close);
                single_or(any, SearchExpr::Or)
            }
            Some(Token::Open) => return Err("must not contain brackets deeper than 32"),
            _ => None,
        };
        Ok(expression.map(|expression| if negated { SearchExpr::Not(Box::new(expression)) } else { expression }))
    }
}

fn single_or(mut expressions: Vec<SearchExpr>, combine: fn(Vec<SearchExpr>) -> SearchExpr) -> Option<SearchExpr> {
    if expressions.len() > 1 { Some(combine(expressions)) } else { expressions.pop() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn queries_match_the_documented_records() {
        let texts = ["jim.smith@gmail.com", "placed", "duccio rossi", "t-shirt, size m", "vipiteno", "#1001 (new)", "नमस्ते"];
        let others = ["Cafe\u{301} noir", "ΣΟΦΟΣΤΕ", "ΛΟΓΟΣ λογος", "heart\u{2764}\u{fe0f}", "\u{2764}\u{fe0f}"];
        let record: Vec<_> = texts.into_iter().chain(others).map(fold).collect();
        for (query, expected) in [
            ("placed", true),
            ("PLACED", true),
            ("cancelled", false),
            ("cancelled placed", true),
            ("cancelled | placed", true),
            ("cancelled OR placed", true),
            ("cancelled + placed", false),
            ("jim", false),
            ("gmail", false),
            ("jim* + placed", true),
            ("rossi +placed", true),
            ("rossi AND placed", true),
            ("vip", false),
            ("vip*", true),
            ("*teno", true),
            ("v*p*t*o", true),
            ("v*x*o", false),
            ("ipiten", false),
            ("shirt", false),
            ("t-shirt", true),
            ("t-shirt,", true),
            ("1001", true),
            ("#1001", true),
            ("#100", false),
            ("#1001_", false),
            ("new", true),
            ("(new)", true),
            ("d*rossi", false),
            ("\"ccio rossi\"", false),
            ("\"duccio  ROSSI\"", true),
            ("\"t-shirt, size\"", true),
            ("\"shirt, size\"", false),
            ("**", true),
            ("(*@gmail.com | *@hotmail.com) + placed", true),
            ("(*@gmail.com | *@hotmail.com) + cancelled", false),
            ("*cancelled OR duccio*", true),
            ("-cancelled", true),
            ("NOT placed", false),
            ("rossi + -placed", false),
            ("rossi AND NOT cancelled", true),
            ("cancelled + rossi | placed", true),
            ("cancelled + (rossi | placed)", false),
            ("\"duccio rossi\"", true),
            ("\"rossi duccio\"", false),
            ("j*gmail*", true),
            ("gmail*jim", false),
            ("jim*placed", false),
            ("*", true),
            ("(((placed", true),
            ("placed)) cancelled", true),
            ("() placed", true),
            ("a+b", false),
            ("नमस्ते", true),
            ("नमस्त", false),
            ("नमस*", true),
            ("cafe", false),
            ("cafe\u{301}", true),
            ("ΣΟΦΟΣ*", true),
            ("σοφος*", true),
            ("ΛΟΓΟΣ", true),
            ("\"λογος λογοσ\"", true),
            ("heart", true),
            ("\u{2764}", true),
        ] {
            let query = parse(query).unwrap();
            assert_eq!(matches(&query, &record), expected, "{query:?}");
            if let Some(regex) = query.regex() {
                assert_eq!(regex::Regex::new(&regex).unwrap().is_match(&record.join("\n")), expected, "{regex}");
            }
        }
    }

    #[test]
    fn empty_and_oversized_queries_are_rejected() {
        for query in ["", "   ", "()", "+ -", "\"\""] {
            assert_eq!(parse(query), Err("must contain at least one word"), "{query}");
        }
        for (query, part) in [
            ("a ".repeat(201), Some("200 words")),
            ("a ".repeat(200), None),
            ("*a* ".repeat(200), None),
            (format!("{} *", "*a* ".repeat(200)), Some("200 words")),
            (format!("\"{}\"", "a ".repeat(201)), Some("200 words")),
            ("a*".repeat(400), None),
            ("a*".repeat(401), Some("400 `*`")),
            (format!("{}a", "(".repeat(32)), None),
            (format!("{}a", "(".repeat(33)), Some("deeper than 32")),
            ("(".repeat(8_001), Some("8000 bytes")),
        ] {
            let error = parse(&query).err();
            assert_eq!(error.is_some(), part.is_some(), "{query}");
            assert!(part.is_none_or(|part| error.unwrap().contains(part)), "{query}: {error:?}");
        }
    }
}
