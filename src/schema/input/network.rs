//! Addresses of networks and of network cards.

use std::net::IpAddr;

use super::InputError;
use crate::schema::DataType;

/// `10.0.0.1/32` → `10.0.0.1`.
pub fn inet(text: &str) -> Result<String, InputError> {
    let (address, bits) = address_and_bits(&DataType::Inet, text)?;
    match bits {
        Some(bits) if bits < whole(address) => Ok(format!("{address}/{bits}")),
        _ => Ok(address.to_string()),
    }
}

/// `10.0.0.1` → `10.0.0.1/32`; bits right of the mask are an error. Postgres' short forms, as `10/8`,
/// are refused.
pub fn cidr(text: &str) -> Result<String, InputError> {
    let (address, bits) = address_and_bits(&DataType::Cidr, text)?;
    let bits = bits.unwrap_or(whole(address));
    let host = u32::from(whole(address) - bits);
    let value = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let host_bits = 1u128.checked_shl(host).map_or(u128::MAX, |next| next - 1);
    if value & host_bits != 0 {
        return Err(InputError::new("22P02", format!("invalid cidr value: \"{text}\"")));
    }
    Ok(format!("{address}/{bits}"))
}

/// Six bytes with colons, however they were parted.
pub fn macaddr(text: &str) -> Result<String, InputError> {
    let wrong = || InputError::syntax(&DataType::Macaddr, text);
    let trimmed = text.trim();
    let lengths: Vec<usize> = trimmed.split([':', '-', '.']).map(str::len).collect();
    let separators: Vec<char> = trimmed.chars().filter(|of| !of.is_ascii_hexdigit()).collect();
    let is_known = match lengths.as_slice() {
        [12] => true,
        [6, 6] => matches!(separators.as_slice(), [':' | '-']),
        [4, 4, 4] => matches!(separators.as_slice(), ['.', '.'] | ['-', '-']),
        [_, _, _, _, _, _] => {
            lengths.iter().all(|length| (1..=2).contains(length))
                && (separators.iter().all(|of| *of == ':') || separators.iter().all(|of| *of == '-'))
        }
        _ => false,
    };
    if !is_known {
        return Err(wrong());
    }
    let digits: String = match lengths.len() {
        6 => trimmed.split([':', '-']).map(|part| format!("{part:0>2}")).collect(),
        _ => trimmed.chars().filter(char::is_ascii_hexdigit).collect(),
    };
    let digits = digits.to_ascii_lowercase();
    let bytes: Vec<&str> = (0..6).filter_map(|byte| digits.get(byte * 2..byte * 2 + 2)).collect();
    if bytes.len() == 6 && digits.len() == 12 { Ok(bytes.join(":")) } else { Err(wrong()) }
}

fn address_and_bits(data_type: &DataType, text: &str) -> Result<(IpAddr, Option<u8>), InputError> {
    let wrong = || InputError::syntax(data_type, text);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    if bits.is_some_and(|bits| bits > whole(address)) {
        return Err(wrong());
    }
    Ok((address, bits))
}

fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
