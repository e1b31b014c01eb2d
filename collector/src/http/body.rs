//! Reads request bodies, up to a size limit and within a timeout, and decodes them: every route gets the text that the client encoded,
//! without a byte order mark.
//!
//! Memory is taken as bytes arrive. A body with an unknown token is refused as soon as the token has arrived; what follows is discarded. Where a
//! token comes late in a large body, a thread for expensive work searches it, after the body has arrived.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tillroll_protocol::calls_request;
use tillroll_protocol::limits;

use crate::decode::{TokenScan, TokenScanner, scan_token};
use crate::http::content_encoding::{Encoding, max_decoded_bytes};
use crate::ingest::LARGE_BODY_BYTES;
use crate::limits::body_room::BodyRoom;
use crate::limits::client_key::ClientKey;
use crate::{AppState, Error};

/// How many bytes of a refused body are read and discarded before the response. A client that is still sending would not read it.
const MAX_DRAIN_BYTES: usize = 4 * limits::MAX_REQUEST_BYTES;

/// From this encoded size on a body is decoded on a thread for expensive work.
const LARGE_ENCODED_BYTES: usize = 4 * limits::KIB;

/// After this many bytes of a body other requests get their turn. A connection whose bytes have all arrived would never wait.
const TURN_BYTES: usize = 64 * limits::KIB;

/// A list of calls whose token is longer than this has none.
const MAX_CALLS_TOKEN_BYTES: usize = 4 * limits::KIB;

/// The byte order mark that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first buffer of a body that arrives in several frames, in bytes.
const FIRST_BUFFER_BYTES: usize = 8 * limits::KIB;

/// The body of a request that was not read yet, and its client.
pub(super) struct UnreadBody {
    body: Body,
    client: ClientKey,
}

impl<S: Sync> FromRequest<S> for UnreadBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let client = request.extensions().get().copied().unwrap_or(ClientKey::Unreadable);
        Ok(Self { body: request.into_body(), client })
    }
}

/// What identifies the sender of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SenderId {
    /// The head of the request: a secret, or the token of a project.
    Head,
    /// The member `token` of the JSON.
    JsonToken,
    /// The token with which a list of calls begins.
    CallsToken,
    /// Nothing; the body itself has to be read first.
    None,
}

/// A whole body. The memory that it counts for is released when this is dropped.
pub(super) struct RequestBody {
    /// The bytes of the body, decoded and without a byte order mark.
    pub(super) bytes: Bytes,
    /// The bytes that a signature in a header covers: decoded, and with the byte order mark.
    pub(super) signed: Bytes,
    /// The client whose turn the work on a large body takes.
    pub(super) client: ClientKey,
    _room: BodyRoom,
}

/// Reads the whole body.
pub(super) async fn read(state: &AppState, headers: &HeaderMap, unread: UnreadBody, sender: SenderId) -> Result<RequestBody, Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_DRAIN_BYTES) {
        return Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES });
    }
    let client = unread.client;
    let room = state.admission.body_room(client, sender == SenderId::Head);
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
    let mut reader = Reader { state, client, sender, is_encoded, room, scanner: TokenScanner::default() };
    let timeout = state.admission.body_timeout;
    let collected = tokio::time::timeout(timeout, reader.collect(unread.body, announced)).await;
    let received = collected.unwrap_or(Err(Error::BodyTimeout { seconds: timeout.as_secs() }))?;
    let signed = match Encoding::of(headers, &received)? {
        None => {
            reader.find_late_token(&received).await?;
            received
        }
        Some(encoding) => reader.decode(encoding, received).await?,
    };
    let mark = if signed.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    Ok(RequestBody { bytes: signed.slice(mark..), signed, client, _room: reader.room })
}

struct Reader<'a> {
    state: &'a AppState,
    client: ClientKey,
    sender: SenderId,
    is_encoded: bool,
    room: BodyRoom,
    scanner: TokenScanner,
}

