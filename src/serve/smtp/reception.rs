//! One message while its text comes in: decoded, filtered, gathered in blocks, written.
//!
//! Knows no socket and no reply but the refusals that the text itself earns. A message is never
//! held whole in memory unless it is smaller than one block; then it costs one pass to the disk.

use crate::delivery::{self, Drafts, Published, Together};
use crate::limits;
use crate::net::Doorway;
use crate::smtp::Reply;
use crate::wire::dot_decoder::{DotDecoder, LineEndDecoder};
use crate::wire::header_filter::HeaderFilter;
use async_lock::{Semaphore, SemaphoreGuardArc};
use std::sync::Arc;

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Octets on the wire (RFC 1870, 3).
    pub max_size: u64,
    /// `bare_newline = "reject"`.
    pub reject_bare_newline: bool,
}

/// How the text comes.
pub(super) enum Decoder {
    /// By DATA.
    Dots(DotDecoder),
    /// By BDAT.
    Chunks(LineEndDecoder),
}

/// Memory for large messages: a few at a time are gathered in large blocks, so that many senders at once do
/// not take much of it together.
pub struct LargeBlocks(Arc<Semaphore>);

impl Default for LargeBlocks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::MESSAGE_BLOCKS_LARGE_MAX)))
    }
}

/// The message so far.
pub(super) struct Reception {
    bounds: Bounds,
    decoder: Decoder,
    filter: HeaderFilter,
    /// Text of the header, decoded and not yet filtered; empty between two calls.
    decoded: Vec<u8>,
    /// Ready for the disk.
    block: Vec<u8>,
    /// The right to a large block, of a message that has filled one of the common size.
    large: Option<SemaphoreGuardArc>,
    /// Gone once the message is refused.
    drafts: Option<Drafts>,
    /// The first reason found; the rest of the text is then only counted.
    refusal: Option<Reply>,
}

impl Reception {
    /// Begins; `drafts` have room and their trace lines.
    pub fn new(decoder: Decoder, bounds: Bounds, drafts: Option<Drafts>) -> Self {
        Self {
            bounds,
            decoder,
            filter: HeaderFilter::default(),
            decoded: Vec::new(),
            block: Vec::new(),
            large: None,
            drafts,
            refusal: None,
        }
    }

    /// Takes octets as they came and gives how many were taken: all, unless the text ended before.
    pub fn push(&mut self, octets: &[u8]) -> usize {
        self.make_room(octets.len());
        // In the body nothing is left to filter, so the text goes where it is written from.
        let direct = self.refusal.is_none() && self.filter.is_in_body();
        let text = if direct { &mut self.block } else { &mut self.decoded };
        let used = match &mut self.decoder {
            Decoder::Dots(decoder) => decoder.push(octets, text),
            Decoder::Chunks(decoder) => {
                decoder.push(octets, text);
                octets.len()
            }
        };
        self.gather();
        used
    }

    /// Whether the final dot has come.
    pub fn is_over(&self) -> bool {
        matches!(&self.decoder, Decoder::Dots(decoder) if decoder.is_over())
    }

    /// Octets of the text so far.
    pub fn octets(&self) -> u64 {
        match &self.decoder {
            Decoder::Dots(decoder) => decoder.octets(),
            Decoder::Chunks(decoder) => decoder.octets(),
        }
    }

    /// Why the text is refused, as far as it is known by now.
    pub fn refusal(&self) -> Option<&Reply> {
        self.refusal.as_ref()
    }

    /// Writes a full block; throws the drafts of a refused message away as early as that.
    pub async fn settle(&mut self, doorway: &Doorway, blocks: &LargeBlocks) {
        if self.refusal.is_some() {
            return self.discard(doorway).await;
        }
        if !self.is_full() {
            return;
        }
        if self.large.is_none() {
            self.large = blocks.0.try_acquire_arc();
            if self.large.is_some() {
                return;
            }
        }
        // The drafts travel to the thread that may block, and come back: nothing is shared. If this
        // task is dropped meanwhile, they are dropped there, and nothing stays.
        let Some(mut drafts) = self.drafts.take() else { return };
        let mut block = std::mem::take(&mut self.block);
        let written = doorway.disk(move || {
            drafts.write(&block);
            block.clear();
            (drafts, block)
        });
        let (drafts, block) = written.await;
        (self.drafts, self.block) = (Some(drafts), block);
    }

