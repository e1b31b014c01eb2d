//! Bot detection: whether a request's `User-Agent` is that of a crawler.
//!
//! The list is that of the npm package `crawler-user-agents`, which is maintained and locked like every other package; the build script
//! converts it. It leaves out HTTP libraries, because shops' servers use them to forward events, and automated browsers, because shops
//! use them for tests and AI assistants for purchases.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

/// One pattern per line: first those without wildcards, then an empty line, then the others.
const PATTERNS: &str = include_str!(concat!(env!("OUT_DIR"), "/bots.txt"));

/// Longer user agents are truncated. Crawlers put their name well before this length.
const MAX_USER_AGENT_BYTES: usize = 512;

/// Patterns without wildcards are compiled separately, because the regex engine matches them all at once.
static LIST: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    let (plain, others) = PATTERNS.split_once("\n\n").unwrap_or((PATTERNS, ""));
    [plain, others].map(|patterns| {
        let all = patterns.lines().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|");
        let built = RegexBuilder::new(&all).unicode(false).size_limit(64 << 20).dfa_size_limit(16 << 20).build();
        // The tests match every entry of the list, so a build with an invalid list is never released.
        built.unwrap_or_else(|error| panic!("the list of bots is invalid: {error}"))
    })
});

/// Compiles the list. This takes a moment, so the server does it at start and no request waits for it.
pub fn prepare() {
    let _ = is_bot(b"-");
}

/// Returns whether the list contains this user agent. An empty User-Agent is not a bot.
pub fn is_bot(user_agent: &[u8]) -> bool {
    let name = user_agent.get(..MAX_USER_AGENT_BYTES).unwrap_or(user_agent);
    !name.is_empty() && LIST.iter().any(|list| list.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_are_bots_and_browsers_and_http_clients_are_not() {
        for bot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/103.0.5060.134 Safari/537.36",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.1; +https://openai.com/gptbot)",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        ] {
            assert!(is_bot(bot.as_bytes()), "{bot}");
        }
        for client in [
            "",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
            "curl/8.5.0",
            "python-requests/2.32.0",
            "GuzzleHttp/7",
            "node",
        ] {
            assert!(!is_bot(client.as_bytes()), "{client}");
        }
    }

    #[test]
    fn every_example_of_the_list_is_a_bot() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../node_modules/crawler-user-agents/crawler-user-agents.json");
        let list: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let tools = ["http-library", "browser-automation"];
        let is_tool = |entry: &&serde_json::Value| {
            entry["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tools.contains(&tag.as_str().unwrap())))
        };
        let examples = list.iter().filter(|entry| !is_tool(entry)).flat_map(|entry| entry["instances"].as_array().into_iter().flatten());
        let (found, missed): (Vec<_>, Vec<_>) =
            examples.filter_map(|example| example.as_str()).partition(|example| is_bot(example.as_bytes()));
        assert!(missed.is_empty() && found.len() > 1_500, "{} found, missed: {missed:#?}", found.len());
    }
}
