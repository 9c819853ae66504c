//! Netlink messages as bytes: written into a fixed buffer, read from a datagram.
//!
//! Runs in: the enforcer. In: values of ours; datagrams of the kernel. Out: bytes; headers, bodies and attributes whose
//! lengths were checked. Never: writes or reads outside its buffer, calls the kernel.

/// Message kinds and flags (linux/netlink.h, 6.18).
pub const NLMSG_ERROR: u16 = 2;
/// End of a dump.
pub const NLMSG_DONE: u16 = 3;
/// To the kernel.
pub const NLM_F_REQUEST: u16 = 1;
/// Answer success too: failure is always answered.
pub const NLM_F_ACK: u16 = 4;
/// The dump is not of one moment: something was changed meanwhile.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// Everything there is, in several datagrams.
pub const NLM_F_DUMP: u16 = 0x300;
/// Make it if it is not there.
pub const NLM_F_CREATE: u16 = 0x400;
/// Put it behind what is there.
pub const NLM_F_APPEND: u16 = 0x800;
const NLA_F_NESTED: u16 = 0x8000;
const NLA_TYPE_MASK: u16 = 0x3fff;

/// Messages that grow in a fixed buffer. One that did not fit makes the whole void.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    /// No message, in this buffer.
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0, full: false }
    }

    fn at(&mut self, from: usize, bytes: &[u8]) {
        match self.buf.get_mut(from..).and_then(|rest| rest.get_mut(..bytes.len())) {
            Some(room) => room.iter_mut().zip(bytes).for_each(|(slot, b)| *slot = *b),
            None => self.full = true,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.at(self.len, bytes);
        self.len = self.len.saturating_add(bytes.len());
    }

    /// One message (struct nlmsghdr): `head` is what its family puts before the attributes, which `fill` writes.
    pub fn message(&mut self, kind: u16, flags: u16, seq: u32, head: &[u8], fill: impl FnOnce(&mut Self)) {
        let start = self.len;
        self.put(&[0; 4]);
        self.put(&kind.to_ne_bytes());
        self.put(&(flags | NLM_F_REQUEST).to_ne_bytes());
        self.put(&seq.to_ne_bytes());
        self.put(&[0; 4]);
        self.put(head);
        fill(self);
        let len = u32::try_from(self.len.saturating_sub(start)).unwrap_or(0);
        self.at(start, &len.to_ne_bytes());
    }

    /// One attribute (struct nlattr), its value in parts.
    pub fn attr(&mut self, kind: u16, parts: &[&[u8]]) {
        self.framed(kind, |w| parts.iter().for_each(|part| w.put(part)));
    }

    /// An attribute of text, in parts, closed by a NUL.
    pub fn text(&mut self, kind: u16, parts: [&[u8]; 2]) {
        let [first, second] = parts;
        self.attr(kind, &[first, second, &[0]]);
    }

    /// A number as nf_tables takes it.
    pub fn be32(&mut self, kind: u16, value: u32) {
        self.attr(kind, &[&value.to_be_bytes()]);
    }

    /// An attribute of attributes.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.framed(kind | NLA_F_NESTED, fill);
    }

    fn framed(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.len;
        self.put(&[0; 2]);
        self.put(&kind.to_ne_bytes());
        fill(self);
        let len = u16::try_from(self.len.saturating_sub(start)).unwrap_or_else(|_| {
            self.full = true;
            0
        });
        self.at(start, &len.to_ne_bytes());
        while self.len % 4 != 0 {
            self.put(&[0]);
        }
    }

    /// The datagram, unless something did not fit.
    pub fn finish(self) -> Option<&'a [u8]> {
        if self.full { None } else { self.buf.get(..self.len) }
    }
}

/// The head of a received message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Kind.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// Number of the request that it answers, or that caused it.
    pub seq: u32,
    /// Port of the socket that this request came from; 0 is the kernel.
    pub port: u32,
}

impl Header {
    /// The head at the start of these bytes, and the length that it claims.
    pub fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (len, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (flags, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let port = u32::from_ne_bytes(*rest.first_chunk()?);
        let (kind, flags) = (u16::from_ne_bytes(*kind), u16::from_ne_bytes(*flags));
        let header = Self { kind, flags, seq: u32::from_ne_bytes(*seq), port };
        Some((header, u32::from_ne_bytes(*len).try_into().ok()?))
    }
}

/// The messages of a datagram, each with its body; ends at the first whose length is wrong.
#[derive(Debug)]
pub struct Messages<'a>(pub &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (Header, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, len) = Header::read(self.0)?;
        let body = self.0.get(16..len)?;
        self.0 = self.0.get(len.checked_next_multiple_of(4)?..).unwrap_or(&[]);
        Some((header, body))
    }
}

/// The attributes in these bytes, each with its value; ends at the first whose length is wrong.
#[derive(Debug)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first_chunk()?;
        let kind = u16::from_ne_bytes(*rest.first_chunk()?) & NLA_TYPE_MASK;
        let len = usize::from(u16::from_ne_bytes(*len));
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

/// The value of the first attribute of this kind.
pub fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    Attributes(bytes).find(|(k, _)| *k == kind).map(|(_, value)| value)
}

/// The error number in the body of an NLMSG_ERROR or NLMSG_DONE (0: none), and what stands behind it: in an
/// NLMSG_ERROR, the message that it answers.
pub fn error(body: &[u8]) -> Option<(u16, &[u8])> {
    let (number, request) = body.split_first_chunk()?;
    Some((i32::from_ne_bytes(*number).unsigned_abs().try_into().ok()?, request))
}
