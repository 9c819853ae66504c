//! BLAKE2b-256 against `b2sum -l 256` (coreutils 9.1, the reference's own code) and the sequences of RFC 7693.
use bailiff::shared::pure::blake::{Blake, hash};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// By `b2sum -l 256`; the last two by `head -c N /dev/zero | tr '\0' x | b2sum -l 256`.
#[test]
fn as_b2sum() {
    for (text, expected) in [
        (String::new(), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
        ("abc".into(), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        ("x".repeat(128), "164ffb7089bae6f5a62fb0795e751dc9e88eac92e1a5b2fafe93a25abf2d9c3b"),
        ("x".repeat(1_000_000), "f3891296f305dd88e34ab9e39c35ccd2fcc69475d1b512e022c6cae361717e9c"),
    ] {
        assert_eq!(hex(&hash(text.as_bytes())), expected, "{} bytes", text.len());
    }
}

/// The sequences of RFC 7693, appendix E, and their lengths: the hash of their hashes, by python3's hashlib.blake2b
/// (the appendix's own sum is over other lengths of hash and over keys, too, which are not here).
#[test]
fn as_rfc_7693() {
    let sequence = |len: u32| -> Vec<u8> {
        let (mut a, mut b) = (0xdead_4bad_u32.wrapping_mul(len), 1u32);
        let next = |_| {
            let t = a.wrapping_add(b);
            (a, b) = (b, t);
            (t >> 24) as u8
        };
        (0..len).map(next).collect()
    };
    let mut all = Blake::new();
    for len in [0, 3, 128, 129, 255, 1024] {
        all.update(&hash(&sequence(len)));
    }
    assert_eq!(hex(&all.finish()), "4f115497d72f1ccb3d237329babe50880012733139e76a227f62b1ee64cd03e4");
}

/// However the bytes come, in pieces around the length of a block.
#[test]
fn in_pieces() {
    let bytes: Vec<u8> = (0..2000u32).map(|n| (n * 7 % 251) as u8).collect();
    for len in [0, 1, 127, 128, 129, 255, 256, 257, 384, 1000, 2000] {
        let bytes = &bytes[..len];
        for piece in [1, 2, 63, 64, 127, 128, 129, 256, 300, 1999] {
            let mut blake = Blake::new();
            bytes.chunks(piece).for_each(|b| blake.update(b));
            blake.update(&[]);
            assert_eq!(blake.finish(), hash(bytes), "{len} bytes by {piece}");
        }
    }
}
