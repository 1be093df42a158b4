//! Every fixed bound of the server: its value, where it comes from, and what it protects.
//!
//! "How much can a stranger make us hold, and for how long?" is answered on this page, and for old servers in
//! `limits/old_servers.rs`. Bounds that an operator may move stand in `config`; their defaults and their lawful ranges
//! stand here.

mod old_servers;

pub use old_servers::*;

use std::time::Duration;

// ---- Lines and addresses -------------------------------------------------------------------

/// RFC 5321, 4.5.3.1.4 asks for 512 octets; extensions add parameters, and RFC 4954 asks for
/// 12,288 only where SASL runs over SMTP, which it does not here.
pub const SMTP_LINE_MAX: usize = 2048;
/// RFC 2449, 4 allows 255 octets for a POP3 command; RFC 5034, 4 lets a SASL answer be longer, so
/// does a password that fills its own bound when written in base64.
pub const POP3_LINE_MAX: usize = 4096;
/// RFC 5321, 4.5.3.1.1, of an account and of a recipient. A sender's has what [`PATH_MAX`] leaves: lists write
/// their recipient into it.
pub const LOCAL_PART_MAX: usize = 64;
/// RFC 5321, 4.5.3.1.2; RFC 1035, 2.3.4 has the same number.
pub const DOMAIN_MAX: usize = 255;
/// RFC 1035, 2.3.4.
pub const DOMAIN_LABEL_MAX: usize = 63;
/// RFC 5321, 4.5.3.1.3, the angle brackets counted.
pub const PATH_MAX: usize = 256;
/// RFC 1939, 7.
pub const UNIQUE_ID_MAX: usize = 70;
/// A unique-id of another server: longer than any file name (255), which is what the longest of them are
/// made of, with each octet written as three (Courier's `+XX`).
pub const CARRIED_ID_MAX: usize = 768;
/// A unique-id of another server in a file name, as it is encoded there: a name has 255 bytes, and our part
/// of it, two sizes of 20 digits and [`FLAGS_ROOM`] take 155 of them. A longer one stands in the ledger.
pub const CARRIED_IN_NAME_MAX: usize = 100;
/// Bytes of a file name that are left to flags: `:2,`, the seven of the convention, and Dovecot's 26.
pub const FLAGS_ROOM: usize = 36;
/// A password longer than this is refused before it is hashed: PBKDF2 takes any length, but the
/// line it comes on does not, and a megabyte of password is an attack.
pub const PASSWORD_MAX: usize = 1024;
/// RFC 5321, 4.5.3.1.5 asks for 512 octets in a reply line.
pub const SMTP_REPLY_LINE_MAX: usize = 512;

// ---- One SMTP or LMTP session ---------------------------------------------------------------

