//! The log: a stream of NATS JetStream. The only file that publishes to it or reads from it.
//!
//! The stream gives each entry its number. It refuses new entries when it is full, so none is ever lost to make space.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode, kv};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::timeout;
use uuid::Uuid;

use super::connection::{Connection, REQUEST_TIMEOUT};
use super::error::LogError;
use super::flags::{DEFAULT_RETENTION, LogFlags};

/// How long a server remembers the ids of entries. It is longer than a publisher repeats an entry.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// How many entries are requested at a time, and for how long; and how often the server shows that it is still there.
const BATCH: usize = 64;
const PULL_EXPIRY: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a server keeps a consumer that is not used.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30);

/// Room for the headers of a message, in bytes.
const HEADER_BYTES: usize = 1024;

/// The oldest version of NATS that has what the log needs: streams with metadata.
const MIN_VERSION: (u32, u32) = (2, 10);

/// The smallest limit of messages that a server may have, in bytes.
const MIN_MESSAGE_BYTES: usize = 512 * 1024;

/// The header that makes an entry larger. Readers of the log ignore headers; the servers accept 64 KB of them.
const PADDING: &str = "Tillroll-Padding";
const MAX_PADDING_BYTES: usize = 60 * 1024;

/// The metadata of the stream.
const GROUP: &str = "tillroll_group";
const BASE: &str = "tillroll_base";
const KEY_CHECK: &str = "tillroll_key";

/// What the creator of a stream stores with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The identity of the log.
    pub(super) group: String,
    /// Whether the log begins with an empty store. Otherwise a node needs a copy of the store with which it began.
    pub(super) is_complete: bool,
    /// A text that only nodes with the same group key have.
    pub(super) key_check: String,
}

/// The state of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// The number of the oldest entry that is still there; one more than `last` if there is none.
    pub(super) first: u64,
    /// The number of the newest entry, 0 if there was never one.
    pub(super) last: u64,
}

/// The connection to the servers, and the stream.
#[derive(Clone)]
pub(super) struct JetStreamLog {
    connection: Connection,
    context: Context,
    stream: String,
    subject: String,
    replicas: Option<u16>,
    retention: Option<Duration>,
}

impl JetStreamLog {
    /// Connects in the background: the result is usable at once, and fails until a server answers.
    pub(super) async fn connect(flags: &LogFlags) -> anyhow::Result<Self> {
        let connection = Connection::open(flags).await?;
        let context = jetstream::context::ContextBuilder::new().timeout(REQUEST_TIMEOUT).ack_timeout(REQUEST_TIMEOUT);
        let context = context.build(connection.client().clone());
        let (stream, subject) = (flags.stream.clone(), format!("{}.entries", flags.stream));
        let replicas = flags.replicas;
        Ok(Self { connection, context, stream, subject, replicas, retention: flags.retention })
    }

    pub(super) fn stream_name(&self) -> &str {
        &self.stream
    }

    /// Returns the size of the largest entry, in bytes, or an error if the server's limit is too small.
    pub(super) fn max_entry_bytes(&self) -> Result<usize, LogError> {
        let info = self.connection.client().try_server_info();
        if let Some(info) = info.as_ref().filter(|info| !is_supported(&info.version)) {
            return Err(LogError::Refused(format!(
                "NATS {} is too old; install {}.{} or newer",
                info.version, MIN_VERSION.0, MIN_VERSION.1
            )));
        }
        let limit = info.map_or(0, |info| info.max_payload);
        match limit.checked_sub(HEADER_BYTES) {
            _ if limit == 0 => self.connected().and(Err(LogError::Unavailable("no server of --log has answered yet".into()))),
            Some(bytes) if limit >= MIN_MESSAGE_BYTES => Ok(bytes),
            _ => Err(LogError::Refused(format!("the NATS server accepts messages of {limit} bytes only; set its max_payload to 8MB"))),
        }
    }

