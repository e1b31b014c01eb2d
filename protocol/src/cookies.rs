//! The first-party cookies of a shop's site: names, lifetime, and domains.
//!
//! The page and the collector both set the visitor cookie. The page's scripts get these constants when `cargo xtask build` bundles them, so
//! there is no second copy.

/// The visitor: an anonymous id, or an e-mail address once the visitor is identified. The name is part of a vendor's documented contract.
pub const VISITOR_COOKIE: &str = "cbuid";

/// The session, a query string with `sid`. The name is part of a vendor's documented contract.
pub const SESSION_COOKIE: &str = "ometria";

/// How long both cookies last: 400 days, the most that browsers allow.
pub const COOKIE_MAX_AGE_SECS: u32 = 400 * 24 * 60 * 60;

/// Hosts on whose subdomains unrelated sites live. A cookie for one of these domains would reach all of them.
pub const SHARED_HOSTS: &[&str] = &["myshopify.com", "github.io", "netlify.app", "vercel.app", "pages.dev", "web.app", "herokuapp.com"];

/// The labels before a country's that form a suffix below which unrelated sites live, as in `co.uk` and `com.au`. Browsers have the whole list, and
/// refuse cookies for them; the list must only be good enough to find out which hosts are the shop's own.
pub const SECOND_LEVEL_LABELS: &[&str] =
    &["ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "mil", "ne", "net", "or", "org", "plc", "sch"];

/// Returns whether no cookie may be set for `domain`: a single label, a suffix such as `co.uk` or `com.au`, or one of [`SHARED_HOSTS`].
///
/// `js/storage/cookies.js` has the same rule; `tests/compat/shared-rules/cookie-domains.json` tests both.
pub fn is_public_suffix(domain: &str) -> bool {
    let is_country_suffix = |(name, country): (&str, &str)| SECOND_LEVEL_LABELS.contains(&name) && country.len() == 2;
    domain.split_once('.').is_none_or(is_country_suffix) || SHARED_HOSTS.contains(&domain)
}
