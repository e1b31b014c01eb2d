//! What the addresses of pages lose before they are stored, shown or forwarded: secrets and e-mail addresses; and hosts that are no source.
//!
//! The rules are those of the server and, after a project's token, of that project. Each project has one [`ProjectAddresses`], which validation
//! applies to every event.

mod clean;
mod email_text;
mod ignored_hosts;
mod remembered;
mod secret_names;

pub(crate) use clean::host;
pub(crate) use ignored_hosts::is_ignored_host;
pub(crate) use remembered::RememberedAddresses;

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;
use tillroll_protocol::address_rule::AddressRule;

use self::secret_names::NameList;

/// The flags.
#[derive(Clone, Debug, Default, Args)]
pub struct AddressFlags {
    /// Query parameters of pages' addresses to store although their names are those of secrets; TOKEN=NAME for one project, NAME* for a prefix
    #[arg(long, env = "TILLROLL_KEEP_QUERY", value_delimiter = ',', value_name = "NAME")]
    pub keep_query: Vec<String>,

    /// Further query parameters not to store; TOKEN=NAME for one project, NAME* for a prefix
    #[arg(long, env = "TILLROLL_DROP_QUERY", value_delimiter = ',', value_name = "NAME")]
    pub drop_query: Vec<String>,

    /// Hosts that are no source of visits, with their subdomains, besides the built-in payment and sign-in pages; TOKEN=HOST for one project
    #[arg(long, env = "TILLROLL_IGNORE_REFERRERS", value_delimiter = ',', value_name = "HOST")]
    pub ignore_referrers: Vec<String>,
}

/// The rules of all projects.
#[derive(Debug)]
pub struct AddressRules {
    others: Arc<ProjectAddresses>,
    by_token: HashMap<String, Arc<ProjectAddresses>>,
}

/// The rules of a project.
#[derive(Clone, Debug, Default)]
pub struct ProjectAddresses {
    kept: NameList,
    dropped: NameList,
    ignored_hosts: Vec<String>,
}

impl AddressRules {
    /// Returns the rules of these flags.
    pub fn new(flags: &AddressFlags) -> Self {
        let lists = [&flags.keep_query, &flags.drop_query, &flags.ignore_referrers];
        let tokens = lists.into_iter().flatten().filter_map(|value| value.split_once('='));
        let of = |token: Option<&str>| {
            let [kept, dropped, hosts] = lists.map(|list| values(list, token));
            let ignored_hosts = hosts.iter().map(|host| host.trim_matches('.').to_ascii_lowercase()).collect();
            Arc::new(ProjectAddresses { kept: NameList::new(&kept), dropped: NameList::new(&dropped), ignored_hosts })
        };
        Self { others: of(None), by_token: tokens.map(|(token, _)| (token.trim().to_owned(), of(Some(token.trim())))).collect() }
    }

    /// Returns the rules of the project with this token.
    pub fn of(&self, token: &str) -> Arc<ProjectAddresses> {
        Arc::clone(self.by_token.get(token).unwrap_or(&self.others))
    }
}

/// Returns the values for all projects, and those for the project with this token.
fn values<'a>(list: &'a [String], token: Option<&str>) -> Vec<&'a str> {
    let value = |value: &'a String| match value.split_once('=') {
        Some((other, value)) => (Some(other.trim()) == token).then_some(value.trim()),
        None => Some(value.trim()),
    };
    list.iter().filter_map(value).filter(|value| !value.is_empty()).collect()
}

impl AddressRule for ProjectAddresses {
    fn page(&self, address: &str) -> Option<String> {
        clean::clean(address, self)
    }

    fn source(&self, address: &str) -> Option<String> {
        if !address.is_empty() && self.is_ignored(clean::host(address)) { Some(String::new()) } else { self.page(address) }
    }
}

impl ProjectAddresses {
    /// Returns whether a query parameter is not stored, by its name in lower case.
    fn is_secret(&self, name: &str) -> bool {
        self.dropped.contains(name) || secret_names::is_secret(name) && !self.kept.contains(name)
    }

    /// Returns whether a host is no source of visits.
    fn is_ignored(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_at = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        is_ignored_host(&host) || self.ignored_hosts.iter().any(|name| is_at(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_apply_to_the_server_or_to_one_project() {
        let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        let flags = AddressFlags {
            keep_query: list(&["key", "a=token"]),
            drop_query: list(&["b=ref*", "gift"]),
            ignore_referrers: list(&["pay.example", "a=bank.example"]),
        };
        let rules = AddressRules::new(&flags);
        let page = |token: &str| rules.of(token).page("/p?key=1&token=2&refcode=3&gift=4&x=5").unwrap_or_default();
        assert_eq!(
            (page("a"), page("b"), page("c")),
            ("/p?key=1&token=2&refcode=3&x=5".into(), "/p?key=1&x=5".into(), "/p?key=1&refcode=3&x=5".into())
        );
        let source = |token: &str, host: &str| rules.of(token).source(&format!("https://{host}/x"));
        assert_eq!(source("b", "www.pay.example"), Some(String::new()));
        assert_eq!((source("a", "bank.example"), source("b", "bank.example")), (Some(String::new()), None));
        assert_eq!((source("b", "notpay.example"), source("b", "checkout.stripe.com")), (None, Some(String::new())));
        assert_eq!((source("b", "www.google.com"), source("b", "accounts.google.com")), (None, Some(String::new())));
    }
}
