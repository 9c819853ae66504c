//! nf_tables as the probe needs it: events of new elements, and for the floor one table, one set, one element a batch.
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::sockets::{self, Buffer};

/// NFNLGRP_NFTABLES, group 7 (linux/netfilter/nfnetlink.h, 6.18), as a bit.
const NFTABLES: u32 = 1 << 6;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const NESTED: u16 = 0x8000;

/// Hears of every change to nf_tables in this network namespace.
pub(crate) struct Events {
    pub(crate) fd: Fd,
    buf: Vec<u8>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let fd = sockets::netlink(sockets::NETLINK_NETFILTER, NFTABLES).expect("netlink");
        // Bans by the ten thousand must not overrun it; in a user namespace the default has to do.
        let _ = sockets::buffer(&fd, Buffer::ReceiveForce, 64 << 20);
        Self { fd, buf: vec![0; 1 << 17] }
    }

    /// Whether the next datagram tells of this address as a key; `None` when there is none.
    pub(crate) fn next(&mut self, addr: [u8; 4]) -> Option<bool> {
        match sockets::receive(&self.fd, &mut self.buf, false) {
            Ok(len) => {
                let [a, b, c, d] = addr;
                // NFTA_DATA_VALUE of four bytes: length 8, number 1.
                let value = [8, 0, 1, 0, a, b, c, d];
                let datagram = &self.buf[..len.min(self.buf.len())];
                Some(datagram.windows(8).any(|w| w == value))
            }
            Err(Errno::EAGAIN) => None,
            Err(errno) => panic!("events: {}", errno.name()),
        }
    }

    /// Forgets what came so far.
    pub(crate) fn drain(&mut self) {
        while self.next([0; 4]).is_some() {}
    }
}

/// Messages in a growing buffer.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn message(&mut self, kind: u16, flags: u16, seq: u32, head: [u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        self.0.extend(kind.to_ne_bytes());
        self.0.extend((flags | 1).to_ne_bytes());
        self.0.extend(seq.to_ne_bytes());
        self.0.extend([0; 4]);
        self.0.extend(head);
        fill(self);
        let len = (self.0.len() - start) as u32;
        self.0[start..start + 4].copy_from_slice(&len.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        fill(self);
        let len = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |b| b.0.extend(value));
    }
}

/// The floor's table `inet floor` with its set `s`.
pub(crate) struct Table {
    fd: Fd,
    seq: u32,
    buf: Bytes,
    answer: Vec<u8>,
}

impl Table {
    /// Makes both (linux/netfilter/nf_tables.h, 6.18: NFT_MSG_NEWTABLE, NFT_MSG_NEWSET).
    pub(crate) fn new() -> Self {
        let fd = sockets::netlink(sockets::NETLINK_NETFILTER, 0).expect("netlink");
        let mut table = Self { fd, seq: 0, buf: Bytes::default(), answer: vec![0; 8192] };
        table.batch(0, |b| b.bytes(1, b"floor\0"));
        table.batch(9, |b| {
            b.bytes(1, b"floor\0");
            b.bytes(2, b"s\0");
            b.bytes(3, &0x10u32.to_be_bytes()); // NFT_SET_TIMEOUT
            b.bytes(4, &7u32.to_be_bytes()); // ipv4_addr, as nft shows it
            b.bytes(5, &4u32.to_be_bytes());
            b.bytes(10, &1u32.to_be_bytes());
        });
        table
    }

    /// Bans an address for an hour: NFT_MSG_NEWSETELEM.
    pub(crate) fn ban(&mut self, addr: [u8; 4]) {
        self.batch(12, |b| {
            b.bytes(1, b"floor\0");
            b.bytes(2, b"s\0");
            b.attribute(3 | NESTED, |b| {
                b.attribute(1 | NESTED, |b| {
                    b.attribute(1 | NESTED, |b| b.bytes(1, &addr));
                    b.bytes(4, &3_600_000u64.to_be_bytes());
                });
            });
        });
    }

    /// One message in a batch of its own, and the kernel's acknowledgement.
    fn batch(&mut self, kind: u16, fill: impl FnOnce(&mut Bytes)) {
        self.seq += 1;
        self.buf.0.clear();
        self.buf.message(16, 0, 0, [0, 0, 0, 10], |_| ());
        self.buf.message(10 << 8 | kind, NLM_F_ACK | NLM_F_CREATE, self.seq, [1, 0, 0, 0], fill);
        self.buf.message(17, 0, 0, [0, 0, 0, 10], |_| ());
        sockets::send(&self.fd, &self.buf.0, false).expect("netlink send");
        let len = loop {
            match sockets::receive(&self.fd, &mut self.answer, false) {
                Ok(len) => break len,
                Err(Errno::EAGAIN) => {
                    ppoll(&mut [PollFd::readable(&self.fd)], None).expect("ppoll");
                }
                Err(errno) => panic!("netlink: {}", errno.name()),
            }
        };
        let error = i32::from_ne_bytes(self.answer[..len][16..20].try_into().expect("four bytes"));
        assert_eq!(error, 0, "the kernel refused message {kind}");
    }
}
