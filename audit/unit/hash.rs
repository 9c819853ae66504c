//! SipHash-1-3 against the standard library's (key zero) and the reference's first vector; CRC-32C against
//! RFC 3720.
use bailiff::shared::pure::hash::{crc32c, siphash};
use std::hash::Hasher;

#[test]
fn siphash_is_the_standard_librarys() {
    let bytes: Vec<u8> = (0..=255).collect();
    for len in 0..bytes.len() {
        let mut std = std::collections::hash_map::DefaultHasher::default();
        std.write(&bytes[..len]);
        assert_eq!(siphash(&[0, 0], &bytes[..len]), std.finish(), "{len} bytes");
    }
}

#[test]
fn siphash_takes_its_key() {
    let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
    assert_eq!(siphash(&key, b"").to_le_bytes(), [0xdc, 0xc4, 0x0f, 0x05, 0x58, 0x01, 0xac, 0xab]);
}

#[test]
fn crc32c_of_rfc_3720() {
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
