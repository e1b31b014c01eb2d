//! The running server that a command uses over HTTP: its address, the credentials, and the errors of a server that does not answer.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use tokio_rustls::rustls::{self, CertificateError};
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// How long a connection and a response may take to begin.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest error body that is repeated, in bytes.
const MAX_ERROR_BYTES: u64 = 4096;

/// The flags of commands that use a running server.
#[derive(Clone, Debug, Args)]
pub struct ServerFlags {
    /// Address of the running server
    #[arg(long, env = "TILLROLL_SERVER", default_value = "http://127.0.0.1:7070", value_name = "URL")]
    pub server: String,

    /// Token and secret of the project. Other users of this machine can read a command line: prefer the environment
    #[arg(long, env = "TILLROLL_OWNER", hide_env_values = true, value_name = "TOKEN:SECRET")]
    pub owner: Option<String>,

    /// Accept the server's certificate if one of these (PEM) signed it, as a private authority does, and no other
    #[arg(long, env = "TILLROLL_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// A client of one server. It returns every response, whatever its status, and follows no redirect.
#[derive(Clone)]
pub(super) struct ServerClient {
    pub(super) agent: Agent,
    /// The address without a slash at the end.
    pub(super) url: String,
    authorization: Option<String>,
}

impl ServerClient {
    pub(super) fn new(flags: &ServerFlags) -> anyhow::Result<Self> {
        let url = flags.server.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("--server must be an address with its scheme, such as https://collector.example.com, found {url}");
        }
        if flags.owner.as_ref().is_some_and(|owner| !owner.contains(':')) {
            bail!("--owner has no colon; write TOKEN:SECRET");
        }
        let agent = agent(flags.ca_file.as_deref(), Some(RESPONSE_TIMEOUT))?;
        let authorization = flags.owner.as_ref().map(|owner| format!("Basic {}", BASE64_STANDARD.encode(owner)));
        Ok(Self { agent, url, authorization })
    }

    /// Returns the `Authorization` header of the credentials, if there are any.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Requests a path.
    pub(super) fn get(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Response<Body>> {
        let authorization = self.authorization().map(|value| ("authorization", value));
        let headers = headers.iter().copied().chain(authorization);
        let request = headers.fold(self.agent.get(format!("{}{path}", self.url)), |request, (name, value)| request.header(name, value));
        request.call().map_err(|error| self.no_response(error))
    }

    /// Sends a body to a path, without credentials.
    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> anyhow::Result<Response<Body>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send(body).map_err(|error| self.no_response(error))
    }

    /// Returns host and port of the address, as the header `Host` has them.
    pub(super) fn authority(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Returns whether the address is on this machine.
    pub(super) fn is_local(&self) -> bool {
        let authority = self.authority();
        let without_port =
            if authority.ends_with(']') { authority } else { authority.rsplit_once(':').map_or(authority, |(host, _)| host) };
        let host = without_port.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Returns the error for a request without a response, with what to do about it.
    pub(super) fn no_response(&self, error: ureq::Error) -> anyhow::Error {
        no_response(&self.url, error, "start it with `tillroll serve`, or give its address with --server")
    }

    /// Returns the error for a response of a path that is not the expected one, with what to do about it.
    pub(super) fn unexpected(&self, path: &str, response: &mut Response<Body>) -> anyhow::Error {
        let (url, status) = (&self.url, response.status().as_u16());
        let location = header(response, "location").to_owned();
        match status {
            401 if self.authorization.is_none() => {
                anyhow!("the server at {url} requires the secret of a project; set TILLROLL_OWNER=TOKEN:SECRET, or use --owner")
            }
            401 => anyhow!(
                "the server at {url} does not accept this token and secret; `tillroll projects list` prints the tokens, and \
                 `tillroll projects rotate-secret TOKEN` a new secret"
            ),
            300..=399 => anyhow!("the server at {url} redirects to {location}; give that address with --server"),
            200..=299 | 404 => anyhow!("{url}{path} is no address of a collector of this version (status {status}); check --server"),
            _ => {
                let text = response.body_mut().with_config().limit(MAX_ERROR_BYTES).read_to_string().unwrap_or_default();
                anyhow!("the server at {url} answered {path} with status {status}: {}", text.trim())
            }
        }
    }
}

/// Returns a client that returns every response, whatever its status, and follows no redirect. It accepts the certificates of the authorities in
/// `ca_file` only, if there is one.
pub(super) fn agent(ca_file: Option<&Path>, response_timeout: Option<Duration>) -> anyhow::Result<Agent> {
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let config = config.timeout_connect(Some(CONNECT_TIMEOUT)).timeout_recv_response(response_timeout);
    let config = match ca_file {
        Some(file) => config.tls_config(TlsConfig::builder().root_certs(authorities(file)?).build()),
        None => config,
    };
    Ok(config.build().into())
}

/// Returns the error for a request without a response. `advice` is for a server that cannot be reached.
pub(super) fn no_response(url: &str, error: ureq::Error, advice: &str) -> anyhow::Error {
    let message = match is_unknown_authority(&error) {
        true => format!(
            "the certificate of the server at {url} is of an authority that this machine does not trust; let the server send its \
             intermediate certificates, or name the certificate of a private authority with --ca-file"
        ),
        false => format!("cannot reach the server at {url}; {advice}"),
    };
    anyhow::Error::new(error).context(message)
}

/// Returns whether no trusted authority signed the server's certificate.
fn is_unknown_authority(error: &ureq::Error) -> bool {
    // The transport wraps errors of the handshake.
    let source = match error {
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        ureq::Error::Rustls(error) => Some(error),
        _ => None,
    };
    // The signature is wrong if an authority of the same name is trusted, with another key.
    matches!(source, Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)))
}

/// Reads the certificates of a PEM file.
fn authorities(file: &Path) -> anyhow::Result<RootCerts> {
    let text = std::fs::read(file).with_context(|| format!("cannot read --ca-file {}", file.display()))?;
    let items: Result<Vec<_>, _> = parse_pem(&text).collect();
    let items = items.with_context(|| format!("--ca-file {} is damaged", file.display()))?;
    let certificates =
        items.into_iter().filter_map(|item| if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        bail!("--ca-file {} has no certificate; it must be in PEM form", file.display());
    }
    Ok(RootCerts::from(certificates))
}

/// Returns a header of a response; empty if it is missing or no text.
pub(super) fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
