//! The table in the kernel: found again, taken over or made, and put back when somebody else has changed it.
//!
//! Runs in: the enforcer. In: what the kernel says of the table. Out: batches of `ruleset`; the table's id, and whether its
//! sets lost what they held. Never: deletes an element of a table that it can recognise and complete.
use super::element::{TABLE, left_s};
use super::netlink::Attr::{Bytes, Text, U32};
use super::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, attribute};
use super::ruleset::{self, CHAIN, sets};
use super::socket::{NF_TABLES, Socket, message};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shims::clock::random;
use bailiff::shims::{errno::Errno, fd::Fd, sockets::netlink_port};

/// Kinds of messages (linux/netfilter/nf_tables.h, 6.18).
const NFT_MSG_NEWTABLE: u16 = 0;
const GETTABLE: u16 = NF_TABLES | 1;
const NFT_MSG_DELTABLE: u16 = 2;
const GETCHAIN: u16 = NF_TABLES | 4;
const GETRULE: u16 = NF_TABLES | 7;
const GETSET: u16 = NF_TABLES | 10;
const NFT_MSG_DELSET: u16 = 11;
/// NFT_TABLE_F_OWNER and NFT_TABLE_F_PERSIST (6.9), never one without the other: a table that has only an owner goes
/// with it. Where they are not to be had: no flag, or that of a table that was locked once and is not any more.
const FLAGS: [u32; 3] = [2 | 4, 0, 4];
/// What stands before the id in the table's user data: a type that nft does not know and skips, the length of the
/// value, the value's first bytes.
const MAGIC: &[u8] = b"\xba\x17bailiff";

/// Shortest time between two looks.
const PAUSE_NS: u64 = 250_000_000;
/// How often it is tried to put the table up while others change the ruleset.
const TRIES: u32 = 16;

/// The table as it should be, and how it was when it was last put so.
pub(crate) struct Table<'a> {
    terms: &'a Terms,
    /// Socket for requests, in no multicast group.
    pub kernel: Socket,
    /// Its port: events that bear it are our own doing.
    port: u32,
    /// Socket in the group of nf_tables events.
    pub events: Socket,
    /// The id of the table in the kernel.
    pub id: [u8; 16],
    /// The id of the next table to be made.
    spare: u128,
    lock: bool,
    print: u64,
    /// When it is to be looked at; `None`: there is no reason to.
    pub look_ns: Option<u64>,
    rested_ns: u64,
}

impl<'a> Table<'a> {
    /// Over a socket for requests and one for events; nothing is sent yet.
    pub(crate) fn new(terms: &'a Terms, requests: Fd, events: Fd) -> Result<Self, Errno> {
        let (mut spare, port) = ([0; 16], netlink_port(&requests)?);
        random(&mut spare)?;
        let (kernel, events, spare) =
            (Socket::new(requests)?, Socket::new(events)?, u128::from_le_bytes(spare));
        let (id, lock, print, look_ns, rested_ns) = ([0; 16], terms.lock_table, 0, None, 0);
        Ok(Self { terms, kernel, port, events, id, spare, lock, print, look_ns, rested_ns })
    }

    /// Puts the table up. True: bans must be sent again.
    pub(crate) fn start(&mut self, log: &Log) -> Result<bool, Errno> {
        let mut tries = (0..TRIES).map(|_| self.establish(log));
        let fresh = tries.find(|tried| *tried != Err(Errno::EINTR)).unwrap_or(Err(Errno::EBUSY))?;
        log.say(
            Level::Notice,
            if fresh { "table inet bailiff made" } else { "table inet bailiff taken over" },
        );
        // Somebody may have changed it while it was put up.
        self.look_ns = Some(0);
        Ok(fresh)
    }

    /// Takes the events that are there: what others did, or what was lost, calls for a look.
    pub(crate) fn watch(&mut self, now_ns: u64) -> Result<(), Errno> {
        let mut foreign = false;
        let lost = self.events.drain(|header, _| foreign |= header.port != self.port)?;
        if foreign || lost {
            self.look_ns = Some(self.rested_ns.max(now_ns));
        }
        Ok(())
    }

    /// Looks at the table if that is due, and puts it back when it is not as it was. True: bans must be sent again.
    pub(crate) fn look(&mut self, now_ns: u64, log: &Log) -> Result<bool, Errno> {
        if self.look_ns.is_none_or(|due| due > now_ns) {
            return Ok(false);
        }
        (self.look_ns, self.rested_ns) = (None, now_ns.saturating_add(PAUSE_NS));
        let looked = match self.is_intact() {
            Ok(true) => return Ok(false),
            Ok(false) => self.establish(log),
            Err(errno) => Err(errno),
        };
        match looked {
            Ok(_) => log.say(Level::Warning, "ruleset was changed from outside: table put back"),
            // Others change it at this very moment: the next look is what helps.
            Err(Errno::EINTR | Errno::ENOBUFS) => {
                self.look_ns = Some(self.rested_ns);
                return Ok(false);
            }
            Err(_) => (),
        }
        looked
    }

    /// Puts everything as it must be. True: sets were made, or made anew, so all bans must be sent again.
    /// `Err(EINTR)`: somebody changes the ruleset just now; try again.
    fn establish(&mut self, log: &Log) -> Result<bool, Errno> {
        let mut id = None;
        let there = match self.kernel.ask(GETTABLE, 0, &[TABLE], |_, table| {
            let data = attribute(table, &[6]); // NFTA_TABLE_USERDATA
            id = data.and_then(|data| data.strip_prefix(MAGIC)).and_then(|id| id.try_into().ok());
        }) {
            Err(Errno::ENOENT) => false,
            other => other.map(|()| true)?,
        };
        if let Some(id) = id {
            self.id = id;
            match self.adopt(log) {
                Ok(fresh) => return Ok(fresh),
                Err(Errno::EINTR) => return Err(Errno::EINTR),
                Err(errno) => {
                    log.refused(Level::Warning, "table inet bailiff is not as it was left, made anew", errno)
                }
            }
        }
        // Never the same id twice: whoever knows it knows what the sets held when it was made.
        self.id = self.spare.to_le_bytes();
        self.spare = self.spare.wrapping_add(1);
        self.claim(log, there)?;
        self.write()?;
        Ok(true)
    }