/// Mistakes before a peer is told so and dropped; Postfix's `smtpd_hard_error_limit` is 20.
pub const SMTP_ERRORS_MAX: u32 = 20;
/// Recipients that are not ours, on one connection, before each further answer is slowed (harvesting,
/// and the search for an open relay).
pub const UNKNOWN_RECIPIENTS_BEFORE_DELAY: u32 = 10;
/// Recipients that are not ours, on one connection, before it is closed.
pub const UNKNOWN_RECIPIENTS_MAX: u32 = 50;
/// How long the answer to one more unknown recipient waits, once they are slowed.
pub const UNKNOWN_RECIPIENT_DELAY: Duration = Duration::from_secs(2);
/// RFC 5321, 4.5.3.1.10: at least 100 recipients must be taken.
pub const RECIPIENTS_DEFAULT: usize = 100;
/// A field name longer than this is none that the header filter looks for (`Return-Path` and the
/// blanks that RFC 5322, 4.5 allows behind it), and is let through at once.
pub const FIELD_NAME_MAX: usize = 32;
/// RFC 5321, 6.3: "large numbers of Received:" mean a loop; it suggests at least 100.
pub const RECEIVED_LINES_MAX: usize = 100;
/// RFC 5321, 4.5.3.2: five minutes for a command, ten for the answer after the data.
pub const SMTP_IDLE_DEFAULT: Duration = Duration::from_secs(300);
/// A whole message takes no longer than this, however slowly its octets drip in (slow writers), unless
/// `max_message_size` is so large that an honest sender may need longer.
pub const MESSAGE_TIME_MAX: Duration = Duration::from_secs(3600);
/// The octets a second with which a message of that size must be able to come: 128 kbit/s, the upload of the
/// slowest lines that mail comes over (first ADSL, a telephone at the edge of its cell). 1 GiB then has 18 hours.
pub const MESSAGE_RATE_MIN: u64 = 16 * 1024;
/// How long a stranger's SMTP greeting is held back, to see whether the peer talks before it (RFC 5321,
/// 3.1: a client waits). Who writes blindly does so at once, so a part of Postfix' six seconds finds
/// most of them, and no mail server takes notice: RFC 5321, 4.5.3.2.1 gives a greeting five minutes.
pub const EARLY_TALKER_WAIT: Duration = Duration::from_millis(500);
/// How long who talked too early waits to be refused.
pub const EARLY_TALKER_DELAY: Duration = Duration::from_secs(5);
/// Refusals of one connection that get a line in the log; the others are only counted, or a peer that
/// is refused in a loop would fill the disk.
pub const REFUSALS_LOGGED_MAX: u64 = 100;
/// RFC 1870: what is taken when nothing is configured.
pub const MESSAGE_SIZE_DEFAULT: u64 = 50 * 1024 * 1024;
/// RFC 5321, 4.5.3.1.7: a server must take messages of 64 K octets.
pub const MESSAGE_SIZE_MIN: u64 = 64 * 1024;
/// Aliases that are followed before a chain is taken for a loop; Postfix's
/// `virtual_alias_recursion_limit` is 1000, ours are written by hand.
pub const ALIAS_DEPTH_MAX: usize = 50;
/// Mailboxes one recipient may expand to through its aliases (Postfix: 1000).
pub const ALIAS_EXPANSION_MAX: usize = 1000;

/// Recipients that are known without a look into the database; one takes some 200 bytes.
pub const KNOWN_RECIPIENTS_MAX: usize = 10_000;
/// Mailboxes of one recipient that is kept so; longer lists are looked up each time.
pub const KNOWN_MAILBOXES_MAX: usize = 10;

// ---- One POP3 session -----------------------------------------------------------------------

/// RFC 1939, 3: an inactivity timer is at least ten minutes.
pub const POP3_IDLE_MIN: Duration = Duration::from_secs(600);
/// How long a connection may take to log in, STLS and wrong passwords counted; `pop3.idle_timeout` where that is
/// longer. Thunderbird keeps the connection while its user types another password into a dialog, which RFC 1939, 3
/// gives ten minutes. Without an end, twenty addresses that say CAPA now and then take all connections there are.
pub const POP3_LOGIN_TIME: Duration = POP3_IDLE_MIN;
/// Wrong commands before a peer is told so and dropped.
pub const POP3_ERRORS_MAX: u32 = 20;
/// Wrong passwords on one connection before it is closed. Thunderbird uses three for one typing
/// mistake and keeps the connection while it asks again.
pub const POP3_LOGIN_FAILURES_MAX: u32 = 10;
/// A second login from the same address takes the maildrop over from a session that has been
/// silent this long: a telephone that changed its network comes back before TCP notices.
pub const TAKE_OVER_AFTER: Duration = Duration::from_secs(120);

// ---- Connections, buffers, memory -----------------------------------------------------------

