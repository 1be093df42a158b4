//! The bounds of moving in: what an old server can make us hold and wait for, and how often it is asked.

use std::time::Duration;

// ---- Fetching from another POP3 server --------------------------------------------------------

/// Addresses of one host that are tried one after the other.
pub const CONNECT_ADDRESSES_MAX: usize = 8;
/// How long a server may take to accept a connection; Linux tries for two minutes.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an answer may take, from one octet to the next: a large mbox is read before a login's.
pub const FETCH_ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// How long one may take before the password is asked about: nothing is read for it but a name server. Past
/// the 30 seconds that some wait on purpose, to be rid of spammers.
pub const FETCH_GREETING_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a mailbox that is in use is tried again.
pub const FETCH_IN_USE_PATIENCE: Duration = Duration::from_secs(30);
/// How long lies between two such tries.
pub const FETCH_IN_USE_PAUSE: Duration = Duration::from_secs(3);
/// Connections that break without a whole message having come through, before it is given up.
pub const FETCH_TRIES_MAX: u32 = 5;
/// Connections that break in one and the same message, before the others come over without it.
pub const FETCH_TRIES_OF_ONE_MAX: u32 = 3;
/// Commands that are sent ahead of their answers. They must fit into what the sockets hold, or both sides
/// wait for the other to read: 64 of them have about 1 KiB.
pub const FETCH_AHEAD_MAX: usize = 64;
/// A list of mailboxes to be pulled: 100,000 lines and some over.
pub const PULL_LIST_MAX: u64 = 16 * 1024 * 1024;
/// Mailboxes of such a list that are pulled at the same time: each is a session at the old server, which
/// goes on serving its users meanwhile.
pub const PULL_MAILBOXES: u8 = 4;
/// Octets of a header line by which a message is known again that are kept until it is clear which field it is:
/// as [`NOTE_NAME_MAX`]. What is longer is hashed as it comes.
pub const FETCH_LINE_KEPT: usize = NOTE_NAME_MAX;
/// Differences that a comparison names; the others are counted.
pub const DIFFERENCES_SHOWN_MAX: usize = 20;
/// Octets that are read at once.
pub const FETCH_CHUNK: usize = 64 * 1024;
/// RFC 2449, 4: octets of a command, the line end counted; an old server may take no more.
pub const POP3_COMMAND_MAX: usize = 255;
/// Octets of a status line; RFC 2449, 4 allows 512, and its words are cut anyway.
pub const FETCH_LINE_MAX: usize = 4096;
/// Characters of a server's words that are shown.
pub const FETCH_WORDS_MAX: usize = 200;
/// Octets of a whole LIST or UIDL: a million messages under unique-ids of 70 octets, and some over.
pub const FETCH_LISTING_MAX: u64 = 128 * 1024 * 1024;
/// Messages of one mailbox. The largest that people write of have a tenth of it.
pub const FETCH_MESSAGES_MAX: usize = 1_000_000;
/// Octets of one message: the largest that Dovecot and Courier send.
pub const FETCH_MESSAGE_MAX: u64 = 4 * 1024 * 1024 * 1024;

// ---- The live move --------------------------------------------------------------------------