    /// Takes the table over with its elements; whether a set was missing. EPROTO: one was emptied or is of another size,
    /// so the table is not what its id stands for.
    fn adopt(&mut self, log: &Log) -> Result<bool, Errno> {
        let mut fresh = false;
        for (_, set, width) in sets(self.terms) {
            let (Some(width), mut size) = (width, None) else { continue };
            // NFTA_SET_NAME; NFTA_SET_DESC, NFTA_SET_DESC_SIZE
            let note = |_, set: &[u8]| {
                size = attribute(set, &[9, 1]).map(|size| size == ruleset::size(self.terms).to_be_bytes())
            };
            let there = match self.kernel.ask(GETSET, 0, &[TABLE, Text(2, set)], note) {
                Err(Errno::ENOENT) => false,
                other => other.map(|()| true)?,
            };
            fresh |= !there;
            if there && (size != Some(true) || left_s(&mut self.kernel, set, width.sentinel())?.is_none()) {
                return Err(Errno::EPROTO);
            }
        }
        self.claim(log, false)?;
        self.write()?;
        Ok(fresh)
    }

    /// Makes the table, or becomes its owner, by a batch of its own, so that a kernel without the flags can say so.
    fn claim(&mut self, log: &Log, replace: bool) -> Result<(), Errno> {
        let mut result = Ok(());
        for flags in FLAGS.into_iter().skip(usize::from(!self.lock)) {
            // NFTA_TABLE_FLAGS, NFTA_TABLE_USERDATA
            let table = [TABLE, U32(2, flags), Bytes(6, [MAGIC, &self.id])];
            let acks = self.kernel.transact(1, |w, seq| {
                if replace {
                    message(w, NFT_MSG_DELTABLE, 0, seq, &[TABLE]);
                }
                message(w, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, seq, &table);
            })?;
            result = acks.result();
            let Err(errno @ (Errno::EOPNOTSUPP | Errno::EINVAL)) = result else { break };
            if core::mem::take(&mut self.lock) {
                log.refused(Level::Warning, "lock_table: no flags owner and persist here", errno);
            }
        }
        result
    }

    /// Writes all the table holds, then deletes the sets in it that nobody asks for any more.
    fn write(&mut self) -> Result<(), Errno> {
        let acks = self.kernel.transact(1, |w, seq| {
            ruleset::write(w, seq, self.terms);
            // Naming the table once more changes nothing and asks for the batch's one ack.
            message(w, NFT_MSG_NEWTABLE, NLM_F_ACK, seq, &[TABLE]);
        })?;
        acks.result()?;
        // At most five of each jail that there was, and its ports.
        for _ in 0..192 {
            let (mut gone, mut len) = ([0; 256], 0);
            self.kernel.ask(GETSET, NLM_F_DUMP, &[TABLE], |_, set| {
                let name = attribute(set, &[2]).and_then(|name| name.strip_suffix(&[0])).unwrap_or(&[]);
                if !sets(self.terms).any(|(_, [jail, suffix], _)| name.strip_prefix(jail) == Some(suffix)) {
                    gone.iter_mut().zip(name).for_each(|(slot, b)| *slot = *b);
                    len = name.len();
                }
            })?;
            let Some(gone) = gone.get(..len).filter(|name| !name.is_empty()) else { break };
            let delete = [TABLE, Text(2, [gone, b""])];
            self.kernel
                .transact(1, |w, seq| message(w, NFT_MSG_DELSET, NLM_F_ACK, seq, &delete))?
                .result()?;
        }
        // Where it cannot be had, the next look differs, and the table is put so once more.
        self.print = print(&mut self.kernel).unwrap_or(0);
        Ok(())
    }

    /// Whether table, chain, rules, sentinels and ports are as they were put.
    fn is_intact(&mut self) -> Result<bool, Errno> {
        match print(&mut self.kernel) {
            Ok(print) if print == self.print => (),
            Ok(_) | Err(Errno::ENOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        for (jail, set, width) in sets(self.terms) {
            let mut holds = |key: &[u8]| Ok(left_s(&mut self.kernel, set, key)?.is_some());
            let whole = match width {
                Some(width) => holds(width.sentinel())?,
                None => {
                    jail.ports().try_fold(true, |whole, port| Ok(whole && holds(&port.to_be_bytes())?))?
                }
            };
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A hash of all that the kernel says of table, chain and rules, handles included: it differs when anything was changed,
/// replaced or added. FNV-1a: against mistakes, not against a rival root, who needs no collision.
fn print(kernel: &mut Socket) -> Result<u64, Errno> {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |_, answer: &[u8]| {
        answer.iter().for_each(|b| hash = (hash ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    };
    kernel.ask(GETTABLE, 0, &[TABLE], &mut add)?;
    kernel.ask(GETCHAIN, 0, &[TABLE, Text(3, CHAIN)], &mut add)?; // NFTA_CHAIN_NAME
    kernel.ask(GETRULE, NLM_F_DUMP, &[TABLE, Text(2, CHAIN)], &mut add)?; // NFTA_RULE_CHAIN
    Ok(hash)
}
