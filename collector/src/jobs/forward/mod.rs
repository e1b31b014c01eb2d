//! Hands a project's events on to the server of the vendor that its shop stays with.
//!
//! It reads the durable log behind everybody's back, so a page never waits for it and nothing is missing after a restart. One request is
//! under way at a time and the next begins when it was answered: order is kept. The place is kept after each answer, so a kill can repeat
//! one request and lose none; each carries the id of its event.

mod client;
mod position;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::projects::{Project, ProjectRegistry};
use crate::store::{Cursor, Range};
use crate::{AppState, Error, clock};
use base64::prelude::{BASE64_STANDARD, Engine};
use client::{Poster, Verdict};
use position::{Bookmark, Place};

/// How many events are read at a time.
const PAGE: usize = 100;

/// The wait after the first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait, unless the server asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How a stored event is said in the vendor's words.
pub type Translate = fn(&Value) -> Vec<Value>;

/// Where the events of one project go.
pub struct Target {
    project: i64,
    token: String,
    url: String,
    authorization: Option<String>,
}

/// Reads what the operator gave: `URL`, or `TOKEN=URL` where the server has several projects; credentials alike. Neither text is repeated
/// in an error where it may hold a secret.
pub fn targets(given: &[String], credentials: &[String], projects: &ProjectRegistry) -> Result<Vec<Target>, Error> {
    let mut targets = Vec::new();
    for text in given.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let (token, url) = split(text, |url| url.starts_with("http://") || url.starts_with("https://"))
            .ok_or(Error::BadForward("is no address: write https://…/api/track, or TOKEN=https://…/api/track"))?;
        let project = project(token, projects)?;
        let own = credentials.iter().find_map(|text| match text.trim().split_once('=') {
            Some((name, secret)) if name == project.keys.token => Some(secret),
            _ => None,
        });
        let shared = || credentials.iter().map(|text| text.trim()).find(|text| !names_a_project(text, projects) && !text.is_empty());
        let authorization = own.or_else(shared).map(authorization);
        targets.push(Target { project: project.id, token: project.keys.token.clone(), url: url.into(), authorization });
    }
    Ok(targets)
}

/// Splits `[TOKEN=]REST` where `is_rest` knows a rest; tokens hold no `=`.
fn split(text: &str, is_rest: impl Fn(&str) -> bool) -> Option<(Option<&str>, &str)> {
    match text.split_once('=') {
        _ if is_rest(text) => Some((None, text)),
        Some((token, rest)) if is_rest(rest) => Some((Some(token), rest)),
        _ => None,
    }
}

fn project(token: Option<&str>, projects: &ProjectRegistry) -> Result<Arc<Project>, Error> {
    match token {
        Some(token) => projects.find(token).ok_or(Error::BadForward("names a token that no project has")),
        None => projects.only().ok_or(Error::BadForward("does not say of which project: write TOKEN=https://…/api/track")),
    }
}

fn names_a_project(text: &str, projects: &ProjectRegistry) -> bool {
    text.split_once('=').is_some_and(|(token, _)| projects.find(token).is_some())
}

/// `NAME:SECRET` is for HTTP Basic; anything else is the header as it is, such as `Bearer …`.
fn authorization(credentials: &str) -> String {
    if credentials.contains(':') && !credentials.contains(' ') {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    } else {
        credentials.to_owned()
    }
}

/// Begins to forward to each target. A project that is forwarded for the first time begins with the next event.
pub fn start(targets: Vec<Target>, folder: &Path, collector: &Arc<AppState>, translate: Translate) -> Result<(), Error> {
    for target in targets {
        let head = *collector.store.head().borrow();
        let fault = |source| Error::DataFolder { path: folder.to_owned(), source };
        let (bookmark, place) = Bookmark::open(folder, &target.token, head).map_err(fault)?;
        let poster = Poster::start(target.url, target.authorization).map_err(fault)?;
        let forwarder = Forwarder { collector: Arc::clone(collector), project: target.project, bookmark, place, poster, translate };
        tokio::spawn(forwarder.run());
    }
    Ok(())
}

struct Forwarder {
    collector: Arc<AppState>,
    project: i64,
    bookmark: Bookmark,
    place: Place,
    poster: Poster,
    translate: Translate,
}

