//! Authentication: HTTP Basic for owners, OAuth access tokens for metrics, and bot detection for browser requests.

pub mod access_token;
pub mod basic;
pub mod bots;
pub mod keyring;
