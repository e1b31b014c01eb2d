//! The server: opens the store, binds the address, starts the background jobs, and serves until it is stopped.
//!
//! Shutdown has an order: accept no new connections, complete the requests that were accepted, close the store. Live streams, which never
//! end by themselves, are closed.

mod connections;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::auth::bots;
use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::config::{LimitFlags, Serve};
use crate::http::routes;
use crate::jobs::{forward, project_watch, retention_schedule};
use crate::limits::admission::Admission;
use crate::projection::Analytics;
use crate::projects::{Credentials, ProjectRegistry};
use crate::rejection_broadcast::RejectionBroadcast;
use crate::static_files::Assets;
use crate::store::{Options, Store};
use crate::telemetry::Telemetry;
use crate::vendors::Forwarding;
use crate::{AppState, request_error};
use connections::Connections;

/// A server with an open store and a bound address. It serves requests once it runs.
pub struct Server {
    listener: TcpListener,
    state: Arc<AppState>,
    closing: watch::Sender<bool>,
    created_project: Option<Credentials>,
    limits: LimitFlags,
    shutdown_deadline: Duration,
    keep_events: Option<Duration>,
}

impl Server {
    /// Opens the store and binds the address.
    pub async fn open(flags: &Serve, options: Options, clock: Clock) -> anyhow::Result<Self> {
        let telemetry = Arc::new(Telemetry::default());
        let options = Options { reserve_bytes: flags.reserve.saturating_mul(1 << 20), ..options };
        std::thread::spawn(bots::prepare);
        let store = Store::open(&flags.data, options, Arc::clone(&telemetry)).map_err(request_error::with_advice)?;
        let (projects, created_project) = ProjectRegistry::open(&flags.projects, &flags.data, clock, |token| Ok(store.project(token)?))?;
        let listener = bind(&flags.listen).await?;
        let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let analytics = Analytics::start(&flags.data, Box::new(store.change_feed()), store.change());
        let keyring = Keyring::open(&flags.data, clock.millis())?;
        let (closing, closed) = watch::channel(false);
        let state = AppState {
            projects,
            store,
            analytics,
            keyring,
            max_range_days: flags.metrics_days,
            rejections: RejectionBroadcast::default(),
            assets: flags.assets.clone().map_or(Assets::Embedded, Assets::Folder),
            telemetry,
            admission: Admission::new(&flags.limits),
            clock,
            has_demo_shop: flags.demo,
            is_live_open: flags.demo && is_local,
            closing: closed,
        };
        let targets = forward::targets(&flags.forwarding.to, &flags.forwarding.credentials(), &state.projects)?;
        let state = Arc::new(state);
        forward::start(targets, &flags.data, &state, Forwarding::translate)?;
        let (limits, shutdown_deadline) = (flags.limits.clone(), flags.shutdown_deadline);
        Ok(Self { listener, state, closing, created_project, limits, shutdown_deadline, keep_events: flags.keep_events })
    }

    /// Returns the address that was bound.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listener.local_addr().context("the server failed")
    }

    /// Returns the credentials of the project that this start created, for the operator.
    pub fn created_project(&self) -> Option<&Credentials> {
        self.created_project.as_ref()
    }

    /// Returns whether there is a browser library to serve.
    pub fn has_library(&self) -> bool {
        self.state.assets.exist()
    }

    /// Returns the application state.
    pub fn state(&self) -> &Arc<AppState> {
        &self.state
    }

    /// Serves until `stop` completes and everything that was accepted is stored.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { listener, state, closing, limits, shutdown_deadline, keep_events, .. } = self;
        let closed = state.closing.clone();
        tokio::spawn(async move {
            stop.await;
            closing.send_replace(true);
            closing.closed().await;
        });
        tokio::spawn(project_watch::run(Arc::clone(&state)));
        if let Some(keep) = keep_events {
            tokio::spawn(retention_schedule::run(Arc::clone(&state), keep));
        }
        let telemetry = Arc::clone(&state.telemetry);
        let serving = Connections::new(routes::router(state), &limits, telemetry).serve(listener, closed.clone());
        tokio::select! {
            () = serving => {}
            () = deadline(closed, shutdown_deadline) => tracing::warn!("some requests were not answered before the shutdown deadline"),
        }
        Ok(())
    }
}

/// Returns when so much time has passed since the server began to stop.
async fn deadline(mut closing: watch::Receiver<bool>, limit: Duration) {
    connections::closed(&mut closing).await;
    tokio::time::sleep(limit).await;
}

async fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))
}
