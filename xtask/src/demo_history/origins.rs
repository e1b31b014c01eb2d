//! Where visitors come from: links, campaigns, search engines, advertisements.

use crate::random::Random;

/// Where a visit comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    /// The page before; empty if the browser sends none.
    pub(super) referrer: &'static str,
    /// The query of the link. `CAMPAIGN`, `TERM` and `ID` stand for values of the visit.
    query: &'static str,
}

const fn origin(referrer: &'static str, query: &'static str) -> Origin {
    Origin { referrer, query }
}

const SEARCH: Origin = origin("https://www.google.com/", "");
const DIRECT: Origin = origin("", "");
const SEARCH_AD: Origin =
    origin("https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=CAMPAIGN&utm_term=TERM&gclid=ID");
const REEL_AD: Origin =
    origin("https://l.instagram.com/", "utm_source=instagram&utm_medium=paid_social&utm_campaign=CAMPAIGN&utm_content=reel");
const FACEBOOK_AD: Origin = origin("https://m.facebook.com/", "utm_source=facebook&utm_medium=cpc&utm_campaign=CAMPAIGN&fbclid=ID");
const NEWSLETTER: Origin = origin("", "utm_source=newsletter&utm_medium=email&utm_campaign=CAMPAIGN");
const INSTAGRAM: Origin = origin("https://l.instagram.com/", "");
const PINTEREST: Origin = origin("https://www.pinterest.com/", "");
const BING: Origin = origin("https://www.bing.com/", "");
const DUCKDUCKGO: Origin = origin("https://duckduckgo.com/", "");
const ASSISTANT: Origin = origin("https://chatgpt.com/", "utm_source=chatgpt.com");
const PARTNER: Origin = origin("https://partner.example/", "utm_source=style-partner&utm_medium=affiliate&utm_campaign=CAMPAIGN");
const BLOG: Origin = origin("https://notes-on-style.example/winter-wardrobe", "");
const SMS: Origin = origin("", "utm_source=sms&utm_medium=sms&utm_campaign=CAMPAIGN");

/// The origins of visits that only look, each with a weight.
pub(super) const BROWSING: &[(u64, Origin)] = &[
    (24, SEARCH),
    (15, DIRECT),
    (12, SEARCH_AD),
    (14, REEL_AD),
    (7, FACEBOOK_AD),
    (8, NEWSLETTER),
    (9, INSTAGRAM),
    (4, PINTEREST),
    (4, BING),
    (2, DUCKDUCKGO),
    (3, ASSISTANT),
    (3, PARTNER),
    (4, BLOG),
    (1, SMS),
];

/// The origins of visits with an order.
pub(super) const BUYING: &[(u64, Origin)] = &[
    (22, SEARCH),
    (26, DIRECT),
    (14, SEARCH_AD),
    (6, REEL_AD),
    (3, FACEBOOK_AD),
    (22, NEWSLETTER),
    (3, INSTAGRAM),
    (1, PINTEREST),
    (3, BING),
    (1, DUCKDUCKGO),
    (3, ASSISTANT),
    (4, PARTNER),
    (2, BLOG),
    (2, SMS),
];

/// The campaigns that run when there is no other.
const LASTING: &[&str] = &["always on", "best sellers", "new arrivals"];
const TERMS: &[&str] = &["wool+jumper", "rain+jacket", "mens+t-shirt", "warm+coat", "canvas+backpack"];

impl Origin {
    /// The query of the link of one visit; `campaign` is the campaign of its day.
    pub(super) fn query(&self, campaign: Option<&str>, random: &mut Random) -> String {
        let lasting = *random.pick(LASTING);
        let term = *random.pick(TERMS);
        let name = campaign.unwrap_or(lasting).replace(' ', "-");
        self.query.replace("CAMPAIGN", &name).replace("TERM", term).replace("ID", &format!("Cj0{:012x}", random.below(1 << 48)))
    }
}