    /// Returns who created the stream, and what it holds.
    pub(super) async fn look(&self) -> Result<(Identity, Extent), LogError> {
        self.connected()?;
        let found = limited(self.context.get_stream(&self.stream)).await?;
        let stream = found.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => LogError::NoStream,
            _ => LogError::unavailable(error),
        })?;
        let info = stream.cached_info();
        let text = |name: &str| info.config.metadata.get(name).cloned().unwrap_or_default();
        let identity = Identity { group: text(GROUP), is_complete: text(BASE) == "empty", key_check: text(KEY_CHECK) };
        if identity.group.is_empty() {
            return Err(LogError::Refused(format!(
                "the stream {} was not created by a collector; choose another --log-stream",
                self.stream
            )));
        }
        Ok((identity, Extent { first: info.state.first_sequence.max(1), last: info.state.last_sequence }))
    }

    /// Creates the stream.
    pub(super) async fn create(&self, identity: &Identity) -> Result<(), LogError> {
        self.connected()?;
        let base = if identity.is_complete { "empty" } else { "data" };
        let metadata = [(GROUP, identity.group.as_str()), (BASE, base), (KEY_CHECK, identity.key_check.as_str())];
        let metadata: HashMap<_, _> = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        for replicas in self.replica_choices() {
            let config = Config {
                name: self.stream.clone(),
                description: Some("the log of a group of collectors".into()),
                subjects: vec![self.subject.clone()],
                storage: StorageType::File,
                discard: DiscardPolicy::New,
                max_age: self.retention.unwrap_or(DEFAULT_RETENTION),
                num_replicas: replicas,
                duplicate_window: DUPLICATE_WINDOW,
                deny_delete: true,
                deny_purge: true,
                allow_direct: true,
                max_messages: -1,
                max_bytes: -1,
                max_messages_per_subject: -1,
                max_consumers: -1,
                max_message_size: -1,
                metadata: metadata.clone(),
                ..Config::default()
            };
            match limited(self.context.create_stream(config)).await?.map_err(|error| error.kind()) {
                Ok(_) => return Ok(()),
                Err(CreateStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                    return Err(LogError::StreamExists);
                }
                Err(CreateStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => {}
                Err(CreateStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::CLUSTER_NO_PEERS => {
                    return Err(LogError::Unavailable(format!(
                        "the NATS servers cannot hold {replicas} replicas ({error}); start as many servers, or set a smaller --log-replicas, \
                         such as 3"
                    )));
                }
                Err(error) => return Err(LogError::unavailable(error)),
            }
        }
        Err(LogError::Unavailable("the NATS server is not part of a cluster; set --log-replicas 1".into()))
    }

    /// Returns how many replicas to try, in this order.
    fn replica_choices(&self) -> Vec<usize> {
        self.replicas.map_or_else(|| vec![3, 1], |replicas| vec![usize::from(replicas)])
    }

    /// Changes the retention of the stream, if this node has a flag with another one.
    pub(super) async fn update_retention(&self) -> Result<(), LogError> {
        let Some(retention) = self.retention else { return Ok(()) };
        let stream = limited(self.context.get_stream(&self.stream)).await?.map_err(LogError::unavailable)?;
        let config = stream.cached_info().config.clone();
        if config.max_age != retention {
            let [before, after] = [config.max_age, retention].map(|time| humantime::format_duration(time).to_string());
            limited(self.context.update_stream(Config { max_age: retention, ..config })).await?.map_err(LogError::unavailable)?;
            tracing::warn!(before, after, "changed how long the log keeps entries; set the same --log-retention on all nodes, or on none");
        }
        Ok(())
    }

    /// Publishes an entry, and returns its number once the quorum has it. The log recognises a repetition by the id.
    pub(super) async fn publish(&self, id: &Uuid, entry: Bytes) -> Result<u64, LogError> {
        self.publish_padded(id, entry, 0).await
    }

    /// Publishes an entry that takes this many more bytes of the log's space, up to a limit of the servers.
    pub(super) async fn publish_padded(&self, id: &Uuid, entry: Bytes, padding: usize) -> Result<u64, LogError> {
        self.connected()?;
        let message = jetstream::message::PublishMessage::build().message_id(id.simple().to_string()).expected_stream(&self.stream);
        let padding = padding.min(MAX_PADDING_BYTES);
        let message = if padding == 0 { message } else { message.header(PADDING, "x".repeat(padding)) };
        let publish = async {
            let ack = self.context.send_publish(self.subject.clone(), message.payload(entry)).await?;
            ack.await
        };
        match limited(publish).await? {
            Ok(ack) => Ok(ack.sequence),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => Err(LogError::Refused(error.to_string())),
            Err(error) => Err(LogError::unavailable(error)),
        }
    }

    /// Returns the entries from this number on.
    pub(super) async fn read_from(&self, number: u64) -> Result<Entries, LogError> {
        self.connected()?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: number },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: CONSUMER_TIMEOUT,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = limited(self.context.create_consumer_on_stream(config, &self.stream)).await?.map_err(LogError::unavailable)?;
        let messages = consumer.stream().max_messages_per_batch(BATCH).expires(PULL_EXPIRY).heartbeat(HEARTBEAT).messages();
        Ok(Entries(Box::pin(limited(messages).await?.map_err(LogError::unavailable)?)))
    }

    /// Returns the entry with this number, or None if the log does not have it (any more).
    pub(super) async fn entry(&self, number: u64) -> Result<Option<Bytes>, LogError> {
        let stream = limited(self.context.get_stream_no_info(&self.stream)).await?.map_err(LogError::unavailable)?;
        match limited(stream.get_raw_message(number)).await? {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(LogError::unavailable(error)),
        }
    }

    /// Opens the key-value store of the group, and creates it if it is missing.
    pub(super) async fn key_values(&self) -> Result<kv::Store, LogError> {
        self.connected()?;
        let bucket = format!("{}-group", self.stream);
        if let Ok(store) = limited(self.context.get_key_value(&bucket)).await? {
            return Ok(store);
        }
        let mut last = LogError::NoStream;
        for num_replicas in self.replica_choices() {
            let config =
                kv::Config { bucket: bucket.clone(), history: 1, num_replicas, storage: StorageType::File, ..kv::Config::default() };
            match limited(self.context.create_key_value(config)).await? {
                Ok(store) => return Ok(store),
                Err(error) => last = LogError::unavailable(error),
            }
        }
        Err(last)
    }

    /// Waits until a server is connected or the first attempt has failed, for a limited time.
    pub(super) async fn wait_for_first_attempt(&self) {
        self.connection.wait_for_first_attempt().await;
    }

    /// Returns an error with the reason if no server is connected.
    pub(super) fn connected(&self) -> Result<(), LogError> {
        self.connection.check()
    }
}

