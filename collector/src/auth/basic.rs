//! HTTP Basic authentication of owners with `TOKEN:SECRET`, and the trust level of browser requests.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::Error;
use crate::auth::bots;
use crate::projects::{Owner, ProjectRegistry};
use crate::sources::{Client, Country, Device};
use crate::store::TrustLevel;

/// Returns the project whose token and secret the request carries.
pub fn owner(projects: &ProjectRegistry, headers: &HeaderMap) -> Result<Owner, Error> {
    let (token, secret) = credentials(headers).ok_or(Error::Unauthorized)?;
    projects.authenticate(&token, &secret).ok_or(Error::Unauthorized)
}

/// The trust level, the device and the country of a sender. Only these are stored, and neither the user agent nor the address.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// How far the collector trusts the sender.
    pub trust: TrustLevel,
    /// The device and the country of a browser; unknown for other senders.
    pub client: Client,
}

/// Returns the sender of a browser request from this country: a `Bot` if its User-Agent is a bot's, else a `Browser`.
pub fn page(headers: &HeaderMap, country: Country) -> Sender {
    let user_agent = headers.get(header::USER_AGENT).map_or(&[][..], |name| name.as_bytes());
    let is_bot = !user_agent.is_empty() && bots::is_bot(user_agent);
    let trust = if is_bot { TrustLevel::Bot } else { TrustLevel::Browser };
    Sender { trust, client: Client { device: Device::of_user_agent(user_agent), country } }
}

impl From<TrustLevel> for Sender {
    fn from(trust: TrustLevel) -> Self {
        Self { trust, client: Client::default() }
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(token, secret)| (token.into(), secret.into()))
}
