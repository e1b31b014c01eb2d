//! Finds the service that a host belongs to, in our own table and in the public list that the collector is compiled with.
//!
//! Forms of a host in both: `HOST` covers its subdomains, `www.HOST` stands for this host only, `NAME.{}` for the host under every public
//! suffix with its subdomains, `{}.HOST` for the subdomains only. The most specific host decides; if both tables have it, our own wins.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::hosts::{HOSTS, HostKind, OTHER_NAMES};

/// Written by `cargo xtask source-hosts`: kind, name and host, separated by tabs.
const PUBLIC_HOSTS: &str = include_str!("public_hosts.tsv");

/// Labels that form a public suffix together with the code of a country, as in `google.co.uk`.
const SECOND_LEVEL: &[&str] = &["co", "com", "edu", "it", "net", "org"];

/// A kind and a name.
pub(super) type Service = (HostKind, &'static str);

/// Returns the kind and the name of a host in lower case, if a table has it.
pub(super) fn find(host: &str) -> Option<Service> {
    ALL.find(host)
}

/// Returns the kind of a source with this name or host, as campaigns name it (`utm_source=facebook`).
pub(super) fn find_named(name: &str) -> Option<Service> {
    ALL.named.get(name).copied().or_else(|| find(name))
}

/// Our own table and the public list.
static ALL: LazyLock<Table> = LazyLock::new(|| {
    let mut all = Table::default();
    all.add_own_hosts();
    all.add_public_hosts();
    all
});

fn public_hosts() -> impl Iterator<Item = (Service, &'static str)> {
    let rows = PUBLIC_HOSTS.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut columns = line.split('\t');
        let kind = if columns.next()? == "search" { HostKind::Search } else { HostKind::Social };
        Some(((kind, columns.next()?), columns.next()?))
    })
}

/// Services by host. The first service that is added for a host stays.
#[derive(Default)]
struct Table {
    hosts: HashMap<&'static str, Entry>,
    /// Hosts under every public suffix, without it.
    stems: HashMap<&'static str, Service>,
    named: HashMap<&'static str, Service>,
}

#[derive(Default)]
struct Entry {
    itself: Option<Service>,
    subdomains: Option<Service>,
}

impl Table {
    fn add_own_hosts(&mut self) {
        for (kind, name, hosts) in HOSTS {
            self.named.entry(name).or_insert((*kind, name));
            hosts.iter().for_each(|host| self.add(host, (*kind, name)));
        }
        for (other, name) in OTHER_NAMES {
            if let Some(service) = self.named.get(name).copied() {
                self.named.insert(other, service);
            }
        }
    }

    fn add_public_hosts(&mut self) {
        for (service, host) in public_hosts() {
            // `free` or `orange` may be the name of any campaign. A name counts if it is the name of the site too: `ecosia` of `ecosia.org`.
            if stem(site(host)) == Some(service.1) {
                self.named.entry(service.1).or_insert(service);
            }
            self.add(host, service);
        }
    }

    fn add(&mut self, host: &'static str, service: Service) {
        if let Some(stem) = host.strip_suffix(".{}") {
            self.stems.entry(stem).or_insert(service);
            return;
        }
        let only_subdomains = host.strip_prefix("{}.");
        let only_itself = host.strip_prefix("www.");
        let entry = self.hosts.entry(only_subdomains.or(only_itself).unwrap_or(host)).or_default();
        if only_subdomains.is_none() {
            entry.itself.get_or_insert(service);
        }
        if only_itself.is_none() {
            entry.subdomains.get_or_insert(service);
        }
    }

    fn find(&self, host: &str) -> Option<Service> {
        let host = site(host);
        let stem = stem(host).unwrap_or_default();
        let of = |at: usize| {
            let entry = host.get(at..).and_then(|host| self.hosts.get(host));
            let listed = entry.and_then(|entry| if at == 0 { entry.itself } else { entry.subdomains });
            listed.or_else(|| stem.get(at..).and_then(|stem| self.stems.get(stem)).copied())
        };
        std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1)).find_map(of)
    }
}

