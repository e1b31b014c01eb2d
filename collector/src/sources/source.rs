//! The source of an arrival: channel, source, medium, campaign, term, content, and the kind of a click id. The first rule of the table that
//! matches decides the channel.

use std::borrow::Cow;

use crate::addresses;
use crate::sources::hosts::HostKind;
use crate::sources::known_hosts;

/// The channel of an arrival without any other.
pub const DIRECT: &str = "direct";

/// Where an arrival comes from. All texts are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `paid`, `email`, `sms`, `affiliate`, `social`, `search`, `assistant`, `referral`, `campaign` or `direct`.
    pub channel: &'static str,
    /// The name of the source: that of the link (`utm_source`), else of a known service, else the host; `direct` for direct arrivals.
    pub name: String,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
    /// The parameter of the click id, such as `gclid`; never its value.
    pub click_id: Option<&'static str>,
}

/// Parameters with the id of a click: the parameter, the source and the channel. Facebook and Instagram add theirs to all links, not only to
/// those of advertisements.
const CLICK_IDS: &[(&str, &str, &str)] = &[
    ("gclid", "google", "paid"),
    ("gbraid", "google", "paid"),
    ("wbraid", "google", "paid"),
    ("dclid", "google", "paid"),
    ("msclkid", "bing", "paid"),
    ("ttclid", "tiktok", "paid"),
    ("twclid", "x", "paid"),
    ("li_fat_id", "linkedin", "paid"),
    ("sccid", "snapchat", "paid"),
    ("epik", "pinterest", "paid"),
    ("rdt_cid", "reddit", "paid"),
    ("yclid", "yandex", "paid"),
    ("obclid", "outbrain", "paid"),
    ("tblci", "taboola", "paid"),
    ("irclickid", "impact", "affiliate"),
    ("awc", "awin", "affiliate"),
    ("cjevent", "cj", "affiliate"),
    ("mc_eid", "mailchimp", "email"),
    ("mc_cid", "mailchimp", "email"),
    ("_kx", "klaviyo", "email"),
    ("_hsenc", "hubspot", "email"),
    ("vero_id", "vero", "email"),
    ("fbclid", "facebook", "social"),
    ("igshid", "instagram", "social"),
];

/// The channel of each medium. Blanks and underscores in it count as hyphens.
const MEDIUMS: &[(&str, &[&str])] = &[
    ("paid", &["cpc", "ppc", "paid", "cpm", "cpv", "cpa", "cpp", "display", "banner", "ads", "ad", "sem", "retargeting", "remarketing"]),
    ("email", &["email", "e-mail", "mail", "newsletter"]),
    ("sms", &["sms", "mms", "text"]),
    ("affiliate", &["affiliate", "affiliates", "affiliation"]),
    ("social", &["social", "social-network", "social-media", "sm", "organic-social"]),
    ("search", &["organic", "search", "seo"]),
    ("assistant", &["assistant", "ai", "llm", "chatbot"]),
    ("referral", &["referral", "referrer"]),
];

/// The addresses of an event that distinguish an arrival from a page within the shop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses<'a> {
    /// The page of the event.
    pub url: &'a str,
    /// The page before it.
    pub referrer: &'a str,
    /// The parameters of a `land` event: the page, and where the visitor came from.
    pub land: Option<(Option<&'a str>, Option<&'a str>)>,
}

/// The parameters of an event that are addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressParams<'a> {
    /// `url`, the page of an event that was sent without a page.
    pub url: Option<&'a str>,
    /// `current_url` of a `land` event.
    pub current_url: Option<&'a str>,
    /// `source_url` of a `land` event.
    pub source_url: Option<&'a str>,
}

impl<'a> Addresses<'a> {
    /// Returns those of an event of this type with this page.
    pub fn new(event_type: &str, (url, referrer): (&'a str, &'a str), params: AddressParams<'a>) -> Self {
        let url = Some(url).filter(|url| !url.is_empty()).or(params.url).unwrap_or_default();
        Self { url, referrer, land: (event_type == "land").then_some((params.current_url, params.source_url)) }
    }
}

