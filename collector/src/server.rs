//! A collector on a socket: from the operator's flags to the last stored event.
//!
//! Stopping has an order. First no new requests are taken, then those that were taken are answered, then the store is closed. Listeners of
//! the live view, whose requests never end by themselves, are told to go.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::analytics::Analytics;
use crate::assets::Assets;
use crate::clock::Clock;
use crate::config::Serve;
use crate::live::Live;
use crate::metrics::token::Keyring;
use crate::projects::{self, Keys, Origin, Project, Projects};
use crate::store::{Options, Store};
use crate::telemetry::Telemetry;
use crate::vendors::Forwarding;
use crate::{Collector, Error, app, forward};

/// How long requests that were taken may need to be answered once the server stops.
const DEADLINE: Duration = Duration::from_secs(10);

/// A server that has its address and its store, and takes requests once it is run.
pub struct Server {
    listener: TcpListener,
    collector: Arc<Collector>,
    closing: watch::Sender<bool>,
    made: Option<Keys>,
}

impl Server {
    /// Opens the store and binds the address.
    pub async fn open(flags: &Serve, options: Options, clock: Clock) -> Result<Self, Error> {
        let telemetry = Arc::new(Telemetry::default());
        let store = Store::open(&flags.data, options, Arc::clone(&telemetry))?;
        let (projects, made) = open_projects(&flags.projects, &flags.data, &store)?;
        let listener = bind(&flags.listen).await?;
        let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let analytics = Analytics::start(&flags.data, store.source(), store.change());
        let keyring = Keyring::open(&flags.data, clock.millis())?;
        let (closing, closed) = watch::channel(false);
        let collector = Collector {
            projects,
            store,
            analytics,
            keyring,
            longest_days: flags.metrics_days,
            live: Live::default(),
            assets: flags.assets.clone().map_or(Assets::Embedded, Assets::Folder),
            telemetry,
            clock,
            demo: flags.demo,
            open_live: flags.demo && is_local,
            closing: closed,
        };
        let targets = forward::targets(&flags.forwarding.to, &flags.forwarding.credentials(), &collector.projects)?;
        let collector = Arc::new(collector);
        forward::start(targets, &flags.data, &collector, Forwarding::translate)?;
        Ok(Self { listener, collector, closing, made })
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
    pub fn collector(&self) -> &Arc<Collector> {
        &self.collector
    }

    /// Serves until `stop` is done and everything that was taken is stored.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { listener, collector, closing, .. } = self;
        let mut closed = collector.closing.clone();
        tokio::spawn(async move {
            stop.await;
            closing.send_replace(true);
            closing.closed().await;
        });
        let mut told = closed.clone();
        let router = app(collector);
        // Small answers must not wait for the client to acknowledge earlier ones.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = told.wait_for(|closing| *closing).await;
        });
        let overdue = async move {
            let _ = closed.wait_for(|closing| *closing).await;
            tokio::time::sleep(DEADLINE).await;
        };
        tokio::select! {
            result = serving => result.map_err(Error::Serve),
            () = overdue => {
                tracing::warn!("some requests were not answered in time");
                Ok(())
            }
        }
    }
}

async fn bind(listen: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(listen).await.map_err(|source| Error::Listen { listen: listen.into(), source })
}

fn open_projects(given: &[String], folder: &Path, store: &Store) -> Result<(Projects, Option<Keys>), Error> {
    let (keys, origin) = projects::keys(given, folder)?;
    let made = keys.first().filter(|_| origin == Origin::Made).cloned();
    let projects = keys.into_iter().map(|keys| store.project(&keys.token).map(|id| Project { id, keys }));
    Ok((Projects::new(projects.collect::<Result<_, _>>()?), made))
}
