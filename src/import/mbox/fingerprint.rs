//! Unique-ids that servers compute from a header: MD5 over some lines of it, each server by a recipe of its
//! own. Works on pieces of header lines; knows no file.

use super::pieces::Piece;
use md5::{Digest, Md5};

/// Which lines, and what of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Dovecot's `mbox_md5=apop3d`: the values of Delivered-To, X-Delivery-ID and the first Received, and of
    /// Date and Message-ID in front of it.
    DovecotApop3d,
    /// Dovecot's `mbox_md5=all`: the values of all lines but its own.
    DovecotAll,
    /// popa3d: the same lines as the first, but whole lines.
    Popa3d,
    /// solid-pop3d: whole lines `Received:`, `Date:`, `Message-Id:` and `Subject:`, in just this spelling,
    /// and without the lines that continue them.
    SolidPop3d,
}

/// The lines that Dovecot writes itself.
const DOVECOTS_OWN: [&[u8]; 7] =
    [b"content-length", b"status", b"x-imap", b"x-imapbase", b"x-keywords", b"x-status", b"x-uid"];
const SOLID_POP3DS: [&[u8]; 4] = [b"Received:", b"Date:", b"Message-Id:", b"Subject:"];

/// A hash in the making.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    recipe: Recipe,
    hash: Md5,
    /// Whether this line is taken.
    taken: bool,
    /// Whether the first Received field has begun.
    received: bool,
    /// A CR at the end of a piece, which may belong to a line end.
    carriage_return: bool,
}

impl Fingerprint {
    /// Of nothing yet.
    pub fn new(recipe: Recipe) -> Self {
        Self { recipe, hash: Md5::new(), taken: false, received: false, carriage_return: false }
    }

    /// Takes a piece of a header line.
    pub fn push(&mut self, piece: Piece) {
        if piece.starts {
            self.start(piece.octets);
        }
        if !self.taken {
            return;
        }
        match self.recipe {
            Recipe::Popa3d | Recipe::SolidPop3d => self.hash.update(piece.octets),
            Recipe::DovecotApop3d | Recipe::DovecotAll if piece.starts => self.value(value_of(piece.octets)),
            Recipe::DovecotApop3d | Recipe::DovecotAll => self.value(piece.octets),
        }
    }

    /// The 16 octets.
    pub fn finish(self) -> [u8; 16] {
        self.hash.finalize().into()
    }

    /// Decides about a line by its start.
    fn start(&mut self, line: &[u8]) {
        self.carriage_return = false;
        if self.recipe == Recipe::SolidPop3d {
            self.taken = SOLID_POP3DS.iter().any(|name| line.starts_with(name));
        } else if !matches!(line.first(), Some(b' ' | b'\t')) {
            // A line that continues another is taken if that one was.
            self.taken = self.takes(&self.name(line).to_ascii_lowercase());
        }
    }

    /// popa3d knows no blank in front of the colon.
    fn name<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let name = name_of(line).unwrap_or_default();
        let blank = self.recipe == Recipe::Popa3d && line.get(name.len()) != Some(&b':');
        if blank { b"" } else { name }
    }

    fn takes(&mut self, name: &[u8]) -> bool {
        if self.recipe == Recipe::DovecotAll {
            return !DOVECOTS_OWN.contains(&name);
        }
        match name {
            b"delivered-to" | b"x-delivery-id" => true,
            b"date" | b"message-id" => !self.received,
            b"received" => !std::mem::replace(&mut self.received, true),
            _ => false,
        }
    }

    /// A part of a value, without the line end.
    fn value(&mut self, part: &[u8]) {
        if part.is_empty() {
            return;
        }
        let text = part.strip_suffix(b"\n").unwrap_or(part);
        let ended = text.len() < part.len();
        if self.carriage_return && !(ended && text.is_empty()) {
            self.hash.update(b"\r");
        }
        let kept = text.strip_suffix(b"\r").unwrap_or(text);
        self.carriage_return = !ended && kept.len() < text.len();
        self.hash.update(kept);
    }
}

/// What stands in front of the colon, without blanks.
pub fn name_of(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let end = line[..colon].iter().rposition(|octet| !blank(octet)).map_or(0, |last| last + 1);
    Some(&line[..end])
}

/// What stands behind the colon and one blank; of a line that continues another, or has no colon, all.
pub fn value_of(line: &[u8]) -> &[u8] {
    let continues = matches!(line.first(), Some(b' ' | b'\t'));
    let Some(colon) = line.iter().position(|octet| *octet == b':').filter(|_| !continues) else {
        return line;
    };
    match &line[colon + 1..] {
        [b' ' | b'\t', value @ ..] => value,
        value => value,
    }
}
