//! The free-text query language of `aggregated_details`.
//!
//! Terms match anywhere in the record, without regard to case. A space, `|` or `OR` means or; `+` or `AND` means and, and binds closer; a `-`
//! before a term or `NOT` means not; quotes make a phrase; `*` matches any characters; parentheses group. Open quotes and parentheses are
//! closed at the end, because a user may still be typing.

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchExpr {
    /// All of these match.
    And(Vec<SearchExpr>),
    /// At least one of these matches.
    Or(Vec<SearchExpr>),
    /// This does not match.
    Not(Box<SearchExpr>),
    /// One attribute contains these chunks in this order, in lower case, with any characters between them. Without a chunk, every record
    /// matches.
    Pattern(Vec<String>),
}

/// The maximum depth of parentheses, so that no request can exhaust the stack.
const MAX_DEPTH: usize = 32;
/// The maximum number of terms.
const MAX_TERMS: usize = 200;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Term(Vec<String>),
}

/// Parses a query. Returns `None` if it contains no term, more than [`MAX_TERMS`], or parentheses deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Option<SearchExpr> {
    let tokens = tokens(text);
    let terms = tokens.iter().filter(|token| matches!(token, Token::Term(_))).count();
    if !(1..=MAX_TERMS).contains(&terms) {
        return None;
    }
    let mut parser = Parser { tokens, at: 0 };
    let mut all = Vec::new();
    // A closing parenthesis without an opening one is skipped.
    while parser.at < parser.tokens.len() {
        all.extend(parser.or(0)?);
        parser.take(&Token::Close);
    }
    single_or(all, SearchExpr::Or)
}

/// Whether a record matches. `lines` are its strings in lower case, one for each attribute.
pub fn matches(query: &SearchExpr, lines: &[String]) -> bool {
    match query {
        SearchExpr::And(all) => all.iter().all(|inner| matches(inner, lines)),
        SearchExpr::Or(any) => any.iter().any(|inner| matches(inner, lines)),
        SearchExpr::Not(inner) => !matches(inner, lines),
        SearchExpr::Pattern(chunks) => chunks.is_empty() || lines.iter().any(|line| contains_in_order(chunks, line)),
    }
}

fn contains_in_order(chunks: &[String], line: &str) -> bool {
    let mut rest = line;
    chunks.iter().all(|chunk| rest.find(chunk.as_str()).and_then(|at| rest.get(at + chunk.len()..)).map(|after| rest = after).is_some())
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
            let phrase = phrase.to_lowercase();
            tokens.extend((!phrase.trim().is_empty()).then(|| Token::Term(vec![phrase])));
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
        _ => Token::Term(word.to_lowercase().split('*').filter(|chunk| !chunk.is_empty()).map(Into::into).collect()),
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
    fn or(&mut self, depth: usize) -> Option<Vec<SearchExpr>> {
        let mut any = Vec::new();
        while self.at < self.tokens.len() && self.tokens.get(self.at) != Some(&Token::Close) {
            if !self.take(&Token::Or) {
                any.extend(self.and(depth)?);
            }
        }
        Some(any)
    }

    fn and(&mut self, depth: usize) -> Option<Option<SearchExpr>> {
        let mut all = Vec::new();
        loop {
            while self.take(&Token::And) {}
            all.extend(self.not(depth)?);
            if self.tokens.get(self.at) != Some(&Token::And) {
                return Some(single_or(all, SearchExpr::And));
            }
        }
    }

    fn not(&mut self, depth: usize) -> Option<Option<SearchExpr>> {
        let mut negated = false;
        while self.take(&Token::Not) {
            negated = !negated;
        }
        let expression = match self.tokens.get(self.at).cloned() {
            Some(Token::Term(chunks)) => {
                self.at += 1;
                Some(SearchExpr::Pattern(chunks))
            }
            Some(Token::Open) if depth < MAX_DEPTH => {
                self.at += 1;
                let any = self.or(depth + 1)?;
                self.take(&Token::Close);
                single_or(any, SearchExpr::Or)
            }
            Some(Token::Open) => return None,
            _ => None,
        };
        Some(expression.map(|expression| if negated { SearchExpr::Not(Box::new(expression)) } else { expression }))
    }
}

fn single_or(mut expressions: Vec<SearchExpr>, combine: fn(Vec<SearchExpr>) -> SearchExpr) -> Option<SearchExpr> {
    if expressions.len() > 1 { Some(combine(expressions)) } else { expressions.pop() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_match_the_documented_records() {
        let record = ["jim.smith@gmail.com", "placed", "duccio rossi", "t-shirt, size m"].map(String::from);
        for (query, expected) in [
            ("placed", true),
            ("PLACED", true),
            ("cancelled", false),
            ("cancelled placed", true),
            ("cancelled | placed", true),
            ("cancelled OR placed", true),
            ("cancelled + placed", false),
            ("jim + placed", true),
            ("jim +placed", true),
            ("jim AND placed", true),
            ("(*@gmail.com | *@hotmail.com) + placed", true),
            ("(*@gmail.com | *@hotmail.com) + cancelled", false),
            ("*cancelled OR duccio*", true),
            ("-cancelled", true),
            ("NOT placed", false),
            ("jim + -placed", false),
            ("jim AND NOT cancelled", true),
            ("cancelled + jim | placed", true),
            ("cancelled + (jim | placed)", false),
            ("\"duccio rossi\"", true),
            ("\"rossi duccio\"", false),
            ("j*gmail", true),
            ("gmail*jim", false),
            ("jim*placed", false),
            ("t-shirt", true),
            ("*", true),
            ("(((placed", true),
            ("placed)) cancelled", true),
            ("() placed", true),
            ("a+b", false),
        ] {
            assert_eq!(matches(&parse(query).unwrap(), &record), expected, "{query}");
        }
    }

    #[test]
    fn empty_and_oversized_queries_are_rejected() {
        for query in ["", "   ", "()", "+ -", "\"\"", &"(".repeat(100_000), &format!("{}a", "(".repeat(100)), &"a ".repeat(201)] {
            assert_eq!(parse(query), None, "{}", query.get(..10.min(query.len())).unwrap());
        }
    }
}
