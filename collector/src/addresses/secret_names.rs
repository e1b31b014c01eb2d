//! The names of query parameters that hold secrets. `docs/data.md` has the list for readers.

/// Words that make a name that of a secret: `token`, `reset_token` and `resetToken` contain the word `token`.
const WORDS: &[&str] = &[
    "token",
    "tokens",
    "key",
    "apikey",
    "password",
    "passwd",
    "pwd",
    "pass",
    "passphrase",
    "passcode",
    "pin",
    "secret",
    "otp",
    "totp",
    "jwt",
    "sid",
    "sess",
    "sessid",
    "phpsessid",
    "jsessionid",
    "aspsessionid",
    "cookie",
    "csrf",
    "xsrf",
    "nonce",
    "ticket",
    "credential",
    "credentials",
    "hmac",
    "sign",
    "saml",
    "samlresponse",
    "samlrequest",
    "assertion",
    "bearer",
    "magic",
    "cvv",
    "cvc",
    "iban",
    "ssn",
    "cardnumber",
];

/// Beginnings of such words.
const PREFIXES: &[&str] = &["reset", "auth", "sig", "session", "oauth"];

/// Endings of such words, written without a separator.
const SUFFIXES: &[&str] = &["token", "password", "passwd", "secret", "apikey", "sessionid", "sessid", "signature"];

/// Words that begin or end like a secret and are none.
const OTHERS: &[&str] = &["author", "authors", "authorid", "authorname", "signup", "signin", "sigma", "signs", "keyword", "keywords"];

/// Returns whether a query parameter holds a secret, by its name.
pub(super) fn is_secret(name: &str) -> bool {
    separated(name).split(' ').any(|word| {
        let is_like = PREFIXES.iter().any(|prefix| word.starts_with(prefix)) || SUFFIXES.iter().any(|suffix| word.ends_with(suffix));
        WORDS.contains(&word) || is_like && !OTHERS.contains(&word)
    })
}

/// Returns the words of a name in lower case, with spaces between them: `resetToken`, `reset_token` and `reset[token]` have the same two.
fn separated(name: &str) -> String {
    let mut separated = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for letter in name.chars() {
        if was_lower && letter.is_ascii_uppercase() {
            separated.push(' ');
        }
        was_lower = letter.is_ascii_lowercase();
        separated.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { ' ' });
    }
    separated
}

/// Names of parameters, some of them prefixes.
#[derive(Clone, Debug, Default)]
pub(super) struct NameList {
    exact: Vec<String>,
    prefixes: Vec<String>,
}

impl NameList {
    /// Returns a list of names; a `*` at the end makes a prefix.
    pub(super) fn new(names: &[&str]) -> Self {
        let (prefixes, exact): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.ends_with('*'));
        let lower = |names: Vec<&str>| names.into_iter().map(|name| name.trim_end_matches('*').to_lowercase()).collect();
        Self { exact: lower(exact), prefixes: lower(prefixes) }
    }

    /// Returns whether the list has a name, ignoring letter case.
    pub(super) fn contains(&self, name: &str) -> bool {
        if self.exact.is_empty() && self.prefixes.is_empty() {
            return false;
        }
        let name = name.to_lowercase();
        self.exact.contains(&name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn names_of_secrets_are_recognised() {
        for name in [
            "token",
            "Token",
            "access_token",
            "accessToken",
            "accesstoken",
            "key",
            "api_key",
            "apikey",
            "order-key",
            "password",
            "new_password",
            "pwd",
            "reset",
            "reset_password_token",
            "resetKey",
            "auth",
            "authKey",
            "authorization",
            "sig",
            "signature",
            "x-amz-signature",
            "otp",
            "session",
            "session_id",
            "sessionId",
            "PHPSESSID",
            "jsessionid",
            "sid",
            "jwt",
            "client_secret",
            "user[password]",
            "SAMLResponse",
            "pass",
            "pin",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "q",
            "page",
            "utm_source",
            "gclid",
            "fbclid",
            "author",
            "keyword",
            "keywords",
            "monkey",
            "signup",
            "sort",
            "code",
            "state",
            "id",
            "passenger",
            "design",
            "assign",
            "laptop",
            "spinner",
            "size",
            "color",
            "variant",
            "compass",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