/// Connections at once for each protocol (Postfix: 100 processes; one costs us a few KiB).
pub const CONNECTIONS_DEFAULT: usize = 1000;
/// Connections at once from one IPv4 address or one IPv6 /64 (Postfix: 50).
pub const CONNECTIONS_PER_IP_DEFAULT: usize = 50;
/// Octets that are read at once from a peer that sends a message.
pub const READ_CHUNK: usize = 16 * 1024;
/// Octets that are read at once between two messages, when most connections wait for minutes: a command
/// has some thirty, and those that come in one piece rarely more.
pub const COMMAND_CHUNK: usize = 512;
/// Octets of a message that are held in memory before they go to the disk in one piece: most messages
/// are smaller, and cost one pass. It goes out when another [`READ_CHUNK`] would not fit, so this is three of
/// them: with two, a large message costs half as many passes again; with four, 500 senders at once held
/// 67 MiB in all.
pub const MESSAGE_BLOCK: usize = 48 * 1024;
/// The same for a few large messages at a time, which then cost a fifth of the passes: of 1 MiB over 4
/// connections a sixth more goes in, for a fifth less of processor time.
pub const MESSAGE_BLOCK_LARGE: usize = 240 * 1024;
/// Messages that have a [`MESSAGE_BLOCK_LARGE`] at a time: 2 MiB in all.
pub const MESSAGE_BLOCKS_LARGE_MAX: usize = 8;
/// Octets that are read at once in a POP3 session: some three hundred commands that were sent ahead.
pub const COMMANDS_CHUNK: usize = 4096;
/// How long a refused peer may take to accept the word that it is refused.
pub const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Handshakes at once with those who are over a limit on port 995, to say so: enough for a family that meets
/// its own limit. A flood finds them taken, and is closed without a word.
pub const REFUSED_HANDSHAKES_MAX: usize = 4;
/// How long each of them may take in all: a full handshake over a slow line.
pub const REFUSED_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a run of refused connections is told in the log.
pub const REFUSAL_LOG_EVERY: Duration = Duration::from_secs(10);
/// Octets that the kernel holds for a peer that does not take them (it doubles this for its own
/// bookkeeping). Left to itself it goes up to 4 MiB, and a thousand peers that never read take the memory
/// of the whole machine's TCP. At 100 ms of distance this still lets 3 MB go out each second.
pub const SEND_BUFFER: usize = 256 * 1024;
/// Reads and writes of one connection that did not have to wait, in a row, before it lets others have
/// their turn. A write is hardly more than [`OUTPUT_MAX`], so half a MiB: well below a millisecond.
pub const TURNS_IN_A_ROW: u32 = 8;
/// Octets that are read at once of a message above [`OUTPUT_MAX`]: it is on its way for a while, and each
/// piece costs a way to a disk thread and back.
pub const LARGE_BLOCK: usize = 256 * 1024;
/// What may stay of the room for answers while a client is silent.
pub const OUTPUT_KEPT: usize = 512;
/// Messages in one part of a long LIST or UIDL, between which other sessions have their turn: a third of
/// a millisecond. All of 500,000 in one piece would take a sixth of a second, and 30 MB.
pub const LIST_PART: usize = 1000;
/// Octets of answers that wait for a peer before its next command is looked at.
pub const OUTPUT_MAX: usize = 64 * 1024;
/// Small messages that are read ahead for a client that fetches one after the other, together not
/// more than [`OUTPUT_MAX`]: the first of them waits for all.
pub const READ_AHEAD_MAX: usize = 16;
/// Names of a folder that are read before it is asked whether they came from the disk: some 30 blocks of ext4.
/// A smaller folder is read before others could help.
pub const COLD_FOLDER_FROM: usize = 1000;
/// Readers of a folder that comes from the disk, each with a descriptor. On a virtual disk 20,000 names take
/// 76 ms with one, 48 with two, 38 with four, 25 with eight, and no less with more.
pub const COLD_READERS: u64 = 8;
/// How long a peer may take to accept one piece of output.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(300);
/// How often a write that waits is tried again: a reader of 1 KB/s takes longer than [`TAKE_OVER_AFTER`] for
/// the third of [`SEND_BUFFER`] that must be free before the system says so, and is not silent.
pub const WRITE_TRIED_EVERY: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Disk jobs that run at once.
pub const DISK_JOBS_MAX: usize = 16;
/// Copies of one message that wait for the disk at a time, each on a thread: with four, ten copies take half
/// of the time on a disk with a journal; with ten, many such messages at once take no less, and a third more
/// of processor time.
pub const SYNCS_ABREAST: usize = 4;
/// unix(7): the path of a socket has 108 octets in all, the zero at its end counted.
pub const SOCKET_PATH_MAX: usize = 107;
/// How long the accept loop rests when descriptors have run out, or the listener does not accept.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often it is told of a listener that does not accept, tried again after each [`ACCEPT_PAUSE`].
pub const ACCEPT_FAULT_LOG_EVERY: Duration = Duration::from_secs(600);
/// How long a closed connection is read on, so that a reset does not eat our last reply.
pub const LINGER_TIME: Duration = Duration::from_secs(2);
/// After a cut, sessions get this long to notice and to say goodbye; then the process ends under them.
pub const CUT_GRACE: Duration = LINGER_TIME.saturating_add(Duration::from_secs(1));
/// Octets that are read on, and thrown away, from a closed connection.
pub const LINGER_OCTETS: usize = 64 * 1024;
/// TLS 1.2 sessions of POP3 clients that know no tickets and may resume all the same, for each
/// certificate; one takes about 1 KiB.
pub const TLS_SESSIONS_MAX: usize = 1024;
/// TLS 1.3 tickets for each session: a program that polls spends one and gets one, and has another one for
/// a connection beside it.
pub const TLS_TICKETS: usize = 2;
/// What a connection that brings mail holds open: the socket, and the file in tmp/ of a message for one mailbox.
/// One for several mailboxes holds a file for each, `max_recipients` or more: within [`MESSAGE_BLOCK`] while its one
/// disk job runs, above it for as long as it comes in. That all of them do so at once is not counted with: it would
/// want more descriptors than most systems give.
pub const DESCRIPTORS_OF_A_SENDER: u64 = 2;
/// Copies of a message whose folders stay open while it is written and published at one go: for more of
/// them they are opened once for each of the two, so that descriptors do not run out.
pub const FOLDERS_HELD_MAX: usize = 10;
/// What a POP3 session holds open: the socket, the Maildir, its new/, its cur/, the lock, the message.
pub const DESCRIPTORS_OF_A_READER: u64 = 6;
/// What a disk job holds open beside that: it writes copies, and has the two folders of each, or it lists a
/// folder, and has one for each reader. None does both.
const DESCRIPTORS_OF_A_JOB: u64 = {
    let folders = 2 * FOLDERS_HELD_MAX as u64;
    if folders > COLD_READERS { folders } else { COLD_READERS }
};
/// Descriptors that are no connection: the database, the log, listeners, the runtime's own, and those of the
/// jobs that run at once.
pub const DESCRIPTORS_BESIDE_CONNECTIONS: u64 = 64 + DISK_JOBS_MAX as u64 * DESCRIPTORS_OF_A_JOB;
/// Apple's programs refuse a server certificate that is valid for longer (support.apple.com/103769).
pub const SELF_SIGNED_DAYS: i64 = 825;
/// A self-signed certificate is renewed, and `check` warns, when it ends sooner than this.
pub const CERTIFICATE_DAYS_LEFT_MIN: u64 = 30;

