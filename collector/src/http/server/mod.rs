//! The server: opens the store, binds the address, starts the background jobs, and serves until it is stopped.
//!
//! Shutdown has an order: accept no new connections, complete the requests that were accepted, close the store. Live streams, which never
//! end by themselves, are closed.

mod connections;
mod storage;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::AppState;
use crate::addresses::AddressRules;
use crate::auth::bots;
use crate::auth::keyring::Keyring;
use crate::clock::Clock;
use crate::config::{LimitFlags, Serve, per_project};
use crate::dropped_reports::DroppedReports;
use crate::http::routes;
use crate::jobs::forward::{self, ForwardRules};
use crate::jobs::{log_summary, project_watch, retention_schedule};
use crate::limits::admission::Admission;
use crate::projection::{Analytics, Pace, Turn};
use crate::projects::ProjectRegistry;
use crate::rejection_broadcast::RejectionBroadcast;
use crate::replication::Leadership;
use crate::sources::Countries;
use crate::static_files::Assets;
use crate::store::{self, Cursor, Store};
use crate::telemetry::Telemetry;
use crate::vendors::Forwarding;
use connections::Connections;
use storage::{open_projects, open_store};
use tls::Tls;

/// How many connections may wait until the server accepts them; the system may allow fewer. It drops an attempt beyond that, and the client
/// repeats it after a second.
const ACCEPT_BACKLOG: u32 = 4096;

/// What no flag sets. The default is for production.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The options of the store.
    pub store: store::Options,
    /// The pauses of the projection.
    pub pace: Pace,
}

impl From<store::Options> for Options {
    fn from(store: store::Options) -> Self {
        Self { store, ..Self::default() }
    }
}

/// A server with an open store and a bound address. It serves requests once it runs.
pub struct Server {
    listener: TcpListener,
    /// The listener that redirects to HTTPS.
    redirect_listener: Option<TcpListener>,
    acme_webroot: Option<Arc<Path>>,
    tls: Option<Tls>,
    hsts: Option<Duration>,
    state: Arc<AppState>,
    closing: watch::Sender<bool>,
    limits: LimitFlags,
    shutdown_deadline: Duration,
    keep_events: Option<Duration>,
}

impl Server {
    /// Opens the store and binds the address.
    pub async fn open(flags: &Serve, options: Options, clock: Clock) -> anyhow::Result<Self> {
        let telemetry = Arc::new(Telemetry::default());
        let stored = store::Options { reserve_bytes: flags.reserve.saturating_mul(1 << 20), ..options.store };
        std::thread::spawn(bots::prepare);
        let tls = flags.tls.certificate.as_deref().zip(flags.tls.key.as_deref()).map(|(certificate, key)| Tls::open(certificate, key));
        let tls = tls.transpose()?;
        let countries = flags.geoip.as_deref().map_or_else(|| Ok(Countries::default()), Countries::open)?;
        let (store, node) = open_store(flags, stored, &telemetry).await?;
        let projects = open_projects(flags, &store, node.as_deref(), clock).await?;
        let listener = bind(&flags.listen).await?;
        let redirect_listener = bind_redirect(flags).await?;
        let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let leadership = node.as_ref().map_or_else(Leadership::alone, |node| node.leadership().clone());
        let analytics = open_analytics(flags, &store, leadership.clone(), options.pace);
        let keyring = Keyring::open(&flags.data, clock.millis())?;
        let (closing, closed) = watch::channel(false);
        let state = Arc::new(AppState {
            projects,
            store,
            leadership,
            node,
            analytics,
            keyring,
            max_range_days: flags.metrics_days,
            attribution_days: flags.attribution_days,
            time_zones: flags.time_zones.clone(),
            currencies: flags.receipt.currencies.clone(),
            countries,
            addresses: AddressRules::new(&flags.receipt.addresses),
            rejections: RejectionBroadcast::new(flags.ephemeral),
            dropped_reports: DroppedReports::default(),
            assets: flags.assets.clone().map_or(Assets::Embedded, Assets::Folder),
            telemetry,
            admission: Admission::new(&flags.limits),
            clock,
            has_demo_shop: flags.demo,
            is_open_to_this_machine: is_open_to_this_machine(flags, is_local),
            test_start: flags.ephemeral.then(|| Mutex::new(Cursor::START)),
            closing: closed,
        });
        warn_of_unknown_projects("--currency", per_project::tokens(&state.currencies), &state.projects);
        warn_of_unknown_projects("--time-zone", per_project::tokens(&state.time_zones), &state.projects);
        let targets = forward::targets(&flags.forwarding.to, &flags.forwarding.credentials(), &state.projects)?;
        let rules = ForwardRules { translate: Forwarding::translate, retry_time: flags.forwarding.retry_time };
        forward::start(targets, &flags.data, &state, rules)?;
        let (limits, shutdown_deadline) = (flags.limits.clone(), flags.shutdown_deadline);
        let (hsts, keep_events) = (flags.tls.hsts, flags.keep_events);
        let acme_webroot = flags.tls.acme_webroot.as_deref().map(Arc::from);
        Ok(Self { listener, redirect_listener, acme_webroot, tls, hsts, state, closing, limits, shutdown_deadline, keep_events })
    }

