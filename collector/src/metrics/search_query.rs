//! The little language of `aggregated_details`: which words a record must hold.
//!
//! SearchExpr match anywhere in the record, whatever their case. A space, `|` or `OR` means or; `+` or `AND` means and, and binds closer; a `-`
//! before a word or `NOT` means not; quotes make a phrase of words; `*` stands for any characters; brackets group. Whatever is left open
//! at the end is closed, because somebody may still be typing.

/// Which words a record must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchExpr {
    /// Every one of these.
    All(Vec<SearchExpr>),
    /// Some of these.
    Any(Vec<SearchExpr>),
    /// Not this.
    Not(Box<SearchExpr>),
    /// These pieces one after the other in one attribute, in lower case, with any characters between them. No piece matches everything.
    Chunks(Vec<String>),
}

/// Brackets deeper than this are refused, so that no request can exhaust the stack.
const DEEPEST: usize = 32;
/// More words than this are refused.
const MOST: usize = 200;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Word(Vec<String>),
}

/// Reads a query. `None` means that it holds no word, too many, or brackets in brackets without end.
pub fn parse(text: &str) -> Option<SearchExpr> {
    let tokens = tokens(text);
    let words = tokens.iter().filter(|token| matches!(token, Token::Word(_))).count();
    if !(1..=MOST).contains(&words) {
        return None;
    }
    let mut parser = Parser { tokens, at: 0 };
    let mut all = Vec::new();
    // A bracket that closes nothing is passed over.
    while parser.at < parser.tokens.len() {
        all.extend(parser.any(0)?);
        parser.take(&Token::Close);
    }
    one_or(all, SearchExpr::Any)
}

/// Returns whether a record's texts hold what is asked. They are in lower case, one attribute a line.
pub fn holds(words: &SearchExpr, lines: &[String]) -> bool {
    match words {
        SearchExpr::All(all) => all.iter().all(|words| holds(words, lines)),
        SearchExpr::Any(any) => any.iter().any(|words| holds(words, lines)),
        SearchExpr::Not(words) => !holds(words, lines),
        SearchExpr::Chunks(pieces) => pieces.is_empty() || lines.iter().any(|line| follow(pieces, line)),
    }
}

fn follow(pieces: &[String], line: &str) -> bool {
    let mut rest = line;
    pieces.iter().all(|piece| rest.find(piece.as_str()).and_then(|at| rest.get(at + piece.len()..)).map(|after| rest = after).is_some())
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut starts_word = true;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let mark = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '|' => Some(Token::Or),
            '+' if starts_word => Some(Token::And),
            '-' if starts_word => Some(Token::Not),
            _ => None,
        };
        if mark.is_some() || first.is_whitespace() {
            tokens.extend(mark);
            rest = after;
            starts_word = true;
        } else if first == '"' {
            let (phrase, behind) = after.split_once('"').unwrap_or((after, ""));
            let phrase = phrase.to_lowercase();
            tokens.extend((!phrase.trim().is_empty()).then(|| Token::Word(vec![phrase])));
            rest = behind;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "()|\"".contains(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            tokens.push(word_token(word));
            rest = behind;
            starts_word = false;
        }
    }
    tokens
}

fn word_token(word: &str) -> Token {
    match word {
        "OR" => Token::Or,
        "AND" => Token::And,
        "NOT" => Token::Not,
        _ => Token::Word(word.to_lowercase().split('*').filter(|piece| !piece.is_empty()).map(Into::into).collect()),
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

    /// An empty list stands for brackets with nothing in them, which ask nothing.
    fn any(&mut self, depth: usize) -> Option<Vec<SearchExpr>> {
        let mut any = Vec::new();
        while self.at < self.tokens.len() && self.tokens.get(self.at) != Some(&Token::Close) {
            if !self.take(&Token::Or) {
                any.extend(self.all(depth)?);
            }
        }
        Some(any)
    }

    fn all(&mut self, depth: usize) -> Option<Option<SearchExpr>> {
        let mut all = Vec::new();
        loop {
            while self.take(&Token::And) {}
            all.extend(self.not(depth)?);
            if self.tokens.get(self.at) != Some(&Token::And) {
                return Some(one_or(all, SearchExpr::All));
            }
        }
    }

    fn not(&mut self, depth: usize) -> Option<Option<SearchExpr>> {
        let mut negated = false;
        while self.take(&Token::Not) {
            negated = !negated;
        }
        let words = match self.tokens.get(self.at).cloned() {
            Some(Token::Word(pieces)) => {
                self.at += 1;
                Some(SearchExpr::Chunks(pieces))
            }
            Some(Token::Open) if depth < DEEPEST => {
                self.at += 1;
                let any = self.any(depth + 1)?;
                self.take(&Token::Close);
                one_or(any, SearchExpr::Any)
            }
            Some(Token::Open) => return None,
            _ => None,
        };
        Some(words.map(|words| if negated { SearchExpr::Not(Box::new(words)) } else { words }))
    }
}

fn one_or(mut words: Vec<SearchExpr>, many: fn(Vec<SearchExpr>) -> SearchExpr) -> Option<SearchExpr> {
    if words.len() > 1 { Some(many(words)) } else { words.pop() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_match_as_decided() {
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
            assert_eq!(holds(&parse(query).unwrap(), &record), expected, "{query}");
        }
    }

    #[test]
    fn what_asks_nothing_or_too_much_is_refused() {
        for query in ["", "   ", "()", "+ -", "\"\"", &"(".repeat(100_000), &format!("{}a", "(".repeat(100)), &"a ".repeat(201)] {
            assert_eq!(parse(query), None, "{}", query.get(..10.min(query.len())).unwrap());
        }
    }
}
