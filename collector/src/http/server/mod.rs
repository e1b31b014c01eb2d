//! A collector on a socket: from the operator's flags to the last stored event.
//!
//! Stopping has an order. First no new requests are taken, then those that were taken are answered, then the store is closed. Listeners of
//! the live view, whose requests never end by themselves, are told to go.

pub(crate) mod connections;
mod write_timeout;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{LimitFlags, Serve};
use crate::http::auth::access_token::Keyring;
use crate::http::auth::bots;
use crate::http::limits::admission::Admission;
use crate::http::static_files::Assets;
use crate::ingest::rejection_broadcast::RejectionBroadcast;
use crate::jobs::forward;
use crate::jobs::retention;
use crate::projection::Analytics;
use crate::projects::{Keys, ProjectRegistry};
use crate::store::{Options, Store};
use crate::telemetry::Telemetry;
use crate::vendors::Forwarding;
use crate::{AppState, Error, app};
use connections::Connections;

/// How often it is looked whether somebody changed the projects in the data folder.
const LOOK: Duration = Duration::from_millis(500);

/// A server that has its address and its store, and takes requests once it is run.
pub struct Server {
    listener: TcpListener,
    collector: Arc<AppState>,
    closing: watch::Sender<bool>,
    made: Option<Keys>,
    bounds: LimitFlags,
    deadline: Duration,
    keep_events: Option<Duration>,
}

impl Server {
    /// Opens the store and binds the address.
    pub async fn open(flags: &Serve, options: Options, clock: Clock) -> Result<Self, Error> {
        let telemetry = Arc::new(Telemetry::default());
        let options = Options { reserve: flags.reserve.saturating_mul(1 << 20), ..options };
        std::thread::spawn(bots::prepare);
        let store = Store::open(&flags.data, options, Arc::clone(&telemetry))?;
        let (projects, made) = ProjectRegistry::open(&flags.projects, &flags.data, clock, |token| store.project(token))?;
        let listener = bind(&flags.listen).await?;
        let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let analytics = Analytics::start(&flags.data, store.source(), store.change());
        let keyring = Keyring::open(&flags.data, clock.millis())?;
        let (closing, closed) = watch::channel(false);
        let collector = AppState {
            projects,
            store,
            analytics,
            keyring,
            longest_days: flags.metrics_days,
            live: RejectionBroadcast::default(),
            assets: flags.assets.clone().map_or(Assets::Embedded, Assets::Folder),
            telemetry,
            gate: Admission::new(&flags.bounds),
            clock,
            demo: flags.demo,
            open_live: flags.demo && is_local,
            closing: closed,
        };
        let targets = forward::targets(&flags.forwarding.to, &flags.forwarding.credentials(), &collector.projects)?;
        let collector = Arc::new(collector);
        forward::start(targets, &flags.data, &collector, Forwarding::translate)?;
        let (bounds, deadline) = (flags.bounds.clone(), flags.shutdown_deadline);
        Ok(Self { listener, collector, closing, made, bounds, deadline, keep_events: flags.keep_events })
    }

    /// Returns the address that was bound.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(Error::Serve)
    }

    /// Returns the project that this start made, which its owner has not seen yet.
    pub fn made(&self) -> Option<&Keys> {
        self.made.as_ref()
    }

    /// Returns what the routes work with.
    pub fn collector(&self) -> &Arc<AppState> {
        &self.collector
    }

    /// Serves until `stop` is done and everything that was taken is stored.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { listener, collector, closing, bounds, deadline, keep_events, .. } = self;
        let closed = collector.closing.clone();
        tokio::spawn(async move {
            stop.await;
            closing.send_replace(true);
            closing.closed().await;
        });
        tokio::spawn(look_after_projects(Arc::clone(&collector)));
        if let Some(keep) = keep_events {
            tokio::spawn(retention::run(Arc::clone(&collector), keep));
        }
        let telemetry = Arc::clone(&collector.telemetry);
        let serving = Connections::new(app(collector), &bounds, telemetry).serve(listener, closed.clone());
        tokio::select! {
            () = serving => {}
            () = overdue(closed, deadline) => tracing::warn!("some requests were not answered before the deadline"),
        }
        Ok(())
    }
}

async fn overdue(mut closing: watch::Receiver<bool>, deadline: Duration) {
    connections::closed(&mut closing).await;
    tokio::time::sleep(deadline).await;
}

/// Notices projects that were added, changed or retired in the data folder.
async fn look_after_projects(collector: Arc<AppState>) {
    let mut closing = collector.closing.clone();
    let mut looks = tokio::time::interval(LOOK);
    while !*closing.borrow() {
        tokio::select! {
            _ = looks.tick() => {
                let collector = Arc::clone(&collector);
                let look = move || collector.projects.refresh(|token| collector.store.project(token));
                if let Ok(Err(error)) = tokio::task::spawn_blocking(look).await {
                    tracing::error!(%error, "cannot read the projects in the data folder");
                }
            }
            _ = closing.changed() => {}
        }
    }
}

async fn bind(listen: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(listen).await.map_err(|source| Error::Listen { listen: listen.into(), source })
}