    /// The text is complete: publishes it, or says why not.
    pub async fn finish(
        mut self,
        doorway: &Doorway,
        together: Together,
    ) -> Result<Vec<Result<Published, delivery::Error>>, Reply> {
        self.end_text();
        if let Some(refusal) = self.refusal.take() {
            self.discard(doorway).await;
            return Err(refusal);
        }
        // Without drafts there was a refusal; should one be forgotten some day, nothing is promised.
        let Some(drafts) = self.drafts.take() else { return Err(Reply::LOCAL_FAULT) };
        let (block, large) = (self.block, self.large);
        // For a message smaller than a block this is the only pass.
        let finished = doorway.disk(move || {
            let _until_the_block_is_gone = large;
            drafts.finish(&block, together)
        });
        Ok(finished.await)
    }

    /// These copies are for nobody any more.
    pub async fn give_up(&mut self, copies: Vec<usize>, doorway: &Doorway) {
        if copies.is_empty() {
            return;
        }
        let Some(mut drafts) = self.drafts.take() else { return };
        let given_up = doorway.disk(move || {
            drafts.give_up(&copies);
            drafts
        });
        self.drafts = Some(given_up.await);
    }

    /// Nothing of it stays.
    pub async fn discard(&mut self, doorway: &Doorway) {
        (self.block, self.large) = (Vec::new(), None);
        if let Some(drafts) = self.drafts.take()
            && drafts.have_files()
        {
            doorway.disk(move || drop(drafts)).await;
        }
    }

    /// A small message costs little; one that grows gets its whole block at once, and never the
    /// double of it that a `Vec` left to itself would take.
    fn make_room(&mut self, more: usize) {
        let grows = self.block.len() + more > limits::READ_CHUNK / 2;
        if grows && self.refusal.is_none() && self.block.capacity() < self.block_size() {
            self.block.reserve_exact(self.block_size().saturating_sub(self.block.len()));
        }
    }

    fn block_size(&self) -> usize {
        if self.large.is_some() { limits::MESSAGE_BLOCK_LARGE } else { limits::MESSAGE_BLOCK }
    }

    /// With the next piece it would pass the block, and the buffer would grow.
    fn is_full(&self) -> bool {
        self.block.len() + limits::READ_CHUNK > self.block_size()
    }

    /// What the decoder and the filter still hold back belongs to the text.
    fn end_text(&mut self) {
        if let Decoder::Chunks(decoder) = &mut self.decoder {
            decoder.finish(&mut self.decoded);
        }
        self.gather();
        self.filter.finish(&mut self.block);
    }

    /// From the decoder through the filter into the block.
    fn gather(&mut self) {
        if self.refusal.is_none() {
            self.filter.push(&self.decoded, &mut self.block);
            self.refusal = self.reason_to_refuse();
        }
        if self.refusal.is_none() && self.filter.is_in_body() {
            self.decoded = Vec::new(); // Not needed again, and many senders may be slow at once.
        }
        self.decoded.clear();
    }

