//! Canonical JSON: one text for one value.
//!
//! Runs in: bailiff-cage. In: values, a stranger's bytes among them. Out: ASCII text without blanks or line ends: keys
//! sorted, whole numbers below 2^53, every character but printable ASCII as `\u` and four digits in lower case. What is not UTF-8
//! is not a string but `{"bytes":"HEX"}`, so that every byte can be had back. Never: writes a line end, whatever it is
//! given.
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// From here on, readers that keep numbers as `f64` lose the last digits.
const EXACT: u64 = 1 << 53;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// From 2^53 on it is written as a string of hexadecimal digits, `"0x..."`.
    Number(u64),
    Text(&'a str),
    Said(String),
    /// A stranger's bytes: a string if they are UTF-8.
    Bytes(&'a [u8]),
    /// A string of hexadecimal digits, two for each byte.
    Hex(&'a [u8]),
    List(Vec<Value<'a>>),
    /// Written in the order of the keys, whatever the order here.
    Map(Vec<(&'static str, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// A list of what `each` makes of the items.
    pub(crate) fn list<T>(items: &'a [T], each: impl FnMut(&'a T) -> Value<'a>) -> Self {
        Self::List(items.iter().map(each).collect())
    }

    /// A number, or `null`.
    pub(crate) fn number(value: Option<u64>) -> Self {
        value.map_or(Self::Null, Self::Number)
    }

    /// The value as text.
    pub(crate) fn text(self) -> String {
        let mut to = String::new();
        write(&mut to, self);
        to
    }
}

fn write(to: &mut String, value: Value<'_>) {
    match value {
        Value::Null => to.push_str("null"),
        Value::Bool(yes) => to.push_str(if yes { "true" } else { "false" }),
        Value::Number(n) => {
            let _ = if n < EXACT { write!(to, "{n}") } else { write!(to, "\"0x{n:x}\"") };
        }
        Value::Text(text) => string(to, text),
        Value::Said(text) => string(to, &text),
        Value::Bytes(bytes) => match core::str::from_utf8(bytes) {
            Ok(text) => string(to, text),
            Err(_) => write(to, Value::Map([("bytes", Value::Hex(bytes))].into())),
        },
        Value::Hex(bytes) => {
            to.push('"');
            for b in bytes {
                let _ = write!(to, "{b:02x}");
            }
            to.push('"');
        }
        Value::List(items) => {
            to.push('[');
            for (i, item) in items.into_iter().enumerate() {
                to.push_str(if i == 0 { "" } else { "," });
                write(to, item);
            }
            to.push(']');
        }
        Value::Map(mut pairs) => {
            pairs.sort_unstable_by_key(|(key, _)| *key);
            to.push('{');
            for (i, (key, value)) in pairs.into_iter().enumerate() {
                to.push_str(if i == 0 { "" } else { "," });
                string(to, key);
                to.push(':');
                write(to, value);
            }
            to.push('}');
        }
    }
}

fn string(to: &mut String, text: &str) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            ' '..='~' => to.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(to, "\\u{unit:04x}");
                }
            }
        }
    }
    to.push('"');
}
