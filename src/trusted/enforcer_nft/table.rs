//! The table in the kernel: found again, taken over or made, and put back when somebody else has changed it.
//!
//! Runs in: the enforcer. In: what the kernel says of the table. Out: batches of `ruleset`; the table's id, and whether its
//! sets lost what they held. Never: deletes an element of a table that it can recognise and complete.
use super::commit::{Kernel, message};
use super::element::{NFTA_LIST_ELEM, NFTA_SET, NFTA_TABLE, TABLE, holds, key, one};
use super::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, attribute};
use super::ruleset::{self, CHAIN, NFTA_CHAIN_NAME, NFTA_RULE_CHAIN};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shims::errno::Errno;

/// Message kinds, attributes and flags (linux/netfilter/nf_tables.h, 6.18).
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_GETTABLE: u16 = 1;
const NFT_MSG_DELTABLE: u16 = 2;
const NFT_MSG_GETCHAIN: u16 = 4;
const NFT_MSG_GETRULE: u16 = 7;
const NFT_MSG_GETSET: u16 = 10;
const NFTA_TABLE_FLAGS: u16 = 2;
const NFTA_TABLE_USERDATA: u16 = 6;
/// NFT_TABLE_F_OWNER and NFT_TABLE_F_PERSIST (6.9), never one without the other: a table that has only an owner
/// goes with it.
const OWNER_PERSIST: u32 = 2 | 4;
/// What stands before the id in the table's user data: a type that nft does not know and skips, the length of the
/// value, the value's first bytes.
const MAGIC: [u8; 9] = [0xba, 23, b'b', b'a', b'i', b'l', b'i', b'f', b'f'];
/// Sets of ours that a configuration no longer asks for, at most; each name with its NUL.
const GONE: usize = 192;

/// The table as it should be, and how it was when it was last put so.
#[derive(Debug)]
pub struct Table<'a> {
    terms: &'a Terms,
    /// The id of the table in the kernel.
    pub id: [u8; 16],
    /// The id of the next table to be made.
    spare: [u8; 16],
    lock: bool,
    print: u64,
}

/// What was found of the table.
enum Found {
    Nothing,
    Foreign,
    Ours([u8; 16]),
}

impl<'a> Table<'a> {
    /// For these terms; `spare` is a random id.
    pub fn new(terms: &'a Terms, spare: [u8; 16]) -> Self {
        Self { terms, id: [0; 16], spare, lock: terms.lock_table, print: 0 }
    }

    /// Puts everything as it must be. True: sets were made, or made anew, so all bans must be sent again.
    pub fn establish(&mut self, kernel: &mut Kernel, log: &Log) -> Result<bool, Errno> {
        let found = find(kernel)?;
        if let Found::Ours(id) = found {
            self.id = id;
            match self.adopt(kernel, log) {
                Ok(Some(fresh)) => return Ok(fresh),
                Ok(None) => (),
                Err(errno) => log.refused(Level::Warning, "table inet bailiff cannot be taken over, made anew", errno),
            }
        }
        self.id = self.spare;
        let (_, count) = self.spare.split_at_mut(12);
        if let Some(count) = count.first_chunk_mut() {
            *count = u32::from_le_bytes(*count).wrapping_add(1).to_le_bytes();
        }
        self.claim(kernel, log, !matches!(found, Found::Nothing))?;
        self.write(kernel, &[])?;
        Ok(true)
    }

    /// Takes the table over with its elements. `None`: a set was emptied, so the table is not what its id stands for.
    fn adopt(&mut self, kernel: &mut Kernel, log: &Log) -> Result<Option<bool>, Errno> {
        let mut gone = [[0u8; 32]; GONE];
        let mut gone_count = 0usize;
        let mut there = [false; GONE];
        kernel.ask(
            NFT_MSG_GETSET,
            NLM_F_DUMP,
            |w| w.text(NFTA_TABLE, [TABLE, b""]),
            |set| {
                let name = attribute(set, NFTA_SET).and_then(|n| n.strip_suffix(&[0])).unwrap_or(&[]);
                let wanted = ruleset::sets(self.terms).position(|(_, set, _)| {
                    let [jail, suffix] = set;
                    name.strip_prefix(jail) == Some(suffix)
                });
                match (wanted.and_then(|at| there.get_mut(at)), gone.get_mut(gone_count)) {
                    (Some(there), _) => *there = true,
                    (None, Some(slot)) => {
                        slot.iter_mut().zip(name).for_each(|(slot, b)| *slot = *b);
                        gone_count = gone_count.wrapping_add(1);
                    }
                    (None, None) => (),
                }
            },
        )?;
        let mut fresh = false;
        for ((_, set, width), there) in ruleset::sets(self.terms).zip(there) {
            let Some(width) = width else { continue };
            fresh |= !there;
            if there && !holds(kernel, set, |w| one(w, key(&width.sentinel()), |_| ()))? {
                return Ok(None);
            }
        }
        self.claim(kernel, log, false)?;
        self.write(kernel, gone.get(..gone_count).unwrap_or(&[]))?;
        Ok(Some(fresh))
    }