impl Reader<'_> {
    /// Most bodies arrive in one frame, which is returned without a copy.
    async fn collect(&mut self, mut body: Body, announced: Option<usize>) -> Result<Bytes, Error> {
        let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
        // The first frame is in memory already, so its token counts before it takes room: that of strangers may be used up.
        let is_known = self.check_size(first.len()).and_then(|()| self.check_token(&first));
        let Some(second) = next(&mut body).await? else {
            return is_known.and_then(|()| self.room.hold(first.len())).map(|()| first);
        };
        let mut whole = Vec::new();
        let mut result =
            is_known.and_then(|()| self.append(&mut whole, &first, announced)).and_then(|()| self.append(&mut whole, &second, announced));
        let mut length = first.len() + second.len();
        drop((first, second));
        let mut turn_bytes = length;
        while let Some(data) = next(&mut body).await? {
            (length, turn_bytes) = (length + data.len(), turn_bytes + data.len());
            if turn_bytes >= TURN_BYTES {
                turn_bytes = 0;
                tokio::task::yield_now().await;
            }
            if length > MAX_DRAIN_BYTES {
                break;
            }
            if result.is_ok() {
                result = self.append(&mut whole, &data, announced);
            }
            if result.is_err() {
                whole = Vec::new();
                self.room.shrink(0);
            }
        }
        result.map(|()| whole.into())
    }

    /// Takes room before it takes memory.
    fn append(&mut self, whole: &mut Vec<u8>, data: &[u8], announced: Option<usize>) -> Result<(), Error> {
        let length = whole.len() + data.len();
        self.check_size(length)?;
        if length > whole.capacity() {
            let doubled = (2 * whole.capacity()).max(FIRST_BUFFER_BYTES).min(announced.unwrap_or(limits::MAX_REQUEST_BYTES)).max(length);
            self.room.hold(doubled)?;
            whole.reserve_exact(doubled - whole.len());
        }
        whole.extend_from_slice(data);
        self.check_token(whole)
    }

    fn check_size(&self, length: usize) -> Result<(), Error> {
        if length > limits::MAX_REQUEST_BYTES { Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES }) } else { Ok(()) }
    }

    /// Identifies the sender by the token, once it has arrived; fails if no project has it.
    fn check_token(&mut self, body: &[u8]) -> Result<(), Error> {
        // An encoded body has no token before it is decoded.
        if self.is_encoded || Encoding::is_unnamed(body) {
            return Ok(());
        }
        let scan = match self.sender {
            SenderId::JsonToken => self.scanner.scan(body.get(..LARGE_BODY_BYTES).unwrap_or(body)),
            SenderId::CallsToken => scan_calls_token(body),
            SenderId::Head | SenderId::None => return Ok(()),
        };
        self.identify(&scan)
    }

    /// Identifies the sender of a large body that does not have the token near its beginning.
    async fn find_late_token(&mut self, body: &Bytes) -> Result<(), Error> {
        if self.sender != SenderId::JsonToken || body.len() <= LARGE_BODY_BYTES {
            return Ok(());
        }
        let (mut scanner, body) = (std::mem::take(&mut self.scanner), body.clone());
        let token = self.state.admission.work.run(self.client, move |_| owned(scanner.scan(&body))).await?;
        self.identify(&token)
    }

    fn identify(&mut self, scan: &TokenScan<'_>) -> Result<(), Error> {
        match scan {
            TokenScan::Found(token) if self.state.projects.find(token).is_none() => Err(Error::UnknownToken),
            TokenScan::Found(_) => {
                self.sender = SenderId::Head;
                self.room.identify()
            }
            TokenScan::None => {
                self.sender = SenderId::None;
                Ok(())
            }
            TokenScan::Incomplete => Ok(()),
        }
    }

    async fn decode(&mut self, encoding: Encoding, body: Bytes) -> Result<Bytes, Error> {
        let (encoded, max) = (body.len(), max_decoded_bytes(body.len()));
        let sender = self.sender;
        let decode = move || {
            let decoded = encoding.decode(&body)?;
            let token = match sender {
                SenderId::JsonToken => scan_token(&decoded),
                SenderId::CallsToken => scan_calls_token(&decoded),
                SenderId::Head | SenderId::None => TokenScan::Incomplete,
            };
            let token = owned(token);
            Ok::<_, Error>((decoded, token))
        };
        self.room.hold(encoded + max)?;
        let (decoded, token) =
            if encoded < LARGE_ENCODED_BYTES { decode()? } else { self.state.admission.work.run(self.client, move |_| decode()).await?? };
        self.room.shrink(decoded.capacity());
        self.identify(&token)?;
        Ok(decoded.into())
    }
}

/// Returns what was found in a whole body, without a reference to it. A body without a token is refused later.
fn owned(scan: TokenScan<'_>) -> TokenScan<'static> {
    match scan {
        TokenScan::Found(token) => TokenScan::Found(token.into_owned().into()),
        TokenScan::Incomplete | TokenScan::None => TokenScan::Incomplete,
    }
}

/// Returns the token with which a list of calls begins.
fn scan_calls_token(body: &[u8]) -> TokenScan<'_> {
    match calls_request::token(body.get(..MAX_CALLS_TOKEN_BYTES).unwrap_or(body)) {
        Some(token) => TokenScan::Found(token.into()),
        None if body.len() > MAX_CALLS_TOKEN_BYTES => TokenScan::None,
        None => TokenScan::Incomplete,
    }
}

/// Returns the next data frame; trailers are skipped.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Error::BodyBroken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
