//! What each server that keeps mail in an mbox takes for a message, and what it shows of it.
//!
//! Measured against the real ones (`facts`), except for qpopper, which is in no package and was read. Knows
//! no file.

use super::fingerprint::Recipe;
use super::from_line::Separator;

/// A server that keeps its mail in an mbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Dovecot.
    Dovecot,
    /// UW ipop3d, and what else is built on c-client.
    Uw,
    /// popa3d.
    Popa3d,
    /// qpopper.
    Qpopper,
    /// GNU mailutils' pop3d.
    Mailutils,
    /// solid-pop3d.
    SolidPop3d,
    /// None of these, or none at all: all messages get new unique-ids.
    Plain,
}

/// Where a message ends, in front of the next From line or of the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Without its last line end: that one belongs to the From line.
    LineBreak,
    /// Without an empty line, if its body ends with one.
    EmptyLine,
    /// Nothing is taken away.
    All,
}

/// How a line ends that has CR LF in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriageReturns {
    /// CR LF is a line end.
    AsFound,
    /// LF is a line end, and the CR a part of the line: it goes out as CR CR LF.
    Doubled,
    /// No CR of the file is shown.
    Dropped,
}

/// Which messages a server did not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hides {
    /// It listed all.
    Nothing,
    /// Those marked as deleted, in Status or X-Status.
    Deleted,
    /// Those marked as deleted in Status.
    DeletedInStatus,
}

/// From which lines the unique-ids come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// X-UID and X-IMAPbase, as Dovecot believes them, and maybe a hash beside them.
    DovecotNumbers(Option<Recipe>),
    /// X-UID and X-IMAPbase, as c-client believes them.
    UwNumbers,
    /// X-UIDL.
    Written,
    /// A hash of the header.
    Hash(Recipe),
    /// None: new ones.
    New,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Which lines part messages.
    pub separator: Separator,
    /// Whether they do so in a header as well.
    pub splits_headers: bool,
    /// Where a message ends.
    pub end: End,
    /// Whether Content-Length is believed where a From line or the end of the file follows.
    pub content_length: bool,
    /// Whether CR LF alone ends a header.
    pub crlf_ends_header: bool,
    /// The header lines that are not shown; lower case.
    pub hidden: &'static [&'static [u8]],
    /// See `CarriageReturns`.
    pub carriage_returns: CarriageReturns,
    /// Whether a header field is shown as name, colon, one blank and value, however it stands in the file.
    pub evens_blanks: bool,
    /// Whether the server's own header lines count in this very spelling only.
    pub exact_names: bool,
    /// Whether one `>` goes off `>From `, `>>From ` and so on in a body.
    pub unquotes: bool,
    /// Whether X-UIDL is shown, but before Status or at the end of the header, wherever it stands.
    pub moves_uidl: bool,
    /// Whether a Status line with two letters is shown at the end of the header.
    pub adds_status: bool,
    /// Where the unique-ids come from.
    pub identity: Identity,
    /// Which messages are not shown.
    pub hides: Hides,
}

/// Those of mail programs that read mboxes.
pub const PLAIN: Habits = Habits {
    separator: Separator::Dated,
    splits_headers: true,
    end: End::EmptyLine,
    content_length: true,
    crlf_ends_header: true,
    hidden: &[],
    carriage_returns: CarriageReturns::AsFound,
    evens_blanks: false,
    exact_names: false,
    unquotes: false,
    moves_uidl: false,
    adds_status: false,
    identity: Identity::New,
    hides: Hides::Nothing,
};
const DOVECOT: Habits = Habits {
    end: End::LineBreak,
    hidden: &[b"content-length", b"status", b"x-imap", b"x-imapbase", b"x-keywords", b"x-status", b"x-uid"],
    identity: Identity::DovecotNumbers(None),
    ..PLAIN
};
const UW: Habits = Habits {
    separator: Separator::DatedAtEnd,
    splits_headers: false,
    content_length: false,
    hidden: &[b"status", b"x-imap", b"x-imapbase", b"x-keywords", b"x-status", b"x-uid"],
    carriage_returns: CarriageReturns::Dropped,
    exact_names: true,
    adds_status: true,
    identity: Identity::UwNumbers,
    hides: Hides::Deleted,
    ..PLAIN
};
const POPA3D: Habits = Habits {
    separator: Separator::BehindEmptyLine,
    splits_headers: false,
    content_length: false,
    crlf_ends_header: false,
    carriage_returns: CarriageReturns::Doubled,
    identity: Identity::Hash(Recipe::Popa3d),
    ..PLAIN
};
const SOLID_POP3D: Habits = Habits {
    separator: Separator::Long,
    splits_headers: true,
    end: End::All,
    identity: Identity::Hash(Recipe::SolidPop3d),
    ..POPA3D
};
const MAILUTILS: Habits = Habits {
    separator: Separator::DatedAtEndBehindEmptyLine,
    evens_blanks: true,
    unquotes: true,
    identity: Identity::Written,
    hides: Hides::DeletedInStatus,
    ..POPA3D
};
const QPOPPER: Habits = Habits {
    end: End::All,
    content_length: false,
    crlf_ends_header: false,
    hidden: &[b"content-length", b"x-uidl"],
    carriage_returns: CarriageReturns::Doubled,
    moves_uidl: true,
    identity: Identity::Written,
    ..PLAIN
};

impl Server {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Dovecot,
        Self::Uw,
        Self::Popa3d,
        Self::Qpopper,
        Self::Mailutils,
        Self::SolidPop3d,
        Self::Plain,
    ];

    /// As `--server` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dovecot => "dovecot",
            Self::Uw => "uw",
            Self::Popa3d => "popa3d",
            Self::Qpopper => "qpopper",
            Self::Mailutils => "mailutils",
            Self::SolidPop3d => "solid-pop3d",
            Self::Plain => "plain",
        }
    }

    /// The server of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.as_str() == name)
    }

    /// Its habits.
    pub fn habits(self) -> Habits {
        match self {
            Self::Dovecot => DOVECOT,
            Self::Uw => UW,
            Self::Popa3d => POPA3D,
            Self::Qpopper => QPOPPER,
            Self::Mailutils => MAILUTILS,
            Self::SolidPop3d => SOLID_POP3D,
            Self::Plain => PLAIN,
        }
    }
}
