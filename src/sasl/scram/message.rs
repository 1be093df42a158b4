//! The client's two messages of SCRAM, read by the grammar of RFC 5802, 7.

use super::BASE64;
use crate::mail::UserName;
use crate::sasl::plain::may_act_as;
use base64::Engine as _;

/// `n,,n=user,r=nonce`
#[derive(Debug)]
pub(super) struct ClientFirst {
    pub(super) binding: Binding,
    /// As it was sent: the final message repeats it.
    pub(super) gs2_header: String,
    /// The message without that header: it is signed.
    pub(super) bare: String,
    pub(super) user: UserName,
    pub(super) nonce: String,
}

/// What the client says about channel binding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// `n`: it cannot.
    NotSupported,
    /// `y`: it can, and thinks that the server cannot.
    ThoughtMissing,
    /// `p=name`: it must be this one.
    Required(String),
}

/// `c=binding,r=nonce,p=proof`
#[derive(Debug)]
pub(super) struct ClientFinal {
    pub(super) binding: Vec<u8>,
    pub(super) nonce: String,
    pub(super) proof: [u8; 32],
    /// All that stands before `,p=`: it is signed.
    pub(super) without_proof: String,
}

impl ClientFirst {
    /// `None` for what the grammar does not allow, a mandatory extension, and an authzid of
    /// somebody else.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let mut parts = message.splitn(3, ',');
        let (flag, acting_as, bare) = (parts.next()?, parts.next()?, parts.next()?);
        // A first attribute `m=` asks for an extension; there is none, and it must fail.
        let mut attributes = bare.split(',');
        let user = UserName::parse(&unescape(attributes.next()?.strip_prefix("n=")?)?)?;
        let nonce = attributes.next()?.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?;
        let acting_as = match acting_as {
            "" => String::new(),
            named => unescape(named.strip_prefix("a=")?)?,
        };
        may_act_as(&user, &acting_as).then(|| Self {
            binding: Binding::parse(flag),
            gs2_header: message[..message.len() - bare.len()].to_owned(),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
            user,
        })
    }
}

impl Binding {
    /// An unknown flag is a binding by a name that nobody has, so it is refused where those are.
    fn parse(flag: &str) -> Self {
        match flag {
            "n" => Self::NotSupported,
            "y" => Self::ThoughtMissing,
            other => Self::Required(other.strip_prefix("p=").unwrap_or_default().to_owned()),
        }
    }
}

impl ClientFinal {
    /// `None` for what the grammar does not allow. Optional extensions are signed and passed over.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next()?.strip_prefix("c=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        Some(Self {
            binding: BASE64.decode(binding).ok()?,
            nonce: nonce.to_owned(),
            proof: BASE64.decode(proof).ok()?.try_into().ok()?,
            without_proof: without_proof.to_owned(),
        })
    }
}

/// A saslname: `=2C` is a comma and `=3D` an equals sign, and nothing else follows an equals sign.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (octet, rest) = part
            .strip_prefix("2C")
            .map(|rest| (',', rest))
            .or(part.strip_prefix("3D").map(|rest| ('=', rest)))?;
        plain.push(octet);
        plain.push_str(rest);
    }
    Some(plain)
}

fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_is_taken_apart() {
        for (message, binding, header, user) in [
            ("n,,n=user,r=abc", Binding::NotSupported, "n,,", "user"),
            ("y,,n=user,r=abc", Binding::ThoughtMissing, "y,,", "user"),
            ("n,a=User,n=user,r=abc,x=1", Binding::NotSupported, "n,a=User,", "user"),
            ("n,,n=a=2Cb=3Dc=3D2C,r=abc", Binding::NotSupported, "n,,", "a,b=c=2C"),
            (
                "p=tls-exporter,,n=ä,r=abc",
                Binding::Required("tls-exporter".to_owned()),
                "p=tls-exporter,,",
                "ä",
            ),
        ] {
            let first = ClientFirst::parse(message.as_bytes()).unwrap();
            assert_eq!((first.binding, first.gs2_header.as_str()), (binding, header), "{message}");
            assert_eq!((first.user.as_str(), first.nonce.as_str()), (user, "abc"), "{message}");
            assert_eq!(format!("{}{}", first.gs2_header, first.bare), message);
        }
    }

    #[test]
    fn what_the_grammar_does_not_allow_is_no_first_message() {
        for message in [
            "",
            "n,,",
            "n,n=user,r=abc",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,n=user,r=a b",
            "n,,n=,r=abc",
            "n,,r=abc,n=user",
            "n,,n=a=2cb,r=abc", // Upper case, by the grammar.
            "n,,n=a=b,r=abc",
            "n,,n=a=,r=abc",
            "n,,m=1,n=user,r=abc",
            "n,a=other,n=user,r=abc",
            "n,other,n=user,r=abc",
        ] {
            assert!(ClientFirst::parse(message.as_bytes()).is_none(), "{message}");
        }
        assert!(ClientFirst::parse(b"n,,n=\xff,r=abc").is_none());
    }

    #[test]
    fn what_the_grammar_does_not_allow_is_no_final_message() {
        let proof = BASE64.encode([7; 32]);
        let last = ClientFinal::parse(format!("c=biws,r=abc,x=1,p={proof}").as_bytes()).unwrap();
        assert_eq!((last.binding.as_slice(), last.nonce.as_str()), (&b"n,,"[..], "abc"));
        assert_eq!((last.proof, last.without_proof.as_str()), ([7; 32], "c=biws,r=abc,x=1"));
        for message in [
            String::new(),
            "c=biws,r=abc".to_owned(),
            format!("r=abc,c=biws,p={proof}"),
            format!("c=biws,p={proof}"),
            format!("c=***,r=abc,p={proof}"),
            "c=biws,r=abc,p=".to_owned(),
            "c=biws,r=abc,p=AAAA".to_owned(),
            format!("c=biws,r=abc,p={proof},x=1"),
        ] {
            assert!(ClientFinal::parse(message.as_bytes()).is_none(), "{message}");
        }
    }
}