// ---- Passwords and guessing -----------------------------------------------------------------

/// OWASP's figure for PBKDF2-HMAC-SHA256 since 2023.
pub const PBKDF2_ROUNDS_DEFAULT: u32 = 600_000;
/// RFC 7677, 4: SCRAM-SHA-256 wants at least 4096.
pub const PBKDF2_ROUNDS_MIN: u32 = 4096;
/// A database is not allowed to make one login cost minutes.
pub const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;
/// Octets of salt for a stored password (NIST SP 800-132, 5.1 asks for 16 at least).
pub const SALT_LEN: usize = 16;
/// An old server's SHA-CRYPT (5,000 rounds when none are said) that is taken over: about two seconds.
pub const SHA_CRYPT_ROUNDS_MAX: u32 = 5_000_000;
/// The same for BSDi's DES (725 when nobody said otherwise).
pub const BSDI_ROUNDS_MAX: u32 = 2_000_000;
/// The same for bcrypt (10 or 12 are usual); each step doubles it, and 15 are about two seconds.
pub const BCRYPT_COST_MAX: u32 = 15;
/// What argon2, scrypt or yescrypt of an old server may hold at once: libsodium's MODERATE, and 16 times
/// what mkpasswd and `doveadm pw` take. A stranger who knows a name can ask for it.
pub const HASH_MEMORY_MAX: u64 = 256 * 1024 * 1024;
/// One of them that holds more than this is computed alone.
pub const HASH_MEMORY_SHARED_MAX: u64 = 32 * 1024 * 1024;
/// What one of them may write in all, its memory times its passes: some seconds.
pub const HASH_MEMORY_WORK_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Accounts that an import writes in one transaction: some hundred syncs for ten thousand, and at most a
/// minute of hashing to do again when it is cut off.
pub const IMPORT_BATCH: usize = 250;
/// Threads that hash clear passwords at an import.
pub const IMPORT_THREADS_MAX: usize = 16;
/// login.defs(5), UID_MIN: people's accounts begin here.
pub const MIN_UID_DEFAULT: u32 = 1000;
/// An account file is not read beyond this: a million users at 256 octets.
pub const ACCOUNT_FILE_MAX: u64 = 256 * 1024 * 1024;
/// How long a verified password is recognised without a hash, since its last use.
pub const VERIFIED_FOR: Duration = Duration::from_secs(3600);
/// Verified passwords that are remembered at once.
pub const VERIFIED_MAX: usize = 10_000;
/// Credentials that were hashed anew, and what took their place, that are remembered at once, so that who is
/// logged in by the old one stays so; one takes some 80 bytes, and matters until the session's next command. The
/// older half is forgotten first.
pub const SUCCESSORS_MAX: usize = 10_000;
/// How long a session's login is trusted without a look into the database, where the file system cannot say
/// whether that would wait: an administrator's change counts within a moment, and a program that fetches a thousand
/// messages does not make a thousand transactions.
pub const GRANT_TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Wrong passwords from one address before answers are slowed.
pub const FAILURES_BEFORE_DELAY_DEFAULT: u32 = 10;
/// Wrong passwords from one address before it is refused for a while.
pub const FAILURES_BEFORE_BAN_DEFAULT: u32 = 50;
/// How long such an address is refused.
pub const BAN_TIME_DEFAULT: Duration = Duration::from_secs(3600);
/// The first slowed answer waits this long; each further one twice as long.
pub const LOGIN_DELAY_FIRST: Duration = Duration::from_secs(1);
/// An address that has not failed for so long starts anew.
pub const FAILURES_FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// Names that failed from one address of which it is known how often, so that a right password can make up for
/// the others' repetitions; failures under further names count until they are forgotten. More than the default of
/// [`FAILURES_BEFORE_BAN_DEFAULT`], at 32 bytes each.
pub const FAILED_NAMES_MAX: usize = 64;
/// The longest a slowed answer waits.
pub const LOGIN_DELAY_MAX: Duration = Duration::from_secs(15);
/// Wrong passwords for one account, from anywhere, before strangers to it are slowed.
pub const ACCOUNT_FAILURES_BEFORE_DELAY: u32 = 20;
/// Addresses that are remembered as an account's own: home, office, telephone, and some over.
pub const KNOWN_ADDRESSES_MAX: usize = 8;
/// Addresses whose failures are remembered at once; the oldest is forgotten first.
pub const FAILING_PEERS_MAX: usize = 100_000;