    /// Returns the address that was bound.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listener.local_addr().context("the server failed")
    }

    /// Returns the address of the listener that redirects to HTTPS, if there is one.
    pub fn redirect_address(&self) -> Option<SocketAddr> {
        self.redirect_listener.as_ref()?.local_addr().ok()
    }

    /// Returns the URL of the server.
    pub fn url(&self) -> anyhow::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
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
        let https_port = self.address()?.port();
        let Self { listener, redirect_listener, acme_webroot, tls, hsts, state, closing, limits, shutdown_deadline, keep_events, .. } =
            self;
        let closed = state.closing.clone();
        tokio::spawn(async move {
            stop.await;
            closing.send_replace(true);
            closing.closed().await;
        });
        tokio::spawn(project_watch::run(Arc::clone(&state)));
        tokio::spawn(log_summary::run(Arc::clone(&state)));
        if let Some(keep) = keep_events {
            tokio::spawn(retention_schedule::run(Arc::clone(&state), keep));
        }
        let telemetry = Arc::clone(&state.telemetry);
        if let Some(listener) = redirect_listener {
            let router = routes::redirect_router(Arc::clone(&state), https_port, acme_webroot);
            tokio::spawn(Connections::new(router, None, &limits, Arc::clone(&telemetry)).serve(listener, closed.clone()));
        }
        let (node, store) = (state.node.clone(), Arc::clone(&state.store));
        let router = routes::router(Arc::clone(&state), hsts);
        let serving = Connections::new(router, tls, &limits, telemetry).serve(listener, closed.clone());
        tokio::select! {
            () = serving => {}
            () = deadline(closed, shutdown_deadline) => tracing::warn!("some requests were not answered before the shutdown deadline"),
        }
        state.dropped_reports.report();
        if let Some(node) = node {
            node.stop().await;
        }
        drop((state, store));
        Ok(())
    }
}

/// Opens the projection. The leader of a group writes what all its collectors share.
fn open_analytics(flags: &Serve, store: &Store, leadership: Leadership, pace: Pace) -> Analytics {
    let turn = Turn::while_true(move || leadership.is_leader());
    Analytics::start(&flags.data, flags.analytics.engine(), store, turn, pace, flags.attribution_days)
}

/// Warns of values for projects that the server does not have. A project can be added while the server runs, so this is no error.
fn warn_of_unknown_projects<'a>(flag: &str, tokens: impl Iterator<Item = &'a str>, projects: &ProjectRegistry) {
    for token in tokens.filter(|token| projects.find(token).is_none()) {
        tracing::warn!(flag, token, "a setting is for a project that the server does not have");
    }
}

/// Returns whether the owner's pages are open to this machine. Behind a proxy every request comes from this machine.
fn is_open_to_this_machine(flags: &Serve, is_local: bool) -> bool {
    let is_behind_proxy = flags.limits.trust_proxy > 0;
    if flags.demo && is_behind_proxy {
        tracing::warn!(
            "--demo does not open the owner's pages to this machine together with --trust-proxy; the secret of a project is required"
        );
    }
    flags.demo && is_local && !is_behind_proxy
}

/// Returns when this much time has passed since the server began to stop.
async fn deadline(mut closing: watch::Receiver<bool>, limit: Duration) {
    connections::closed(&mut closing).await;
    tokio::time::sleep(limit).await;
}

async fn bind_redirect(flags: &Serve) -> anyhow::Result<Option<TcpListener>> {
    match &flags.tls.redirect_listen {
        Some(listen) => bind(listen).await.map(Some),
        None => Ok(None),
    }
}

async fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    let bound = async {
        let mut bound = Err(std::io::ErrorKind::AddrNotAvailable.into());
        for address in tokio::net::lookup_host(listen).await? {
            bound = listen_on(address);
            if bound.is_ok() {
                break;
            }
        }
        bound
    };
    bound.await.with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server need not wait until the system has closed the connections of the one before.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}
