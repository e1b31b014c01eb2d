//! Who buys, where they live, and in which market.
//!
//! Somebody is known by the first order they made: its day, and its place in that day. Nobody here is real.

use serde_json::{Value, json};

use super::calendar::{Day, orders_on};
use super::dice::Dice;

/// A country that is sold to.
pub(super) struct Market {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) number: &'static str,
    pub(super) currency: &'static str,
    pub(super) country: &'static str,
    pub(super) language: &'static str,
    /// What a euro costs there, in hundredths.
    pub(super) rate: i64,
    /// Value added tax, in percent.
    pub(super) tax: i64,
    weight: u64,
    first_names: &'static [&'static str],
    last_names: &'static [&'static str],
    cities: &'static [(&'static str, &'static str)],
}

const MARKETS: &[Market] = &[
    Market {
        id: "market-de",
        name: "Germany",
        number: "1",
        currency: "EUR",
        country: "DE",
        language: "de",
        rate: 100,
        tax: 19,
        weight: 40,
        first_names: &["Anna", "Jonas", "Lena", "Paul", "Mia", "Felix", "Emma", "Lukas", "Clara", "Moritz"],
        last_names: &["Schmidt", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann", "Koch", "Bauer", "Richter", "Wolf"],
        cities: &[("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"), ("Köln", "50667"), ("Leipzig", "04109")],
    },
    Market {
        id: "market-fr",
        name: "France",
        number: "2",
        currency: "EUR",
        country: "FR",
        language: "fr",
        rate: 100,
        tax: 20,
        weight: 22,
        first_names: &["Camille", "Louis", "Chloé", "Hugo", "Inès", "Jules", "Manon", "Théo", "Léa", "Arthur"],
        last_names: &["Martin", "Bernard", "Dubois", "Moreau", "Laurent", "Simon", "Michel", "Garcia", "Roux", "Fournier"],
        cities: &[("Paris", "75001"), ("Lyon", "69001"), ("Nantes", "44000"), ("Lille", "59000")],
    },
    Market {
        id: "market-it",
        name: "Italy",
        number: "3",
        currency: "EUR",
        country: "IT",
        language: "it",
        rate: 100,
        tax: 22,
        weight: 14,
        first_names: &["Giulia", "Marco", "Sofia", "Luca", "Elena", "Matteo", "Chiara", "Davide", "Sara", "Andrea"],
        last_names: &["Rossi", "Russo", "Ferrari", "Esposito", "Bianchi", "Romano", "Colombo", "Ricci", "Marino", "Greco"],
        cities: &[("Milano", "20121"), ("Roma", "00184"), ("Torino", "10121"), ("Bologna", "40121")],
    },
    Market {
        id: "market-gb",
        name: "United Kingdom",
        number: "4",
        currency: "GBP",
        country: "GB",
        language: "en",
        rate: 86,
        tax: 20,
        weight: 24,
        first_names: &["Olivia", "George", "Amelia", "Harry", "Isla", "Jack", "Ava", "Noah", "Lily", "Oscar"],
        last_names: &["Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Thomas", "Walker", "Wright", "Green"],
        cities: &[("London", "EC1A 1BB"), ("Manchester", "M1 1AE"), ("Bristol", "BS1 4ST"), ("Leeds", "LS1 4AP")],
    },
];

/// Somebody who buys.
pub(super) struct Buyer {
    pub(super) market: &'static Market,
    /// Whether this is their first order.
    pub(super) is_new: bool,
    id: String,
    first_name: &'static str,
    last_name: &'static str,
    city: &'static str,
    zip_code: &'static str,
    group: Option<&'static str>,
}

/// Returns who made an order: two in five times somebody who had bought before.
pub(super) fn of_order(day: Day, place: u64) -> Buyer {
    let mut dice = Dice::new("buyer", day, place);
    if !dice.chance(42) {
        return new("order", day, place);
    }
    let before = day - 4 - dice.below(dice_reach(place)) as Day;
    let place = dice.below(orders_on(before));
    Buyer { is_new: false, ..of_order(before, place) }
}

/// Most come back soon, some after half a year.
fn dice_reach(place: u64) -> u64 {
    if place.is_multiple_of(3) { 180 } else { 50 }
}

/// Returns who filled a basket: somebody who may have bought before.
pub(super) fn of_cart(day: Day, place: u64) -> Buyer {
    let mut dice = Dice::new("visitor", day, place);
    if dice.chance(35) { of_order(day - 1 - dice.below(60) as Day, dice.below(10)) } else { new("cart", day, place) }
}

fn new(purpose: &str, day: Day, place: u64) -> Buyer {
    let mut dice = Dice::new(purpose, day, place);
    let market = dice.weighed(MARKETS, |market| market.weight);
    let (city, zip_code) = *dice.one(market.cities);
    let group = match dice.below(100) {
        0..=2 => Some("trade"),
        3..=39 => Some("newsletter"),
        _ => None,
    };
    let (first_name, last_name) = (*dice.one(market.first_names), *dice.one(market.last_names));
    Buyer { market, is_new: true, id: format!("{purpose}-{day}-{place}"), first_name, last_name, city, zip_code, group }
}

impl Buyer {
    /// The customer as a record has it.
    pub(super) fn customer(&self) -> Value {
        let plain = |name: &str| name.to_lowercase().replace(['é', 'è'], "e");
        let email = format!("{}.{}.{}@example.com", plain(self.first_name), plain(self.last_name), self.id);
        match self.group {
            Some(group) => json!({"id": self.id, "email": email, "group_name": group}),
            None => json!({"id": self.id, "email": email}),
        }
    }

    /// Where they live.
    pub(super) fn address(&self) -> Value {
        json!({"city": self.city, "zip_code": self.zip_code, "country_code": self.market.country,
            "first_name": self.first_name, "last_name": self.last_name})
    }

    /// The same without their name, as it is kept of where something is sent.
    pub(super) fn place(&self) -> Value {
        json!({"city": self.city, "zip_code": self.zip_code, "country_code": self.market.country})
    }
}

impl Market {
    /// The market as a record has it.
    pub(super) fn describe(&self) -> Value {
        json!({"id": self.id, "name": self.name, "number": self.number})
    }
}
