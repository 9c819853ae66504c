//! A subset of TOML 1.0, read without memory of its own.
//!
//! Runs in: the warden. In: the text of a configuration file, from the administrator. Out: one `Event` per
//! table and key, borrowed from the text, or the first `Fault`. The subset: comments, tables of one or two
//! names, bare and quoted keys, "basic strings" with the one-letter escapes, unsigned decimal integers,
//! booleans, and arrays of strings and integers. Never: reads on after a fault, knows which keys there are
//! (its reader does, and so it is there that a key or table given twice is found).

mod cursor;

use self::cursor::Cursor;
pub use self::cursor::{Fault, Spot, Str};

/// The largest text, in bytes.
pub const LARGEST: usize = 64 << 10;

/// What stands behind a key's `=` or in an array.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    Text(Str<'a>),
    /// An integer.
    Number(u64),
    /// A boolean.
    Switch(bool),
    /// An array, whose items are known to be strings and integers.
    Array(Items<'a>),
}

/// One piece of the text.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// `[section]` or `[section.name]`.
    Table {
        /// Where its name begins.
        spot: Spot,
        /// The first name.
        section: Str<'a>,
        /// The second name.
        name: Option<Str<'a>>,
    },
    /// `key = value`.
    Entry {
        /// Where the key begins.
        spot: Spot,
        /// The key.
        key: Str<'a>,
        /// Where the value begins.
        at: Spot,
        /// The value.
        value: Value<'a>,
    },
}

impl<'a> Cursor<'a> {
    /// A string or an integer.
    fn scalar(&mut self, expected: &'static str) -> Result<Value<'a>, Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.fault(expected),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Fault> {
        let word = Cursor { ..*self }.run(|b| b.is_ascii_alphanumeric());
        match (self.peek(), word) {
            (Some(b'['), _) => {
                self.bump();
                let items = Items(*self);
                let mut walk = items;
                while walk.item()?.is_some() {}
                *self = walk.0;
                Ok(Value::Array(items))
            }
            (_, b"true" | b"false") => {
                self.run(|b| b.is_ascii_alphanumeric());
                Ok(Value::Switch(word == b"true"))
            }
            _ => self.scalar(VALUE),
        }
    }
}

const VALUE: &str = "a value: a \"string\", a number, true, false or an [array]";
const ITEM: &str = "a \"string\" or a number in the array, or its closing ]";

/// The items of an array.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a>(Cursor<'a>);

impl<'a> Items<'a> {
    /// The next item and where it begins.
    pub fn item(&mut self) -> Result<Option<(Spot, Value<'a>)>, Fault> {
        self.0.gap()?;
        if self.0.take(b']') {
            return Ok(None);
        }
        let spot = self.0.spot;
        let value = self.0.scalar(ITEM)?;
        self.0.gap()?;
        if !self.0.take(b',') && self.0.peek() != Some(b']') {
            return self.0.fault("a comma or the closing ] of the array");
        }
        Ok(Some((spot, value)))
    }
}

/// Reads a text from its beginning.
#[derive(Debug)]
pub struct Reader<'a>(Cursor<'a>);

impl<'a> Reader<'a> {
    /// At the beginning of this text, if it is UTF-8 and not too large.
    pub fn new(text: &'a [u8]) -> Result<Self, Fault> {
        let mut at = Cursor { rest: text, spot: Spot { line: 1, column: 1 } };
        if text.len() > LARGEST {
            return at.fault("at most 64 KiB of text");
        }
        let Err(wrong) = core::str::from_utf8(text) else { return Ok(Self(at)) };
        let right = text.len().saturating_sub(wrong.valid_up_to());
        while at.rest.len() > right {
            at.bump();
        }
        at.fault("UTF-8 text")
    }

    /// The next piece; `None` at the end of the text.
    pub fn event(&mut self) -> Result<Option<Event<'a>>, Fault> {
        let at = &mut self.0;
        at.gap()?;
        let spot = at.spot;
        let event = match at.peek() {
            None => return Ok(None),
            Some(b'[') => table(at)?,
            Some(_) => {
                let key = at.key("a key, a [table] or a # comment")?;
                at.blank();
                at.expect(b'=', "= behind the key")?;
                at.blank();
                Event::Entry { spot, key, at: at.spot, value: at.value()? }
            }
        };
        at.line_end()?;
        Ok(Some(event))
    }
}

fn table<'a>(at: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    at.bump();
    at.blank();
    let spot = at.spot;
    let section = at.key("the name of a table")?;
    at.blank();
    let mut name = None;
    if at.take(b'.') {
        at.blank();
        name = Some(at.key("the second name of the table")?);
        at.blank();
    }
    at.expect(b']', "] behind the table's name")?;
    Ok(Event::Table { spot, section, name })
}

/// A value alone, as the text behind a key's `=`.
pub fn value(text: &str) -> Result<Value<'_>, Fault> {
    Cursor { rest: text.as_bytes(), spot: Spot { line: 1, column: 1 } }.value()
}
