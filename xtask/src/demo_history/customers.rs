//! Generates fictitious customers, their addresses and their markets.
//!
//! A customer is identified by the day of their first order and its number within that day.

use serde_json::{Value, json};

use super::calendar::{Day, orders_on};
use crate::random::Random;

/// A country that the shop sells to.
pub(super) struct Market {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) number: &'static str,
    pub(super) currency: &'static str,
    pub(super) country: &'static str,
    pub(super) language: &'static str,
    /// The price of 100 euro cents in cents of its currency.
    pub(super) exchange_rate: i64,
    /// Value added tax.
    pub(super) tax_percent: i64,
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
        exchange_rate: 100,
        tax_percent: 19,
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
        exchange_rate: 100,
        tax_percent: 20,
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
        exchange_rate: 100,
        tax_percent: 22,
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
        exchange_rate: 86,
        tax_percent: 20,
        weight: 24,
        first_names: &["Olivia", "George", "Amelia", "Harry", "Isla", "Jack", "Ava", "Noah", "Lily", "Oscar"],
        last_names: &["Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Thomas", "Walker", "Wright", "Green"],
        cities: &[("London", "EC1A 1BB"), ("Manchester", "M1 1AE"), ("Bristol", "BS1 4ST"), ("Leeds", "LS1 4AP")],
    },
];

/// A customer.
pub(super) struct Customer {
    pub(super) market: &'static Market,
    /// Whether this is the customer's first order.
    pub(super) is_new: bool,
    id: String,
    first_name: &'static str,
    last_name: &'static str,
    city: &'static str,
    zip_code: &'static str,
    group: Option<&'static str>,
}

/// The customer of an order; 42 percent ordered before.
pub(super) fn of_order(day: Day, number: u64) -> Customer {
    let mut random = Random::new("buyer", day, number);
    if !random.has_chance(42) {
        return new_customer("order", day, number);
    }
    let earlier_day = day - 4 - random.below(max_days_between_orders(number)) as Day;
    let earlier_number = random.below(orders_on(earlier_day));
    Customer { is_new: false, ..of_order(earlier_day, earlier_number) }
}

/// Most customers order again soon, some after half a year.
fn max_days_between_orders(number: u64) -> u64 {
    if number.is_multiple_of(3) { 180 } else { 50 }
}

/// The customer of a cart; 35 percent ordered before.
pub(super) fn of_cart(day: Day, number: u64) -> Customer {
    let mut random = Random::new("visitor", day, number);
    if !random.has_chance(35) {
        return new_customer("cart", day, number);
    }
    of_order(day - 1 - random.below(60) as Day, random.below(10))
}

/// The country of the market with this id.
pub(super) fn country_of_market(id: &str) -> Option<&'static str> {
    MARKETS.iter().find(|market| market.id == id).map(|market| market.country)
}

/// The id of a market, chosen by its weight.
pub(super) fn any_market(random: &mut Random) -> &'static str {
    random.pick_weighted(MARKETS, |market| market.weight).id
}

fn new_customer(purpose: &str, day: Day, number: u64) -> Customer {
    let mut random = Random::new(purpose, day, number);
    let market = random.pick_weighted(MARKETS, |market| market.weight);
    let (city, zip_code) = *random.pick(market.cities);
    let group = match random.below(100) {
        0..=2 => Some("trade"),
        3..=39 => Some("newsletter"),
        _ => None,
    };
    let (first_name, last_name) = (*random.pick(market.first_names), *random.pick(market.last_names));
    Customer { market, is_new: true, id: format!("{purpose}-{day}-{number}"), first_name, last_name, city, zip_code, group }
}

impl Customer {
    /// The customer object of a record.
    pub(super) fn to_json(&self) -> Value {
        let email = self.email();
        match self.group {
            Some(group) => json!({"id": self.id, "email": email, "group_name": group}),
            None => json!({"id": self.id, "email": email}),
        }
    }

    /// The record of the customer in the format of the export, from the day of the first order.
    pub(super) fn to_record(&self, day: Day) -> Value {
        let tags: Vec<&str> = self.group.into_iter().filter(|group| *group == "trade").collect();
        json!({"email": self.email(), "firstName": self.first_name, "lastName": self.last_name, "createdAt": day * 86_400_000,
            "subscribed": self.group == Some("newsletter"), "tags": tags})
    }

    fn email(&self) -> String {
        let ascii = |name: &str| name.to_lowercase().replace(['é', 'è'], "e");
        format!("{}.{}.{}@example.com", ascii(self.first_name), ascii(self.last_name), self.id)
    }

    /// The billing address.
    pub(super) fn billing_address(&self) -> Value {
        json!({"city": self.city, "zip_code": self.zip_code, "country_code": self.market.country,
            "first_name": self.first_name, "last_name": self.last_name})
    }

    /// The shipping address, which has no name.
    pub(super) fn shipping_address(&self) -> Value {
        json!({"city": self.city, "zip_code": self.zip_code, "country_code": self.market.country})
    }
}

impl Market {
    /// The market object of a record.
    pub(super) fn to_json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "number": self.number})
    }
}
