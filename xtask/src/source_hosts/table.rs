//! Converts the list into rows: which entries count, and the names under which Tillroll's reports show them.
//!
//! A host keeps the notation of the list. `{}` stands for the code of a country: for any public suffix at the end, for a subdomain at the
//! beginning. The collector reads `www.HOST` as this host only, and every other host with its subdomains.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use saphyr::{LoadableYamlNode, Yaml};

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// `search` or `social`.
    pub(super) kind: &'static str,
    /// In lower case.
    pub(super) name: String,
    pub(super) host: String,
}

/// Names of the list, in lower case, and the names that the reports use instead: services of one company under one name, as a shop asks for
/// "google", and current names. A search engine and a mail program of the same company keep different names.
const NAMES: &[(&str, &str)] = &[
    ("360search", "360 search"),
    ("haosou", "360 search"),
    ("bing images", "bing"),
    ("cốc cốc", "coccoc"),
    ("google blogsearch", "google"),
    ("google custom search", "google"),
    ("google images", "google"),
    ("google maps", "google"),
    ("google news", "google"),
    ("google scholar", "google"),
    ("google shopping", "google"),
    ("google syndicated search", "google"),
    ("google translations", "google"),
    ("google video", "google"),
    ("mailru", "mail.ru search"),
    ("odnoklassniki", "ok"),
    ("seznam videa", "seznam"),
    ("sm.cn", "shenma"),
    ("t-online", "t-online search"),
    ("twitter", "x"),
    ("vkontakte", "vk"),
    ("web.de", "web.de search"),
    ("yahoo!", "yahoo"),
    ("yahoo! images", "yahoo"),
    ("yahoo! japan", "yahoo"),
    ("yahoo! japan images", "yahoo"),
    ("yahoo! japan videos", "yahoo"),
    ("yandex images", "yandex"),
];

/// Hosts that are more than a search engine or a network. The list's own program counts them only with a search term in the address, which
/// browsers no longer send to other sites.
const LEFT_OUT: &[&str] = &[
    // News.
    "msnbc.msn.com",
    "web.canoe.ca",
    "www.cnn.com",
    "www.kataweb.it",
    // Home pages of internet providers and messengers.
    "online.no",
    "www.arcor.de",
    "www.charter.net",
    "www.fastweb.it",
    "www.icq.com",
    "www.optuszoo.com.au",
    "www.skynet.be",
    "www.so-net.ne.jp",
    "www.talktalk.co.uk",
    // A dictionary, an encyclopedia, a game.
    "cgi2.nintendo.co.jp",
    "dizionario.it.msn.com",
    "enciclopedia.it.msn.com",
    // A price comparison, which is a partner of shops.
    "de.toppreise.ch",
    "en.toppreise.ch",
    "fr.toppreise.ch",
    "toppreise.ch",
    "www.toppreise.ch",
    // Sign-in pages, and a network that has closed.
    "com.google.android.apps.plus",
    "login.live.com",
    "plus.google.com",
    "url.google.com",
];

/// Returns the rows of both files, sorted by kind, name and host.
///
/// Left out: the hosts of [`LEFT_OUT`], entries with a path, hosts that another entry of the same name covers, and search engines on the
/// hosts of social networks.
pub(super) fn rows(search_engines: &str, socials: &str) -> Result<Vec<Row>> {
    let mut all = BTreeSet::new();
    for (name, hosts) in entries(socials)? {
        add(&mut all, "social", &name, &list(&hosts)?)?;
    }
    for (name, configurations) in entries(search_engines)? {
        let Some(configurations) = configurations.as_sequence() else { bail!("{name} is not a list") };
        for configuration in configurations {
            let Some(hosts) = configuration.as_mapping_get("urls") else { bail!("{name} has no urls") };
            add(&mut all, "search", &name, &list(hosts)?)?;
        }
    }
    ensure_left_out(search_engines, socials)?;
    let rows: Vec<Row> = all.iter().filter(|row| !is_covered(row, &all)).cloned().collect();
    for Row { name, host, .. } in &rows {
        let rest = host.strip_suffix(".{}").or_else(|| host.strip_prefix("{}.")).unwrap_or(host);
        ensure!(!rest.contains('{'), "{host} of {name}: the collector reads {{}} at the beginning or at the end only");
    }
    Ok(rows)
}