impl Source {
    /// Returns the source of an event; `None` for a direct arrival, and for an event within the shop.
    pub fn of_event(event: Addresses<'_>) -> Option<Self> {
        let (landing, referrer) = match event.land {
            Some((current, source)) => (current.unwrap_or(event.url), source.unwrap_or_default()),
            None => (event.url, event.referrer),
        };
        if referrer.is_empty() && !landing.contains('?') {
            return None;
        }
        let is_ignored = addresses::is_ignored_host(&addresses::host(referrer).to_ascii_lowercase());
        let source = Self::of_arrival(landing, if is_ignored { "" } else { referrer });
        (!source.is_direct()).then_some(source)
    }

    /// Returns the source of an arrival at a page. `landing` is the address of the page and `referrer` the one before it, empty if there is
    /// none or it is no source. A referrer on the page's own site is none.
    pub fn of_arrival(landing: &str, referrer: &str) -> Self {
        let host = site(addresses::host(referrer));
        let host = if is_same_site(&host, &site(addresses::host(landing))) { String::new() } else { host };
        let params = Params::of(landing);
        let click = params.click_id();
        let service = known_hosts::find(&host);
        let named = params.source.as_deref().and_then(known_hosts::find_named);
        let medium = params.medium.as_deref().map(str::to_lowercase);
        let by_medium = medium.as_deref().and_then(of_medium);
        let channel = channel(click.map(|(_, _, channel)| *channel), by_medium, named.or(service), !host.is_empty(), params.has_utm());
        let name = params.source.clone().map(|name| named.map_or(name, |(_, known)| known.to_owned()));
        let name = name.or_else(|| click.map(|(_, name, _)| (*name).to_owned())).or_else(|| service.map(|(_, name)| name.to_owned()));
        let name = name.or_else(|| Some(host).filter(|host| !host.is_empty()));
        let name = name.unwrap_or_else(|| if channel == DIRECT { DIRECT.to_owned() } else { "(not set)".to_owned() });
        let Params { campaign, term, content, .. } = params;
        Self { channel, name, medium, campaign, term, content, click_id: click.map(|(param, ..)| *param) }
    }

    /// Whether the visitor came without a link.
    pub fn is_direct(&self) -> bool {
        self.channel == DIRECT
    }
}

/// Returns the channel: the first of the documented order that applies.
fn channel(
    by_click: Option<&'static str>,
    by_medium: Option<&'static str>,
    service: Option<(HostKind, &str)>,
    has_host: bool,
    has_utm: bool,
) -> &'static str {
    let kind = service.map(|(kind, _)| kind);
    let is = |channel: &str| by_click == Some(channel) || by_medium == Some(channel);
    let rules = [
        ("paid", is("paid")),
        ("email", is("email") || kind == Some(HostKind::Email)),
        ("sms", is("sms")),
        ("affiliate", is("affiliate")),
        ("social", is("social") || kind == Some(HostKind::Social)),
        ("search", is("search") || kind == Some(HostKind::Search)),
        ("assistant", is("assistant") || kind == Some(HostKind::Assistant)),
        ("referral", is("referral") || has_host),
        ("campaign", has_utm),
    ];
    rules.into_iter().find(|(_, applies)| *applies).map_or(DIRECT, |(channel, _)| channel)
}

fn of_medium(medium: &str) -> Option<&'static str> {
    let medium = medium.replace(['_', ' '], "-");
    let exact = MEDIUMS.iter().find(|(_, names)| names.contains(&medium.as_str())).map(|(channel, _)| *channel);
    // `paid_social`, `paid-search`, `paidsocial`.
    exact.or_else(|| medium.starts_with("paid").then_some("paid"))
}

/// The parameters of an address that name a source.
#[derive(Default)]
struct Params {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
    /// The position in [`CLICK_IDS`] of the first click id of the list that the address has.
    click: Option<usize>,
}

