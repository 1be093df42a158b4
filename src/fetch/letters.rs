//! Looking at many messages of an old server without keeping them: what they are known by, and their sizes.

use super::connection::{Connection, Message};
use super::letter::{Letter, Reader};
use super::problem::Problem;
use crate::pop3::client::{Answer, Request};
use std::collections::HashMap;

impl Connection {
    /// Reads messages, or their headers, asking ahead; `None` for one that is refused.
    pub(super) async fn letters(
        &mut self,
        numbers: &[u32],
        request: fn(u32) -> Request,
    ) -> Result<Vec<Option<Letter>>, Problem> {
        let (mut left, mut letters) = (numbers.iter(), Vec::with_capacity(numbers.len()));
        while letters.len() < numbers.len() {
            let room = self.room();
            left.by_ref().take(room).for_each(|number| self.ask(request(*number)));
            let mut reader = Reader::default();
            let (_, answer) = self
                .answer(&mut |text| {
                    reader.push(text);
                    Ok(())
                })
                .await?;
            letters.push(match answer {
                Answer::Message { octets } => Some(Letter { octets, ..reader.finish() }),
                _ => None,
            });
        }
        Ok(letters)
    }

    /// The octets that RETR sends of each of these messages; `None` for one that is refused.
    ///
    /// # Errors
    /// [`Problem::BrokenOff`] and [`Problem::Session`].
    pub async fn retrieved_sizes(&mut self, numbers: &[u32]) -> Result<Vec<Option<u64>>, Problem> {
        let letters = self.letters(numbers, Request::Retr).await?;
        Ok(letters.into_iter().map(|letter| letter.map(|letter| letter.octets)).collect())
    }

    /// Gives messages without a unique-id an identity: the hash of the header, and which of those with an
    /// equal one it is.
    pub(super) async fn identify(&mut self, messages: &mut [Message]) -> Result<(), Problem> {
        let nameless = || messages.iter().enumerate().filter(|(_, message)| message.unique_id.is_none());
        let (places, numbers): (Vec<usize>, Vec<u32>) =
            nameless().map(|(place, message)| (place, message.number)).unzip();
        let mut headers = self.letters(&numbers, Request::Header).await?;
        if headers.iter().any(Option::is_none) {
            headers = self.letters(&numbers, Request::Retr).await?; // TOP is optional (RFC 1939, 7).
        }
        let mut before: HashMap<[u8; 32], u32> = HashMap::new();
        for (place, letter) in places.into_iter().zip(headers) {
            let hash = letter.unwrap_or_default().header;
            let nth = before.entry(hash).or_default();
            *nth += 1;
            if let Some(message) = messages.get_mut(place) {
                message.identity = Message::identity(hash, *nth);
            }
        }
        Ok(())
    }
}