impl Forwarder {
    async fn run(mut self) {
        let mut closing = self.collector.closing.clone();
        let head = self.collector.store.head();
        tokio::select! {
            () = self.follow(head) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    async fn follow(&mut self, mut head: watch::Receiver<Cursor>) {
        let mut failures = 0;
        loop {
            let until = *head.borrow_and_update();
            match self.forward(until).await {
                Ok(0) => {
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(_) => failures = 0,
                Err(error) => {
                    tracing::error!(%error, "forwarding cannot go on for now");
                    failures += 1;
                    tokio::time::sleep(wait(failures, None)).await;
                }
            }
        }
    }

    /// Tells of the next events up to `until`, and returns how many there were.
    async fn forward(&mut self, until: Cursor) -> Result<usize, Error> {
        let range = Range { project: self.project, after: self.place.after, until, limit: PAGE };
        let events = self.collector.store.read(range).await?;
        for event in &events {
            let read = serde_json::from_str(&event.json).unwrap_or(Value::Null);
            for request in (self.translate)(&read).into_iter().skip(self.place.told) {
                self.tell(request.to_string()).await;
                self.keep(Place { told: self.place.told + 1, ..self.place }).await?;
            }
            self.place = Place { after: event.cursor, told: 0 };
        }
        if !events.is_empty() {
            self.keep(self.place).await?;
        }
        Ok(events.len())
    }

    async fn keep(&mut self, place: Place) -> Result<(), Error> {
        let bookmark = self.bookmark.clone();
        let kept = tokio::task::spawn_blocking(move || bookmark.keep(place)).await.map_err(|_| Error::Stopping)?;
        kept.map_err(Error::Forward)?;
        self.place = place;
        Ok(())
    }

    /// Posts until there is an answer that counts.
    async fn tell(&self, body: String) {
        let telemetry = &self.collector.telemetry;
        let mut failures = 0;
        loop {
            let asked = match self.poster.post(body.clone()).await {
                Verdict::Taken => return telemetry.forwarded("taken"),
                Verdict::Refused(status) => {
                    tracing::warn!(status, "an event was refused where it was forwarded to");
                    return telemetry.forwarded("refused");
                }
                Verdict::Locked(status) => {
                    tracing::error!(status, "nothing is taken where events are forwarded to: check address and credentials");
                    telemetry.forwarded("locked");
                    None
                }
                Verdict::Later(status, asked) => {
                    tracing::warn!(status, "forwarding waits");
                    telemetry.forwarded("retried");
                    asked
                }
            };
            failures += 1;
            tokio::time::sleep(wait(failures, asked)).await;
        }
    }
}

/// Returns how long to wait after so many failures: as long as the server asked, or a random part of a time that doubles.
fn wait(failures: u32, asked: Option<Duration>) -> Duration {
    let chance = clock::random::<1>().map_or(u8::MAX, |[byte]| byte);
    let longest = FIRST_WAIT.saturating_mul(1_u32.checked_shl(failures.min(16) - 1).unwrap_or(u32::MAX)).min(LONGEST_WAIT);
    asked.unwrap_or_default().max(longest.mul_f64(0.5 + f64::from(chance) / 512.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projects(tokens: &[&str]) -> ProjectRegistry {
        let given: Vec<_> = tokens.iter().map(|token| format!("{token}:s")).collect();
        let folder = tempfile::tempdir().unwrap();
        ProjectRegistry::open(&given, folder.path(), clock::Clock::SYSTEM, |_| Ok(1)).unwrap().0
    }

    fn read(given: &[&str], credentials: &[&str], tokens: &[&str]) -> Result<Vec<(String, String, Option<String>)>, String> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let targets = targets(&owned(given), &owned(credentials), &projects(tokens)).map_err(|error| error.to_string())?;
        Ok(targets.into_iter().map(|target| (target.token, target.url, target.authorization)).collect())
    }

    #[test]
    fn an_address_and_its_credentials_find_their_project() {
        let basic = Some(authorization("n:p"));
        let there = "https://x/track?a=b";
        assert_eq!(read(&[there], &["n:p"], &["a"]), Ok(vec![("a".into(), there.into(), basic.clone())]));
        let two = read(&["b=https://x/"], &["a=other", "b=Bearer q"], &["a", "b"]);
        assert_eq!(two, Ok(vec![("b".into(), "https://x/".into(), Some("Bearer q".into()))]));
        assert_eq!(read(&["b=https://x/"], &["n:p"], &["a", "b"]).unwrap()[0].2, basic);
        assert_eq!(read(&[""], &[], &["a"]), Ok(vec![]));
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for (given, part) in [("x", "no address"), ("https://x/", "of which project"), ("c=https://x/", "no project has")] {
            assert!(read(&[given], &[], &["a", "b"]).is_err_and(|text| text.contains(part)), "{given}");
        }
    }

    #[test]
    fn waits_grow_and_end_and_give_way_to_what_was_asked() {
        for failures in 1..64 {
            let wait = wait(failures, None);
            assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT, "{failures}: {wait:?}");
        }
        assert_eq!(wait(1, Some(Duration::from_secs(900))), Duration::from_secs(900));
    }
}
