//! Forwarding targets: the URL and credentials of each project, parsed from the operator's flags and environment.
//!
//! Error messages quote neither text, because both may contain a secret.

use std::sync::Arc;

use anyhow::Context;
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::projects::{Project, ProjectRegistry};
use crate::vendors::FORWARD_FLAG;

/// The server that one project's events are sent to.
#[derive(Debug)]
pub(crate) struct Target {
    /// The number of the project in the store.
    pub(super) project: i64,
    /// The token of the project.
    pub(super) token: String,
    /// The URL of the server.
    pub(super) url: String,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
}

/// Parses the targets: `URL`, or `TOKEN=URL` if the server has several projects. Credentials have the same form.
///
/// A target without its project is reported and left out: projects can be added and retired while the server runs, and the next start must not
/// fail because of that.
pub(crate) fn targets(urls: &[String], credentials: &[String], projects: &ProjectRegistry) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for text in urls.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let (token, url) = split_url(text)?;
        let project = match find_project(token, projects) {
            Ok(project) => project,
            Err(reason) => {
                tracing::warn!(flag = FORWARD_FLAG, reason, "events are not forwarded");
                continue;
            }
        };
        let for_project = credentials.iter().find_map(|text| match text.trim().split_once('=') {
            Some((name, secret)) if name == project.credentials.token => Some(secret),
            _ => None,
        });
        let for_all = || credentials.iter().map(|text| text.trim()).find(|text| !has_project_token(text, projects) && !text.is_empty());
        let authorization = for_project.or_else(for_all).map(authorization);
        targets.push(Target { project: project.id, token: project.credentials.token.clone(), url: url.into(), authorization });
    }
    Ok(targets)
}

/// Returns an error if one of the texts is no URL. An empty text is none.
pub(crate) fn check_urls(urls: &[String]) -> anyhow::Result<()> {
    urls.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).try_for_each(|text| split_url(text).map(|_| ()))
}

/// Splits `[TOKEN=]URL`.
fn split_url(text: &str) -> anyhow::Result<(Option<&str>, &str)> {
    split_token(text, |url| url.starts_with("http://") || url.starts_with("https://"))
        .context("the URL to forward events to is not a URL; write https://…/api/track or TOKEN=https://…/api/track")
}

/// Splits `[TOKEN=]REST`, where `is_rest` recognises the rest. Tokens contain no `=`.
fn split_token(text: &str, is_rest: impl Fn(&str) -> bool) -> Option<(Option<&str>, &str)> {
    match text.split_once('=') {
        _ if is_rest(text) => Some((None, text)),
        Some((token, rest)) if is_rest(rest) => Some((Some(token), rest)),
        _ => None,
    }
}

/// Returns the project of a target, or why it has none.
fn find_project(token: Option<&str>, projects: &ProjectRegistry) -> Result<Arc<Project>, &'static str> {
    match token {
        Some(token) => projects.find(token).ok_or("the token of a URL is that of no project, or of a retired one"),
        None => {
            projects.single().ok_or("a URL has no project's token, and the server has several projects; write TOKEN=https://…/api/track")
        }
    }
}

fn has_project_token(text: &str, projects: &ProjectRegistry) -> bool {
    text.split_once('=').is_some_and(|(token, _)| projects.find(token).is_some())
}

/// `NAME:SECRET` becomes HTTP Basic. Any other text is the whole header, such as `Bearer …`.
fn authorization(credentials: &str) -> String {
    if credentials.contains(':') && !credentials.contains(' ') {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    } else {
        credentials.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn projects(tokens: &[&str]) -> ProjectRegistry {
        let flags: Vec<_> = tokens.iter().map(|token| format!("{token}:secret")).collect();
        let folder = tempfile::tempdir().unwrap();
        ProjectRegistry::open(&flags, folder.path(), Clock::SYSTEM, |_| Ok(1)).unwrap().0
    }

    fn parse(urls: &[&str], credentials: &[&str], tokens: &[&str]) -> Result<Vec<(String, String, Option<String>)>, String> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let targets = targets(&owned(urls), &owned(credentials), &projects(tokens)).map_err(|error| error.to_string())?;
        Ok(targets.into_iter().map(|target| (target.token, target.url, target.authorization)).collect())
    }

    #[test]
    fn urls_and_credentials_are_assigned_to_projects() {
        let basic = Some(authorization("n:p"));
        let url = "https://x/track?a=b";
        assert_eq!(parse(&[url], &["n:p"], &["a"]), Ok(vec![("a".into(), url.into(), basic.clone())]));
        let with_token = parse(&["b=https://x/"], &["a=other", "b=Bearer q"], &["a", "b"]);
        assert_eq!(with_token, Ok(vec![("b".into(), "https://x/".into(), Some("Bearer q".into()))]));
        assert_eq!(parse(&["b=https://x/"], &["n:p"], &["a", "b"]).unwrap()[0].2, basic);
        assert_eq!(parse(&[""], &[], &["a"]), Ok(vec![]));
    }

    #[test]
    fn invalid_targets_are_errors_and_those_without_a_project_are_left_out() {
        assert!(parse(&["x"], &[], &["a", "b"]).is_err_and(|text| text.contains("is not a URL")));
        let found = parse(&["https://x/", "c=https://x/", "b=https://y/"], &[], &["a", "b"]);
        assert_eq!(found, Ok(vec![("b".into(), "https://y/".into(), None)]));
    }
}
