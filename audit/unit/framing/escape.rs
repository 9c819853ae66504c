//! What a service makes of bytes that an outsider chose before they stand in its log: the escapings that
//! audit/vectors/outsider.txt names.
//!
//! In: one byte. Out: what is written for it, perhaps nothing.

/// Writes what stands in the log for one byte.
pub(crate) type Escape = fn(u8, &mut Vec<u8>);

/// The escaping of this name.
pub(crate) fn named(name: &str) -> Option<Escape> {
    ESCAPES.iter().find(|(n, _)| *n == name).map(|(_, escape)| *escape)
}

/// Each by its name; the head of outsider.txt says who writes so.
const ESCAPES: [(&str, Escape); 19] = [
    ("none", |b, out| out.push(b)),
    ("nolf", |b, out| only(b, !matches!(b, b'\n' | b'\r' | 0), out)),
    ("print", |b, out| out.push(if b < b' ' || b == 0x7f { b'?' } else { b })),
    ("ascii", |b, out| out.push(if (b' '..0x7f).contains(&b) { b } else { b'?' })),
    ("syslog", |b, out| if b < b' ' || b == 0x7f { coded(out, "#", b, 8, 3) } else { out.push(b) }),
    ("vis", |b, out| match b {
        b'\\' => out.extend(b"\\\\"),
        b' '..0x7f | b'\t' => out.push(b),
        _ => coded(out, "\\", b, 8, 3),
    }),
    ("exim", |b, out| match b {
        b'\\' => out.extend(b"\\\\"),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        b' '..0x7f => out.push(b),
        _ => coded(out, "\\", b, 8, 3),
    }),
    ("json", |b, out| match b {
        b'"' | b'\\' => out.extend([b'\\', b]),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        0..b' ' => coded(out, "\\u", b, 16, 4),
        _ => out.push(b),
    }),
    ("x", |b, out| match b {
        b'"' | b'\\' | 0..b' ' | 0x7f.. => {
            let code: String = format!("\\x{b:02X}");
            out.extend(code.bytes());
        }
        _ => out.push(b),
    }),
    ("apache", |b, out| match b {
        b'"' | b'\\' => out.extend([b'\\', b]),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        b' '..0x7f => out.push(b),
        _ => coded(out, "\\x", b, 16, 2),
    }),
    ("quote", |b, out| if b == b'"' { out.extend(b"\\\"") } else { out.push(b) }),
    ("haproxy", |b, out| match b {
        b'"' | b'#' | b'{' | b'|' | b'}' | 0..b' ' | 0x7f.. => coded(out, "#", b, 16, 2),
        _ => out.push(b),
    }),
    ("url", |b, out| {
        let is_plain = b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
        if is_plain { out.push(b) } else { coded(out, "%", b, 16, 2) }
    }),
    ("basic", |b, out| only(b, b != b':', out)),
    ("word", |b, out| only(b, !b.is_ascii_whitespace(), out)),
    ("noquote", |b, out| only(b, b != b'"', out)),
    ("name", |b, out| only(b, b.is_ascii_alphanumeric() || b"._-@".contains(&b), out)),
    ("host", |b, out| only(b, b.is_ascii_alphanumeric() || b"._-".contains(&b), out)),
    ("noangle", |b, out| only(b, !b"<>".contains(&b), out)),
];

fn only(b: u8, is_let_through: bool, out: &mut Vec<u8>) {
    if is_let_through {
        out.push(b);
    }
}

/// A sign and the byte in digits.
fn coded(out: &mut Vec<u8>, sign: &str, b: u8, base: u8, digits: usize) {
    let code = if base == 8 { format!("{b:0digits$o}") } else { format!("{b:0digits$x}") };
    out.extend(sign.bytes().chain(code.bytes()));
}
