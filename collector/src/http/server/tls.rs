//! TLS without a proxy: certificates from files, which may be renewed while the server runs.
//!
//! The files are looked at before each handshake. A pair that cannot be used is logged once, and the previous certificate stays.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::file_change::FileVersion;

/// The protocols that the server offers, in the order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The certificate of the server and its private key.
pub(super) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Loaded>,
}

struct Loaded {
    versions: [FileVersion; 2],
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Loads the certificate chain and the key, both PEM files.
    pub(super) fn open(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let versions = [certificate, key].map(FileVersion::of);
        let current = Mutex::new(Loaded { versions, config: load(certificate, key)? });
        Ok(Self { certificate: certificate.into(), key: key.into(), current })
    }

    /// Completes the handshake. Returns the stream, and whether the client chose HTTP/2.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> std::io::Result<(TlsStream<S>, bool)> {
        let stream = TlsAcceptor::from(self.config()).accept(stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(PROTOCOLS[0]);
        Ok((stream, is_http2))
    }

    fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = [&self.certificate, &self.key].map(|path| FileVersion::of(path));
        if versions != current.versions {
            current.versions = versions;
            match load(&self.certificate, &self.key) {
                Ok(config) => {
                    current.config = config;
                    tracing::info!("the renewed certificate is in use");
                }
                Err(error) => tracing::error!("the renewed certificate cannot be used, the previous one stays: {error:#}"),
            }
        }
        Arc::clone(&current.config)
    }
}

fn load(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let read = |flag: &str, path: &Path| format!("cannot read {} of {flag}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.with_context(|| read("--tls-cert", certificate))?;
    let private_key = PrivateKeyDer::from_pem_file(key).with_context(|| read("--tls-key", key))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
    let config = builder.with_no_client_auth().with_single_cert(chain, private_key);
    let mut config = config.with_context(|| format!("{} and {} do not belong together", certificate.display(), key.display()))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}