/// Returns whether a NATS server of this version has what the log needs. One that does not report its version is taken as new.
fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    parts.next().zip(parts.next()).is_none_or(|found| found >= MIN_VERSION)
}

/// Entries in their order.
pub(super) struct Entries(Pin<Box<pull::Stream>>);

/// An entry and its number.
pub(super) struct LogEntry {
    pub(super) number: u64,
    pub(super) bytes: Bytes,
}

impl Entries {
    /// Returns the next entry; waits until there is one. After an error the reader must start again.
    pub(super) async fn next(&mut self) -> Result<LogEntry, LogError> {
        let next = std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await;
        let message = next.ok_or(LogError::Unavailable("the server ended the delivery".into()))?.map_err(LogError::unavailable)?;
        let number = message.info().map_err(LogError::unavailable)?.stream_sequence;
        Ok(LogEntry { number, bytes: message.message.payload })
    }
}

/// Limits how long a request may take.
pub(super) async fn limited<T>(request: impl Future<Output = T>) -> Result<T, LogError> {
    timeout(REQUEST_TIMEOUT, request).await.map_err(|_| LogError::Unavailable("no answer in time".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for (version, expected) in [("2.10.0", true), ("2.12.1-RC.1", true), ("3.0", true), ("", true), ("2.9.25", false), ("1.4.1", false)]
        {
            assert_eq!(is_supported(version), expected, "{version}");
        }
    }
}
