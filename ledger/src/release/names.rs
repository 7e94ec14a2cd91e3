//! Names that a public authority can vouch for.

use std::net::IpAddr;

/// Names below these are never public: RFC 2606, 6761, 6762, 7686, 8375, and ICANN for `internal`.
const NOBODYS: [&str; 11] = [
    "test",
    "example",
    "invalid",
    "localhost",
    "local",
    "internal",
    "onion",
    "home.arpa",
    "example.com",
    "example.net",
    "example.org",
];

/// Whether a public authority could issue a certificate for a name by HTTP-01. Never for addresses, single
/// labels and wildcards, nor for names that are for examples, tests and private networks.
pub fn is_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let below = |zone: &&str| {
        let above = name.strip_suffix(*zone);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let last = name.rsplit('.').next().unwrap_or_default();
    // No top-level name is a number: a name that ends with one is an address, or is meant as one.
    let number = last.chars().all(|c| c.is_ascii_digit());
    name.contains('.') && !name.contains('*') && !address && !number && !NOBODYS.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_public_are_public() {
        for name in
            ["shop.com", "www.shop.co.uk", "EXAMPLE.de", "example.com.mx", "myexample.com", "a.test.com"]
        {
            assert!(is_public(name), "{name}");
        }
        let private = [
            "localhost",
            "shop",
            "a.localhost",
            "shop.test",
            "a.shop.TEST",
            "shop.example",
            "a.invalid",
            "printer.local",
            "db.internal",
            "x.onion",
            "home.arpa",
            "a.home.arpa",
            "example.com",
            "www.example.com",
            "example.net",
            "a.example.org",
            "shop.example.org.",
            "127.0.0.1",
            "::1",
            "[::1]",
            "10.1",
            "*.shop.com",
            "",
        ];
        for name in private {
            assert!(!is_public(name), "{name}");
        }
    }
}