    /// Known as soon as it is certain, and told at the end: SMTP has no way to say it sooner.
    fn reason_to_refuse(&self) -> Option<Reply> {
        let saw_bare_lf = match &self.decoder {
            Decoder::Dots(decoder) => decoder.saw_bare_lf(),
            Decoder::Chunks(decoder) => decoder.saw_bare_lf(),
        };
        if self.octets() > self.bounds.max_size {
            Some(Reply::TOO_LARGE)
        } else if saw_bare_lf && self.bounds.reject_bare_newline {
            Some(Reply::BARE_NEWLINE)
        } else if self.filter.received() > limits::RECEIVED_LINES_MAX {
            Some(Reply::MAIL_LOOP)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;

    const BOUNDS: Bounds = Bounds { max_size: 4000, reject_bare_newline: false };

    /// LF text that would go to the disk, octets counted, and the refusal.
    fn receive(decoder: Decoder, bounds: Bounds, pieces: &[&[u8]]) -> (Vec<u8>, u64, Option<Reply>) {
        let mut reception = Reception::new(decoder, bounds, None);
        for piece in pieces {
            reception.push(piece);
        }
        reception.end_text();
        (reception.block.clone(), reception.octets(), reception.refusal.clone())
    }

    fn dots(bounds: Bounds, wire: &[u8]) -> (Vec<u8>, u64, Option<Reply>) {
        let whole = receive(Decoder::Dots(DotDecoder::default()), bounds, &[wire]);
        for cut in 0..=wire.len() {
            let decoder = Decoder::Dots(DotDecoder::default());
            let (text, octets, refusal) = receive(decoder, bounds, &[&wire[..cut], &wire[cut..]]);
            assert_eq!((octets, &refusal), (whole.1, &whole.2), "cut at {cut}");
            // What a refused message leaves behind depends on the cut, and nobody reads it.
            assert!(refusal.is_some() || text == whole.0, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn text_for_the_disk() {
        let (text, octets, refusal) = dots(BOUNDS, b"Return-Path: <x@y>\r\nA: b\r\n\r\n..c\r\n.\r\n");
        assert_eq!((text.as_slice(), octets, refusal), (&b"A: b\n\n.c\n"[..], 32, None));
        let decoder = Decoder::Chunks(LineEndDecoder::default());
        let (text, octets, _) = receive(decoder, BOUNDS, &[b"A: b\r\n\r\n.\r", b"\n..\r\nc\r"]);
        assert_eq!((text.as_slice(), octets), (&b"A: b\n\n.\n..\nc\r"[..], 17));
        let decoder = Decoder::Chunks(LineEndDecoder::default());
        assert_eq!(receive(decoder, BOUNDS, &[b"Recei"]).0, b"Recei");
    }

    #[test]
    fn reasons_to_refuse() {
        let small = Bounds { max_size: 5, ..BOUNDS };
        assert_eq!(dots(small, b"abc\r\n.\r\n").2, None);
        assert_eq!(dots(small, b"abcd\r\n.\r\n").2, Some(Reply::TOO_LARGE));
        let strict = Bounds { reject_bare_newline: true, ..BOUNDS };
        assert_eq!(dots(strict, b"a\nb\r\n.\r\n").2, Some(Reply::BARE_NEWLINE));
        assert_eq!(dots(BOUNDS, b"a\nb\r\n.\r\n").2, None);
        let round = |times: usize| [b"Received: x\r\n".repeat(times), b"\r\n.\r\n".to_vec()].concat();
        assert_eq!(dots(BOUNDS, &round(limits::RECEIVED_LINES_MAX)).2, None);
        assert_eq!(dots(BOUNDS, &round(limits::RECEIVED_LINES_MAX + 1)).2, Some(Reply::MAIL_LOOP));
    }

    #[test]
    fn what_stands_behind_the_dot_is_not_taken() {
        let mut reception = Reception::new(Decoder::Dots(DotDecoder::default()), BOUNDS, None);
        assert_eq!(reception.push(b"a\r\n.\r\nQUIT\r\n"), 6);
        assert!(reception.is_over());
    }

    #[test]
    fn a_block_is_not_larger_than_it_says() {
        let (doorway, blocks) = (Doorway::new(), LargeBlocks::default());
        let begun = || {
            let bounds = Bounds { max_size: u64::MAX, ..BOUNDS };
            Reception::new(Decoder::Chunks(LineEndDecoder::default()), bounds, None)
        };
        let fill = |reception: &mut Reception, piece: usize| {
            while !reception.is_full() {
                reception.push(&vec![b'x'; piece]);
            }
            block_on(reception.settle(&doorway, &blocks));
            reception.block.capacity()
        };
        for piece in [1, 100, 5000, limits::READ_CHUNK] {
            let mut large: Vec<_> = (0..limits::MESSAGE_BLOCKS_LARGE_MAX).map(|_| begun()).collect();
            for reception in &mut large {
                assert!(fill(reception, piece) <= limits::MESSAGE_BLOCK && reception.large.is_some());
                let capacity = fill(reception, piece);
                assert!(capacity <= limits::MESSAGE_BLOCK_LARGE, "{capacity} after pieces of {piece}");
            }
            let mut one_more = begun();
            assert!(fill(&mut one_more, piece) <= limits::MESSAGE_BLOCK && one_more.large.is_none());
            let mut refused = large.remove(0);
            block_on(refused.discard(&doorway));
            assert!(fill(&mut one_more, piece) <= limits::MESSAGE_BLOCK && one_more.large.is_some());
            assert!(refused.block.capacity() == 0);
        }
    }

    #[test]
    fn a_refused_message_is_not_kept_in_memory() {
        let bounds = Bounds { max_size: 10, ..BOUNDS };
        let mut reception = Reception::new(Decoder::Chunks(LineEndDecoder::default()), bounds, None);
        for _ in 0..100 {
            reception.push(b"0123456789");
        }
        assert_eq!(reception.refusal(), Some(&Reply::TOO_LARGE));
        assert!(reception.block.len() <= 20 && reception.decoded.is_empty());
    }
}
