//! Addresses that settings take: one, or a network in CIDR notation.

use std::net::IpAddr;

/// Bits of the prefix that IPv4 has as a part of IPv6 (`::ffff:0:0/96`).
const MAPPED: u8 = 96;

/// A network as programs have it: IPv6, in which IPv4 is v4-mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address; bits outside of the mask are 0.
    pub address: [u8; 16],
    /// The bits that count.
    pub mask: [u8; 16],
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or an address alone.
    ///
    /// # Errors
    /// What it takes.
    pub fn parse(text: &str) -> Result<Network, String> {
        let wrong = || format!("`{text}` is neither an address nor a network such as 10.0.0.0/8 or fd00::/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (whole, most, before) = match address {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped(), 32, MAPPED),
            IpAddr::V6(v6) => (v6, 128, 0),
        };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(format!("`{text}`: there are {most} bits in such an address"));
        }
        let bits = u32::from(before + bits);
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
        let address = u128::from(whole) & mask;
        Ok(Network { address: address.to_be_bytes(), mask: mask.to_be_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(v4: [u8; 4]) -> [u8; 16] {
        std::net::Ipv4Addr::from(v4).to_ipv6_mapped().octets()
    }

    #[test]
    fn networks_are_ipv6_with_their_bits() {
        let net = Network::parse("10.1.2.3/8").unwrap();
        assert_eq!(net.address, mapped([10, 0, 0, 0]), "what is behind the mask does not count");
        assert_eq!(net.mask[..], [[255; 13].as_slice(), &[0; 3]].concat());
        let one = Network::parse("127.0.0.1").unwrap();
        assert_eq!((one.address, one.mask), (mapped([127, 0, 0, 1]), [255; 16]));
        let v6 = Network::parse("fd00::1/8").unwrap();
        assert_eq!((v6.address[0], v6.address[15], v6.mask[0], v6.mask[1]), (0xfd, 0, 255, 0));
        assert_eq!(Network::parse("::/0").unwrap().mask, [0; 16]);
        assert_ne!(Network::parse("0.0.0.0/0").unwrap().mask, [0; 16], "any address, but of IPv4");
    }

    #[test]
    fn what_is_none_is_said() {
        for wrong in ["", "10", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "localhost", "10.0.0.0/8/8"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }
}
