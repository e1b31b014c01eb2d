//! What is stored of a sender: device and country.

use crate::sources::{Country, Device};

/// The bits of a device in the number of a client.
const DEVICE_BITS: u32 = 13;

/// The device and the country of a request, as one number that takes few bytes in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The device; unknown for a sender that is no browser.
    pub device: Device,
    /// The country of the address; unknown without `--geoip`.
    pub country: Country,
}

impl Client {
    /// Returns the client with this number.
    pub const fn from_number(number: u32) -> Self {
        let device = Device::from_number(number & ((1 << DEVICE_BITS) - 1));
        Self { device, country: Country::from_number(number >> DEVICE_BITS) }
    }

    /// Returns the number: the device in the lowest 13 bits, then the country.
    pub const fn number(self) -> u32 {
        self.device.number() | self.country.number() << DEVICE_BITS
    }
}
