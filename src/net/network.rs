//! A range of IP addresses, such as those that are never banned. Knows nothing of sockets.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `"127.0.0.0/8"`, `"::1"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address in it.
    pub base: IpAddr,
    /// How many leading bits must agree.
    pub prefix: u8,
}

impl Network {
    /// Whether `ip` lies in it; an IPv4 address and one mapped into IPv6 are the same.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => masked_v4(base, self.prefix) == masked_v4(ip, self.prefix),
            (IpAddr::V6(base), IpAddr::V6(ip)) => masked_v6(base, self.prefix) == masked_v6(ip, self.prefix),
            _ => false,
        }
    }
}

/// One subscriber as far as limits and bans go: an IPv4 address, or an IPv6 /64, since a single
/// machine may take any address of its /64.
pub fn subscriber(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(masked_v6(ip, 64)),
    }
}

fn masked_v4(ip: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let host_bits = 32 - u32::from(prefix.min(32));
    Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(host_bits).unwrap_or(0))
}

fn masked_v6(ip: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let host_bits = 128 - u32::from(prefix.min(128));
    Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl FromStr for Network {
    type Err = String;

    /// An address alone is a network of one. Errors read `what: remedy`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (base, prefix) = match text.split_once('/') {
                Some((base, prefix)) => (base, Some(prefix.parse().ok()?)),
                None => (text, None),
            };
            let base = base.parse().ok()?;
            let whole = if matches!(base, IpAddr::V4(_)) { 32 } else { 128 };
            let prefix = prefix.unwrap_or(whole);
            (prefix <= whole).then_some(Self { base, prefix })
        };
        parsed().ok_or_else(|| {
            format!(
                "`{text}` is no network: write an IP address, or one with the length of its prefix, \
                 as in \"127.0.0.0/8\""
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix() {
        for (network, inside, outside) in [
            ("127.0.0.0/8", "127.9.9.9", "128.0.0.1"),
            ("127.0.0.1/8", "127.0.0.0", "126.255.255.255"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1", "::ffff:192.0.2.1", "::1"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ] {
            let parsed = network.parse::<Network>().unwrap();
            assert!(parsed.contains(ip(inside)), "{network} {inside}");
            assert!(!parsed.contains(ip(outside)), "{network} {outside}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{network}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains(ip("255.1.2.3")));
        assert!("::/0".parse::<Network>().unwrap().contains(ip("2001:db8::1")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "localhost", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/-1", "/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_subscriber_is_an_ipv4_address_or_an_ipv6_64() {
        for (address, subscriber_of) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(subscriber(ip(address)), ip(subscriber_of));
        }
    }
}