/// Returns the host without `www.`.
fn site(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// Returns the host without its public suffix: `google` of `google.de` and of `google.co.uk`.
fn stem(host: &str) -> Option<&str> {
    let (rest, last) = host.rsplit_once('.').filter(|(_, last)| last.len() >= 2 && !last.bytes().all(|byte| byte.is_ascii_digit()))?;
    let second = rest.rsplit_once('.').filter(|(_, second)| last.len() == 2 && SECOND_LEVEL.contains(second));
    Some(second.map_or(rest, |(rest, _)| rest))
}

#[cfg(test)]
mod tests {
    use super::super::hosts::HostKind::{Assistant, Email, Search, Social};
    use super::*;

    /// Hosts that an entry stands for.
    fn examples(entry: &str) -> Vec<String> {
        match (entry.strip_prefix("{}."), entry.strip_prefix("www.")) {
            (Some(host), _) => vec![format!("de.{host}")],
            (_, Some(_)) => vec![entry.to_owned()],
            _ => ["", "de."]
                .iter()
                .flat_map(|below| ["de", "co.uk", "sk"].map(|suffix| format!("{below}{}", entry.replace("{}", suffix))))
                .collect(),
        }
    }

    fn public_table() -> Table {
        let mut table = Table::default();
        table.add_public_hosts();
        table
    }

    #[test]
    fn every_entry_finds_itself() {
        let public = public_table();
        let mut listed: Vec<_> = public_hosts().map(|(_, host)| host).collect();
        listed.sort_unstable();
        assert!(listed.len() > 500 && listed.windows(2).all(|pair| pair[0] != pair[1]), "hosts are missing or listed twice");
        for (service, host) in public_hosts() {
            assert!(examples(host).iter().all(|example| public.find(example) == Some(service)), "{host}");
        }
        for (kind, name, hosts) in HOSTS {
            for example in hosts.iter().flat_map(|host| examples(host)) {
                assert_eq!(find(&example), Some((*kind, *name)), "{example}");
            }
        }
    }

    #[test]
    fn own_table_has_nothing_that_the_public_list_has_in_the_same_way() {
        let public = public_table();
        for (kind, name, hosts) in HOSTS {
            // The only host of a name stays if campaigns would lose the name.
            let may_go = hosts.len() > 1 || public.named.contains_key(name);
            let is_listed = |example: &String| public.find(example) == Some((*kind, *name));
            for host in *hosts {
                assert!(!(may_go && examples(host).iter().all(is_listed)), "delete {host} of {name}");
            }
        }
    }

    #[test]
    fn most_specific_host_decides_and_other_hosts_do_not_count() {
        for (host, expected) in [
            ("www.google.com", Some((Search, "google"))),
            ("google.co.uk", Some((Search, "google"))),
            ("news.google.de", Some((Search, "google"))),
            ("mail.google.com", Some((Email, "gmail"))),
            ("gemini.google.com", Some((Assistant, "gemini"))),
            ("suche.web.de", Some((Search, "web.de search"))),
            ("search.abv.bg", Some((Search, "google"))),
            ("nova.abv.bg", Some((Email, "abv mail"))),
            ("navigator.web.de", Some((Email, "web.de"))),
            ("l.facebook.com", Some((Social, "facebook"))),
            ("www.facebook.com", Some((Social, "facebook"))),
            ("t.co", Some((Social, "x"))),
            ("www.pinterest.co.uk", Some((Social, "pinterest"))),
            ("www.lilo.org", None),
            ("search.lilo.org", Some((Search, "lilo"))),
            ("fosstodon.org", Some((Social, "mastodon"))),
            ("mozbot.fr", Some((Search, "mozbot"))),
            ("shop.mozbot.fr", None),
            ("us.altavista.com", Some((Search, "altavista"))),
            ("bg.setooz.com", Some((Search, "setooz"))),
            ("setooz.com", None),
            ("notgoogle.com", None),
            ("google.evil.example", None),
            ("google.com.evil.example", None),
            ("google.abc.com", None),
            ("google.co", Some((Search, "google"))),
            ("google", None),
            ("google.127", None),
            ("facebook.com.example", None),
            ("www.cnn.com", None),
            ("pt.co", None),
            ("shop.example", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(find(host), expected, "{host}");
        }
    }

    #[test]
    fn campaigns_name_sources_by_their_names_and_hosts() {
        for (name, expected) in [
            ("instagram", Some((Social, "instagram"))),
            ("ig", Some((Social, "instagram"))),
            ("fb", Some((Social, "facebook"))),
            ("twitter", Some((Social, "x"))),
            ("ecosia", Some((Search, "ecosia"))),
            ("chatgpt.com", Some((Assistant, "chatgpt"))),
            ("startpage.com", Some((Search, "startpage"))),
            ("orange", None),
            ("free", None),
        ] {
            assert_eq!(find_named(name), expected, "{name}");
        }
    }
}