/// How long a first login waits for its mail from an old server, before it is relayed there. Mail
/// programs wait for an answer to PASS for 30 seconds at least.
pub const UPSTREAM_WAIT_DEFAULT: Duration = Duration::from_secs(10);
/// How long a login of a moved account waits for newcomers at the old server: five seconds are promised, and some
/// of them go to the password and to the listing here.
pub const NEWCOMERS_WAIT: Duration = Duration::from_millis(4500);
/// How much of it is kept for the last step of what takes too long, which keeps sessions out for a moment.
pub const NEWCOMERS_STOP_WAIT: Duration = Duration::from_millis(500);
/// How often that is looked at meanwhile.
pub const NEWCOMERS_STOP_POLL: Duration = Duration::from_millis(10);
/// Mailboxes whose newcomers go on to come when nobody waits for them any more: half of [`PULL_JOBS_MAX`], so that
/// a slow old server leaves room for those who wait.
pub const NEWCOMERS_BEHIND_MAX: usize = PULL_JOBS_MAX / 2;
/// Refusals of a moved account's password in a row, before the old server is left alone with it for a while: one
/// may be a mistake there, and fail2ban bans at the fifth within ten minutes as it is delivered.
pub const REFUSED_BEFORE_REST: u32 = 3;
/// How long that while is at first, so that fail2ban has forgotten them; after each further refusal it is twice
/// as long.
pub const REFUSED_REST_FIRST: Duration = Duration::from_secs(600);
/// The longest of these rests: six questions a day, which nobody takes for guesses, and newcomers are seen on
/// the same day when the old server is mended.
pub const REFUSED_REST_MAX: Duration = Duration::from_secs(4 * 3600);
/// Such passwords that are remembered at once.
pub const REFUSED_MAX: usize = 10_000;
/// How long an old server may take for a greeting, a handshake, a login: a mail program waits for us
/// meanwhile, and gives up after 30 seconds at the earliest.
pub const UPSTREAM_ANSWER_WAIT: Duration = Duration::from_secs(20);
/// Connections to old servers at once, for logins and relayed sessions. To an old server all of them come
/// from one address; Dovecot's processes end at 1000, its connections of one user from one address at 10.
pub const UPSTREAM_CONNECTIONS_MAX: usize = 200;
/// Octets that these connections list and hold, all together: as much as one listing may have
/// ([`FETCH_LISTING_MAX`]). A message takes some 25 octets of it, and 100 to 200 in memory, so that this is up to
/// a GiB; without it 200 logins could hold 200 times that.
pub const UPSTREAM_LISTINGS_MAX: u64 = FETCH_LISTING_MAX;
/// Octets of a listing that nobody is kept waiting for: some 2,500 messages and half a MiB in memory, at the
/// very most 9,000 with the shortest lines there are, which 200 connections may have beside what large ones take.
pub const UPSTREAM_LISTING_SMALL: u64 = 64 * 1024;
/// How long `upstream add` waits, in all, for a word of the old server that it names: a person is waiting, and
/// it is added all the same.
pub const UPSTREAM_ADD_WAIT: Duration = Duration::from_secs(5);
/// How often `upstream list --watch` looks.
pub const UPSTREAM_LIST_EVERY: Duration = Duration::from_secs(2);
/// Accounts that `upstream remove` names when it refuses; `upstream list` has them all.
pub const UNMOVED_SHOWN_MAX: usize = 3;
/// Octets that may come from an old server in a second, to judge whether a mailbox can come over while a
/// mail program waits: a fast line, so that a slow one is noticed by what comes and not by a guess.
pub const PULL_OCTETS_A_SECOND: u64 = 8 * 1024 * 1024;
/// When the speed of a pull tells how long the rest will take.
pub const PULL_JUDGED_AFTER: Duration = Duration::from_secs(1);
/// How often it is looked at while a mail program waits.
pub const PULL_LOOKED_AT: Duration = Duration::from_millis(100);
/// Mailboxes that are pulled at once, waited for or not; each takes a thread, of which the runtime has 500.
pub const PULL_JOBS_MAX: usize = 100;
/// How long a login waits for a pull that it has stopped.
pub const PULL_STOP_WAIT: Duration = Duration::from_secs(5);
/// How often a pull is tried behind one relayed session; then the next login tries it again.
pub const PULL_TRIES_MAX: usize = 5;
/// How long lies between two such tries.
pub const PULL_PAUSE: Duration = Duration::from_secs(60);
/// How long an old server may take to notice that our last session there is over.
pub const UPSTREAM_IN_USE_WAIT: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile.
pub const UPSTREAM_IN_USE_PAUSE: Duration = Duration::from_millis(250);
/// Mailboxes that are pulled at once behind a relayed session.
pub const PULLS_MAX: usize = 4;
/// Commands of a relayed session that wait for their answers before the next is read: a mail program that
/// asks without end must not make both servers wait for each other.
pub const RELAYED_COMMANDS_MAX: usize = 64;

// ---- Moving in ------------------------------------------------------------------------------

/// Messages in the index of one old mailbox, as on the wire: a user whose file is nothing but From lines must
/// not take the memory of a whole server's move.
pub const IMPORT_MESSAGES_MAX: usize = FETCH_MESSAGES_MAX;
/// Links that are followed on the way to an old mailbox; Linux follows as many (path_resolution(7)).
pub const IMPORT_LINKS_MAX: usize = 40;
/// How deep folders of an old Maildir lie in folders. Maildir++ has all of them side by side, Dovecot's
/// `LAYOUT=fs` nests them as its users do, and nobody goes beyond a few. No circle: links are not followed.
pub const SUBFOLDER_DEPTH_MAX: usize = 16;
/// How often a folder of an old Maildir is listed, if the old server changes it under our eyes: a busy one
/// changes it all the time, and what it brings meanwhile comes with the next import.
pub const LISTINGS_OF_A_FOLDER_MAX: u32 = 3;
/// Octets of a field's name, blanks before the colon included, that a mail server or program notes something in:
/// `X-Mozilla-External-Attachment-URL` has 33, and what is much longer is none of them.
pub const NOTE_NAME_MAX: usize = 64;
/// Octets of a line in an mbox by which it is judged: whether it parts two messages, and what a header line
/// says. Dovecot looks at 4096 octets at least, mailutils at 1024.
pub const MBOX_LINE_HEAD: usize = 4096;
/// How long a lock on an mbox is waited for: a delivery takes a second, a session that holds on to its lock
/// may take for ever.
pub const MBOX_LOCK_WAIT: Duration = Duration::from_secs(30);
/// How often it is tried meanwhile.
pub const MBOX_LOCK_PAUSE: Duration = Duration::from_millis(100);