fn add(all: &mut BTreeSet<Row>, kind: &'static str, name: &str, hosts: &[String]) -> Result<()> {
    let name = shown_name(name);
    for host in hosts.iter().filter(|host| !host.contains('/') && !LEFT_OUT.contains(&host.as_str())) {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'{' | b'}');
        ensure!(host.contains('.') && host.bytes().all(is_plain), "{host:?} of {name} is no host");
        all.insert(Row { kind, name: name.clone(), host: host.clone() });
    }
    Ok(())
}

/// Returns the name in lower case, or the one that [`NAMES`] has for it.
fn shown_name(name: &str) -> String {
    let name = name.to_lowercase();
    NAMES.iter().find(|(listed, _)| *listed == name).map_or(name.clone(), |(_, shown)| (*shown).to_owned())
}

/// Whether the longest other host that covers this one has the same name, or belongs to a social network.
fn is_covered(row: &Row, all: &BTreeSet<Row>) -> bool {
    let host = row.host.strip_prefix("www.").unwrap_or(&row.host);
    let covers = |other: &&Row| {
        let wide = other.host.as_str();
        host.strip_suffix(wide).is_some_and(|rest| (rest.is_empty() && row.host != wide) || rest.ends_with('.'))
            || (row.host == wide && row.kind == "search" && other.kind == "social")
    };
    let closest = all.iter().filter(covers).max_by_key(|other| other.host.len());
    closest.is_some_and(|other| other.name == row.name || other.kind == "social")
}

/// A host that the list no longer has shows that the new version must be looked at.
fn ensure_left_out(search_engines: &str, socials: &str) -> Result<()> {
    let is_listed = |host: &str| [search_engines, socials].iter().any(|text| text.lines().any(|line| line.trim() == format!("- {host}")));
    let missing: Vec<_> = LEFT_OUT.iter().filter(|host| !is_listed(host)).collect();
    ensure!(missing.is_empty(), "the list has no host {missing:?}; delete it from LEFT_OUT");
    Ok(())
}

/// Returns the names of a file with what stands below each.
fn entries(text: &str) -> Result<Vec<(String, Yaml<'_>)>> {
    let documents = Yaml::load_from_str(text)?;
    let Some(Yaml::Mapping(mapping)) = documents.into_iter().next() else { bail!("the list is not a mapping") };
    mapping.into_iter().map(|(name, value)| Ok((text_of(&name)?, value))).collect()
}

fn list(hosts: &Yaml<'_>) -> Result<Vec<String>> {
    let Some(hosts) = hosts.as_sequence() else { bail!("hosts are not a list: {hosts:?}") };
    hosts.iter().map(text_of).collect()
}

fn text_of(value: &Yaml<'_>) -> Result<String> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("not a text: {value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_rows_and_those_that_add_nothing_are_left_out() {
        let hosts_left_out: String = LEFT_OUT.iter().map(|host| format!("      - {host}\n")).collect();
        let search_engines = format!(
            "Finder:\n  -\n    urls:\n      - finder.com\n      - www.finder.com\n      - de.finder.com\n      - 'finder.{{}}'\n      - other.example/path\n    params:\n      - q\n\
             Google Images:\n  -\n    urls:\n      - images.example\n{hosts_left_out}\
             Chatter:\n  -\n    urls:\n      - www.chatter.com\n      - find.chatter.com\n      - chatter.example\n"
        );
        let socials = "Chatter:\n  - chatter.com\n\"118 700\":\n  - www.phone.example\n";
        let found = rows(&search_engines, socials).unwrap();
        let found: Vec<_> = found.iter().map(|row| (row.kind, row.name.as_str(), row.host.as_str())).collect();
        let expected = [
            ("search", "chatter", "chatter.example"),
            ("search", "finder", "finder.com"),
            ("search", "finder", "finder.{}"),
            ("search", "google", "images.example"),
            ("social", "118 700", "www.phone.example"),
            ("social", "chatter", "chatter.com"),
        ];
        assert_eq!(found, expected);
        assert!(rows("Finder:\n  - finder.com\n", socials).is_err());
        assert!(rows(&search_engines.replace("- login.live.com", "- live.com"), socials).is_err());
    }
}
