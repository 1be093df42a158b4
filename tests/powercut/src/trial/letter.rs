//! The letters of a trial: each tells its own name, length and checksum, so that half of one, or
//! two mixed up, cannot pass for a whole one.

use crate::rng::Rng;

/// The header line that carries name, length of the body in octets, and checksum.
const SEAL: &str = "X-Powercut: ";

/// A letter that is called `id`, in wire form: CRLF, not yet dot-stuffed.
pub fn write(id: &str, rng: &mut Rng) -> Vec<u8> {
    // Most mail is small; the large ones take many writes, and a cut finds its way in between.
    let octets = match rng.below(10) {
        0 => 100_000 + rng.below(200_000),
        1..=3 => rng.below(40_000),
        _ => rng.below(2_000),
    };
    let mut body = String::new();
    while body.len() < octets {
        // Lines that begin with a dot try the transparency of both protocols on the way.
        let start = *rng.pick(&["", ".", "..", "From ", "abc", "="]);
        body.push_str(&format!("{start}{:016x}{:016x}\r\n", rng.bits(), rng.bits()));
    }
    let seal = format!("{SEAL}{id} {} {:016x}\r\n", body.len(), checksum(body.as_bytes()));
    format!("From: <trial@example.net>\r\nSubject: powercut\r\n{seal}\r\n{body}").into_bytes()
}

/// The name of a letter as POP3 gave it (unstuffed, without the final dot), if it is whole.
pub fn read(letter: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(letter).map_err(|_| "octets that nobody wrote".to_owned())?;
    let (header, body) = text.split_once("\r\n\r\n").ok_or("no end of the header")?;
    let seal = header.lines().find_map(|line| line.strip_prefix(SEAL)).ok_or("no seal in the header")?;
    let [id, octets, sum] = seal.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("a broken seal: {seal}"));
    };
    if octets != body.len().to_string() {
        return Err(format!("{id}: {} octets instead of {octets}", body.len()));
    }
    if sum != format!("{:016x}", checksum(body.as_bytes())) {
        return Err(format!("{id}: other octets than were sent"));
    }
    Ok(id.to_owned())
}

/// FNV-1a, 64 bits: enough against zeros, tears and mixtures; nobody forges here.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_letter_is_known_by_its_name_even_under_trace_lines() {
        for seed in 0..50 {
            let letter = write("r1-2", &mut Rng::new(seed));
            assert_eq!(read(&letter), Ok("r1-2".to_owned()));
            assert_eq!(read(&[b"Received: x\r\n".as_slice(), &letter].concat()), Ok("r1-2".to_owned()));
        }
    }

    #[test]
    fn a_part_zeros_and_a_mixture_are_not_whole() {
        let letter = write("r1-2", &mut Rng::new(3));
        assert!(letter.len() > 600, "long enough to be cut: {}", letter.len());
        for end in 0..letter.len() {
            assert!(read(&letter[..end]).is_err(), "cut at {end}");
        }
        let mut zeros = letter.clone();
        zeros[letter.len() - 40..].fill(0);
        assert!(read(&zeros).is_err());
        let other = write("r1-3", &mut Rng::new(4));
        assert!(read(&[&letter[..letter.len() - 34], &other[other.len() - 34..]].concat()).is_err());
    }

    #[test]
    fn the_checksum_is_fnv_1a() {
        assert_eq!(checksum(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(checksum(b"a"), 0xAF63_DC4C_8601_EC8C);
    }
}
