//! Netlink messages as bytes: written into a fixed buffer, read from a datagram.
//!
//! Runs in: the enforcer. In: values of ours; datagrams of the kernel. Out: bytes; headers, bodies and attributes whose
//! lengths were checked. Never: writes or reads outside its buffer, calls the kernel.

/// Kinds and flags of messages (linux/netlink.h, 6.18).
pub(crate) const NLMSG_ERROR: u16 = 2;
/// End of a dump.
pub(crate) const NLMSG_DONE: u16 = 3;
/// Answer success too: failure is always answered.
pub(crate) const NLM_F_ACK: u16 = 4;
/// The dump is not of one moment: something was changed meanwhile.
pub(crate) const NLM_F_DUMP_INTR: u16 = 0x10;
/// Everything there is, in several datagrams.
pub(crate) const NLM_F_DUMP: u16 = 0x300;
/// Make it if it is not there.
pub(crate) const NLM_F_CREATE: u16 = 0x400;
/// Put it behind what is there.
pub(crate) const NLM_F_APPEND: u16 = 0x800;
const NLA_F_NESTED: u16 = 0x8000;

/// An attribute: its number, and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attr<'a> {
    /// No attribute at all.
    Nothing,
    /// An attribute that holds an NFTA_DATA_VALUE of nf_tables: bytes as they are, in two parts.
    Data(u16, [&'a [u8]; 2]),
    /// Bytes as they are, in two parts.
    Bytes(u16, [&'a [u8]; 2]),
    /// Text in two parts, closed by a NUL.
    Text(u16, [&'a [u8]; 2]),
    /// A number, big-endian, as nf_tables takes it.
    U32(u16, u32),
    /// Attributes.
    Nest(u16, &'a [Attr<'a>]),
}

/// Messages that grow in a fixed buffer. The length counts on beyond its end: what did not fit makes the whole void.
pub(crate) struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// No message, in this buffer.
    pub(crate) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    fn at(&mut self, from: usize, bytes: &[u8]) {
        let room = self.buf.get_mut(from..).unwrap_or(&mut []);
        room.iter_mut().zip(bytes).for_each(|(slot, b)| *slot = *b);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.at(self.len, bytes);
        self.len = self.len.saturating_add(bytes.len());
    }

    /// One message (struct nlmsghdr): `head` is what its family puts before the attributes.
    pub(crate) fn message(&mut self, kind: u16, flags: u16, seq: u32, head: &[u8], attributes: &[Attr<'_>]) {
        let start = self.len;
        self.put(&[0; 4]);
        self.put(&kind.to_ne_bytes());
        self.put(&(flags | 1).to_ne_bytes()); // NLM_F_REQUEST
        self.put(&seq.to_ne_bytes());
        self.put(&[0; 4]);
        self.put(head);
        self.attributes(attributes);
        let len = self.len.saturating_sub(start) as u32;
        self.at(start, &len.to_ne_bytes());
    }

    fn attributes(&mut self, attributes: &[Attr<'_>]) {
        for attribute in attributes {
            match attribute {
                Attr::Nothing => (),
                Attr::Data(kind, parts) => self.nest(*kind, &[Attr::Bytes(1, *parts)]),
                Attr::Bytes(kind, [a, b]) => {
                    self.framed(*kind, |w| [a, b].into_iter().for_each(|part| w.put(part)))
                }
                Attr::Text(kind, [a, b]) => {
                    self.framed(*kind, |w| [*a, *b, &[0]].iter().for_each(|part| w.put(part)))
                }
                Attr::U32(kind, value) => self.framed(*kind, |w| w.put(&value.to_be_bytes())),
                Attr::Nest(kind, inner) => self.nest(*kind, inner),
            }
        }
    }

    fn nest(&mut self, kind: u16, inner: &[Attr<'_>]) {
        self.framed(kind | NLA_F_NESTED, |w| w.attributes(inner));
    }

    /// One attribute (struct nlattr), padded to four bytes.
    fn framed(&mut self, kind: u16, value: impl FnOnce(&mut Self)) {
        let start = self.len;
        self.put(&[0; 2]);
        self.put(&kind.to_ne_bytes());
        value(self);
        match u16::try_from(self.len.saturating_sub(start)) {
            Ok(len) => self.at(start, &len.to_ne_bytes()),
            Err(_) => self.len = usize::MAX,
        }
        self.put([0; 4].get(self.len % 4..).filter(|pad| pad.len() < 4).unwrap_or(&[]));
    }

    /// The datagram, unless something did not fit.
    pub(crate) fn finish(self) -> Option<&'a [u8]> {
        self.buf.get(..self.len)
    }
}

/// The head of a received message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
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
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (words, _) = bytes.first_chunk::<16>()?.as_chunks::<4>();
        let [len, [a, b, c, d], seq, port] = *words else { return None };
        let (kind, flags) = (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]));
        let header = Self { kind, flags, seq: u32::from_ne_bytes(seq), port: u32::from_ne_bytes(port) };
        Some((header, u32::from_ne_bytes(len).try_into().ok()?))
    }
}

/// The messages of a datagram, each with its body; ends at the first whose length is wrong.
pub(crate) struct Messages<'a>(pub &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (Header, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, len) = Header::read(self.0)?;
        let body = self.0.get(16..len)?;
        self.0 = behind(self.0, len);
        Some((header, body))
    }
}

/// The attributes in these bytes, each with its number; ends at the first whose length is wrong.
pub(crate) struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [a, b, c, d] = *self.0.first_chunk()?;
        let (len, kind) = (usize::from(u16::from_ne_bytes([a, b])), u16::from_ne_bytes([c, d]));
        let value = self.0.get(4..len)?;
        self.0 = behind(self.0, len);
        Some((kind & 0x3fff, value)) // NLA_TYPE_MASK
    }
}

/// What stands behind the first `len` bytes and their padding to four.
pub(crate) fn behind(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(len.saturating_add(3) & !3..).unwrap_or(&[])
}

/// The value of the attribute at the end of this path of numbers.
pub(crate) fn attribute<'a>(bytes: &'a [u8], path: &[u16]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |value, kind| Attributes(value).find(|(k, _)| k == kind).map(|(_, value)| value))
}

/// The error number in the body of an NLMSG_ERROR or NLMSG_DONE (0: none), and what stands behind it: in an
/// NLMSG_ERROR, the message that it answers.
pub(crate) fn error(body: &[u8]) -> Option<(u16, &[u8])> {
    let (number, request) = body.split_first_chunk()?;
    Some((i32::from_ne_bytes(*number).unsigned_abs().try_into().ok()?, request))
}