    /// Makes the table, or becomes its owner, by a batch of its own, so that a kernel without the flags can say so.
    fn claim(&mut self, kernel: &mut Kernel, log: &Log, replace: bool) -> Result<(), Errno> {
        loop {
            let acks = kernel.transact(1, |w, seq| {
                if replace {
                    message(w, NFT_MSG_DELTABLE, 0, seq, |w| w.text(NFTA_TABLE, [TABLE, b""]));
                }
                message(w, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, seq, |w| {
                    w.text(NFTA_TABLE, [TABLE, b""]);
                    if self.lock {
                        w.be32(NFTA_TABLE_FLAGS, OWNER_PERSIST);
                    }
                    w.attr(NFTA_TABLE_USERDATA, &[&MAGIC, &self.id]);
                });
            })?;
            match acks.result() {
                Err(errno @ (Errno::EOPNOTSUPP | Errno::EINVAL)) if self.lock => {
                    self.lock = false;
                    log.refused(Level::Warning, "lock_table: flags owner, persist are not to be had", errno);
                }
                other => return other,
            }
        }
    }

    fn write(&mut self, kernel: &mut Kernel, gone: &[[u8; 32]]) -> Result<(), Errno> {
        let gone = gone.iter().map(|name| name.split(|b| *b == 0).next().unwrap_or(&[]));
        let acks = kernel.transact(1, |w, seq| {
            ruleset::write(w, seq, self.terms, gone);
            // Naming the table once more changes nothing and asks for the batch's one ack.
            message(w, NFT_MSG_NEWTABLE, NLM_F_ACK, seq, |w| w.text(NFTA_TABLE, [TABLE, b""]));
        })?;
        acks.result()?;
        self.print = print(kernel)?;
        Ok(())
    }

    /// Whether table, chain, rules, sentinels and ports are as they were put.
    pub fn is_intact(&self, kernel: &mut Kernel) -> Result<bool, Errno> {
        match print(kernel) {
            Ok(print) if print == self.print => (),
            Ok(_) | Err(Errno::ENOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        for (jail, set, width) in ruleset::sets(self.terms) {
            let whole = match width {
                Some(width) => holds(kernel, set, |w| one(w, key(&width.sentinel()), |_| ()))?,
                None => holds(kernel, set, |w| ruleset::write_ports(w, jail))?,
            };
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn find(kernel: &mut Kernel) -> Result<Found, Errno> {
    let mut found = Found::Foreign;
    let answer = kernel.ask(
        NFT_MSG_GETTABLE,
        0,
        |w| w.text(NFTA_TABLE, [TABLE, b""]),
        |table| {
            let id = attribute(table, NFTA_TABLE_USERDATA).and_then(|data| data.strip_prefix(&MAGIC));
            if let Some(id) = id.and_then(|id| id.try_into().ok()) {
                found = Found::Ours(id);
            }
        },
    );
    match answer {
        Ok(()) => Ok(found),
        Err(Errno::ENOENT) => Ok(Found::Nothing),
        Err(errno) => Err(errno),
    }
}

/// A hash of all that the kernel says of table, chain and rules, handles included: it differs when anything was changed,
/// replaced or added. FNV-1a: against mistakes, not against a rival root, who needs no collision.
fn print(kernel: &mut Kernel) -> Result<u64, Errno> {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |answer: &[u8]| {
        for b in answer {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
        }
    };
    kernel.ask(NFT_MSG_GETTABLE, 0, |w| w.text(NFTA_TABLE, [TABLE, b""]), &mut add)?;
    for (kind, flags, name) in [(NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_NAME), (NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_CHAIN)] {
        let chain = |w: &mut super::netlink::Writer<'_>| {
            w.text(NFTA_TABLE, [TABLE, b""]);
            w.text(name, [CHAIN, b""]);
        };
        kernel.ask(kind, flags, chain, &mut add)?;
    }
    Ok(hash)
}