// ---- The disk -------------------------------------------------------------------------------

/// Free space that deliveries leave to everything else on the disk, if nobody says how much.
pub const MIN_FREE_DEFAULT: u64 = 64 * 1024 * 1024;
/// But no more than this part of the disk, or a small one (a partition of its own, a memory card) would never
/// take a message.
pub const MIN_FREE_PART: u64 = 16;
/// How long the figure of the free space is good enough to answer MAIL SIZE= and to say 354 with. Each
/// message asks the disk again when it is written, so under load the figure is always fresh.
pub const FREE_SPACE_KNOWN_FOR: Duration = Duration::from_millis(100);
/// Left-overs in tmp/ are removed after this long (the Maildir convention: 36 hours).
pub const TMP_LEFTOVER_AGE: Duration = Duration::from_secs(36 * 3600);
/// How often they are looked for: the next start after a crash comes within seconds, when none is old enough.
pub const LEFTOVERS_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Maildirs whose tmp/ is looked through in one disk job: on a cold disk, with some 10 ms for each, a second,
/// in which a sixteenth of the way to the disk is taken. The next job waits behind those that wait already.
pub const LEFTOVERS_AT_ONCE: usize = 100;
/// A busy database is waited for this long.
pub const DATABASE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Running sessions get this long at a shutdown.
pub const SHUTDOWN_GRACE_DEFAULT: Duration = Duration::from_secs(30);
/// How often the certificate files are looked at for a renewed certificate.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(30);
/// How often the last logins are written down; the first one of an account is at once.
pub const LAST_LOGIN_FLUSH: Duration = Duration::from_secs(1);
/// Names that are tried for one message before the disk is taken to be out of its mind: another try
/// is needed only where a pid came again and the clock was set back onto the same microsecond.
pub const NAME_TRIES_MAX: u32 = 100;
/// The cached sizes of one Maildir's foreign messages: some 600,000 of them. What lies beyond is
/// counted at each login.
pub const SIZES_FILE_MAX: u64 = 64 * 1024 * 1024;
/// One line of another server's index: a file name has 255 octets at most, the unique-id beside it is as
/// long as it likes; Courier itself reads 2,048.
pub const INDEX_LINE_MAX: u64 = 16 * 1024;
/// Octets of a message's header that are looked through for a field of an old server; Postfix takes no more
/// than 100 KiB of header (`header_size_limit`), and what has no empty line at all ends here.
pub const HEADER_LOOKED_AT: u64 = 1024 * 1024;
/// The ledger of one Maildir's imported mail: some 500,000 messages with ids of the usual length.
pub const LEDGER_FILE_MAX: u64 = 128 * 1024 * 1024;
/// Threads that wait for the disk while an import writes on: a disk that can serve many syncs at once
/// joins them, and more threads than this gain nothing.
pub const IMPORT_SYNCERS: usize = 8;
/// Messages of an import that are written and wait for one of those threads; each holds a descriptor.
pub const IMPORT_SYNCS_AHEAD: usize = 32;
/// Mailboxes that `import users` brings over at the same time: most of it is waiting for the disk.
pub const IMPORT_MAILBOXES: u8 = 8;
/// Lines of an account file that the last word of an import names; all of them stand in its report.
pub const REFUSALS_SHOWN_MAX: usize = 20;
/// Old mailboxes that the ledger notes for one message: a copy with a new name each night would make it longer
/// for ever. One that it has forgotten is read once more.
pub const LEDGER_MAILBOXES_MAX: usize = 8;
/// Messages that are here under other unique-ids, before an import is refused for them: in a small or tidied
/// inbox they may be most of it, and to see nine twice costs their reader less than mail that is kept back.
pub const IMPORT_TWICE_MIN: usize = 10;
/// How long an import that has everything waits for a session that has the mailbox open. Behind it the
/// next login shows the mail.
pub const IMPORT_PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks meanwhile.
pub const IMPORT_LOCK_POLL: Duration = Duration::from_millis(50);
/// How long an import waits for a login that makes the moves of an earlier one: a few syncs.
pub const STAGING_LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are read at once when a foreign message is counted.
pub const COUNT_BLOCK: usize = 64 * 1024;
/// Accounts whose usage is remembered between two looks at their quota.
pub const USAGES_MAX: usize = 10_000;
/// How many of them go when there is no place left, whichever they are: the others need not be counted again.
pub const USAGES_FORGOTTEN: usize = USAGES_MAX / 10;
/// How long a mailbox's usage is good enough to answer RCPT with yes, and to say 354. A peer asks with 30
/// octets, and 20,000 foreign messages take 25 ms of processor time to count. Each message is judged again, by
/// a figure of its own, before it is published.
pub const USAGE_KNOWN_FOR: Duration = Duration::from_secs(1);
/// A folder's time of change tells of a change only if it is older than the clock's own grain; ext4
/// has 4 ms, FAT and some network file systems two seconds.
pub const FOLDER_TIME_GRAIN: Duration = Duration::from_secs(3);
/// The same where the time has a fraction: the kernel stamps with the clock of its last tick, and the slowest
/// (`CONFIG_HZ=100`) ticks each 10 ms.
pub const CLOCK_TICK: Duration = Duration::from_millis(10);
/// How often a maildrop's folders are read for one list while others rename in them. A message is missed
/// by one look in some hundred, if somebody renames without pause, and must be missed by each.
pub const FOLDER_LOOKS_MAX: u32 = 5;

// ---- Settings -------------------------------------------------------------------------------

/// A setting's longer durations count as this one, a hundred years: any positive value is taken, and
/// adding this to a point in time does not overflow.
pub const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long `check` waits for a greeting; it comes at once from a server on this machine.
pub const CHECK_GREETING_TIME: Duration = Duration::from_secs(2);
/// Octets of a greeting that `check` looks at.
pub const CHECK_GREETING_MAX: usize = 512;
/// A configuration file is not read beyond this (ours, every key commented, has 4 KiB).
pub const CONFIG_FILE_MAX: u64 = 1024 * 1024;