impl Params {
    fn of(address: &str) -> Self {
        let mut params = Self::default();
        let before_fragment = address.split('#').next().unwrap_or_default();
        let Some((_, query)) = before_fragment.split_once('?') else { return params };
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = serde_urlencoded::from_str(query).unwrap_or_default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let name = name.to_ascii_lowercase();
            let slot = match name.as_str() {
                "utm_source" => &mut params.source,
                "utm_medium" => &mut params.medium,
                "utm_campaign" => &mut params.campaign,
                "utm_term" => &mut params.term,
                "utm_content" => &mut params.content,
                _ => {
                    let found = CLICK_IDS.iter().position(|(id, ..)| *id == name);
                    params.click = params.click.into_iter().chain(found).min();
                    continue;
                }
            };
            slot.get_or_insert_with(|| value.to_lowercase());
        }
        params
    }

    fn click_id(&self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        self.click.and_then(|at| CLICK_IDS.get(at))
    }

    fn has_utm(&self) -> bool {
        [&self.source, &self.medium, &self.campaign, &self.term, &self.content].iter().any(|value| value.is_some())
    }
}

/// Returns a host in lower case without `www.`.
fn site(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
}

/// Whether one host is the other or a subdomain of it.
fn is_same_site(one: &str, other: &str) -> bool {
    let is_below = |host: &str, parent: &str| host.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !one.is_empty() && !other.is_empty() && (is_below(one, other) || is_below(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_rule_that_matches_decides_the_channel() {
        for (query, referrer, channel, name) in [
            ("", "", "direct", "direct"),
            ("", "https://www.google.de/", "search", "google"),
            ("?gclid=1", "https://www.google.de/", "paid", "google"),
            ("?utm_source=Google&utm_medium=CPC&utm_campaign=Spring", "", "paid", "google"),
            ("?utm_source=news&utm_medium=email", "https://l.facebook.com/", "email", "news"),
            ("", "https://mail.google.com/", "email", "gmail"),
            ("?utm_medium=sms", "", "sms", "(not set)"),
            ("?utm_medium=e+mail", "", "email", "(not set)"),
            ("?utm_medium=Social_Media", "", "social", "(not set)"),
            ("?utm_medium=social%20media", "", "social", "(not set)"),
            ("?utm_medium=affiliate&utm_source=blog", "https://blog.example/x", "affiliate", "blog"),
            ("?fbclid=x", "", "social", "facebook"),
            ("", "https://t.co/x", "social", "x"),
            ("", "https://chatgpt.com/", "assistant", "chatgpt"),
            ("?utm_source=chatgpt.com", "", "assistant", "chatgpt"),
            ("", "https://www.Blog.example:8080/x", "referral", "blog.example"),
            ("?utm_campaign=poster", "", "campaign", "(not set)"),
            ("?utm_source=facebook&utm_medium=paid_social", "https://facebook.com/", "paid", "facebook"),
            ("", "https://shop.example/", "direct", "direct"),
            ("", "https://checkout.shop.example/", "direct", "direct"),
            ("?utm_source=", "", "direct", "direct"),
            ("?x=%FF&utm_source=%FF%FE", "", "campaign", "\u{fffd}\u{fffd}"),
        ] {
            let source = Source::of_arrival(&format!("https://www.shop.example/p{query}#f?utm_source=no"), referrer);
            assert_eq!((source.channel, source.name.as_str()), (channel, name), "{query} {referrer}");
        }
    }

    #[test]
    fn parameters_of_the_link_are_stored_in_lower_case_and_click_ids_by_kind() {
        let source = Source::of_arrival("/p?utm_campaign=Big+Sale&utm_term=Hat&utm_content=A%2FB&msclkid=secret&fbclid=2", "");
        let expected = Source {
            channel: "paid",
            name: "bing".into(),
            medium: None,
            campaign: Some("big sale".into()),
            term: Some("hat".into()),
            content: Some("a/b".into()),
            click_id: Some("msclkid"),
        };
        assert_eq!(source, expected);
    }
}
