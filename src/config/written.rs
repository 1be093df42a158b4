//! The configuration as it is written: the keys and the types that TOML has for them. A value that
//! exists here has been parsed; which value a missing key stands for is decided in `settings`.

use super::settings::{BareNewline, PlaintextLogin};
use super::units;
use crate::mail::Domain;
use crate::net::{ListenAddress, Network};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

/// The whole file.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    pub hostname: Option<Parsed<Domain>>,
    pub data_dir: Option<Parsed<PathBuf>>,
    pub user: Option<String>,
    pub shutdown_grace: Option<Parsed<Duration>>,
    pub min_free: Option<Size>,
    /// Also taken here: it is named without its table where the live move is told.
    pub upstream_wait: Option<Parsed<Duration>>,
    pub smtp: Smtp,
    pub pop3: Pop3,
    pub lmtp: Lmtp,
    pub auth: Auth,
    pub tls: Tls,
}

/// `[smtp]`
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the section [smtp]")]
pub(super) struct Smtp {
    pub listen: Option<Vec<Parsed<ListenAddress>>>,
    pub max_message_size: Option<PositiveSize>,
    pub max_recipients: Option<Positive>,
    pub idle_timeout: Option<Parsed<Duration>>,
    pub max_connections: Option<Positive>,
    pub max_connections_per_ip: Option<Positive>,
    pub bare_newline: Option<Parsed<BareNewline>>,
}

/// `[pop3]`
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the section [pop3]")]
pub(super) struct Pop3 {
    pub listen: Option<Vec<Parsed<ListenAddress>>>,
    pub listen_tls: Option<Vec<Parsed<ListenAddress>>>,
    pub plaintext_login: Option<Parsed<PlaintextLogin>>,
    pub idle_timeout: Option<Parsed<Duration>>,
    pub max_connections: Option<Positive>,
    pub max_connections_per_ip: Option<Positive>,
    pub upstream_wait: Option<Parsed<Duration>>,
}

/// `[lmtp]`
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the section [lmtp]")]
pub(super) struct Lmtp {
    pub listen: Option<Vec<Parsed<ListenAddress>>>,
}

/// `[auth]`
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the section [auth]")]
pub(super) struct Auth {
    pub failures_before_delay: Option<Natural>,
    pub failures_before_ban: Option<Natural>,
    pub ban_time: Option<Parsed<Duration>>,
    pub exempt: Option<Vec<Parsed<Network>>>,
    pub pbkdf2_rounds: Option<Rounds>,
}

/// `[tls]`
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the section [tls]")]
pub(super) struct Tls {
    pub certificate: Option<Parsed<PathBuf>>,
    pub key: Option<Parsed<PathBuf>>,
}

/// A value that is written as a text and means more.
pub(super) struct Parsed<T>(pub T);

/// A whole number from `MIN` to `MAX`.
pub(super) struct Number<const MIN: u32, const MAX: u32>(pub u32);
/// A count of which zero makes no sense.
pub(super) type Positive = Number<1, { u32::MAX }>;
/// A count of which zero means "never".
pub(super) type Natural = Number<0, { u32::MAX }>;
/// PBKDF2's rounds.
pub(super) type Rounds = Number<{ crate::limits::PBKDF2_ROUNDS_MIN }, { crate::limits::PBKDF2_ROUNDS_MAX }>;

/// Bytes, as a number or as a text with a unit.
pub(super) struct Size(pub u64);
/// The same, and not zero.
pub(super) struct PositiveSize(pub u64);

/// What can be read from a text; errors read `what: remedy`.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

impl FromText for Domain {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
            .map_err(|_| format!("`{text}` is no host name: write it as in \"mail.example.org\""))
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') {
            return Err(format!("`{}` is no path: name a file or a folder", text.escape_default()));
        }
        Ok(Self::from(text))
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        units::duration(text)
    }
}

impl FromText for ListenAddress {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl FromText for Network {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl FromText for BareNewline {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "accept" => Ok(Self::Accept),
            "reject" => Ok(Self::Reject),
            _ => Err(format!("`{text}` is no choice: write \"accept\" or \"reject\"")),
        }
    }
}

impl FromText for PlaintextLogin {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "loopback" => Ok(Self::Loopback),
            "private" => Ok(Self::Private),
            "always" => Ok(Self::Always),
            _ => Err(format!(
                "`{text}` is no choice: write \"never\", \"loopback\", \"private\" or \"always\""
            )),
        }
    }
}

impl<'de, T: FromText> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: FromText> Visitor<'_> for Text<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                T::from_text(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text(PhantomData)).map(Self)
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<const MIN: u32, const MAX: u32>;
        impl<const MIN: u32, const MAX: u32> Visitor<'_> for Whole<MIN, MAX> {
            type Value = u32;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
                u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number)).ok_or_else(|| {
                    E::custom(format!("`{number}` is out of range: write a number from {MIN} to {MAX}"))
                })
            }
        }
        deserializer.deserialize_i64(Whole::<MIN, MAX>).map(Self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes or a text such as \"50 MiB\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
                units::size(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Bytes).map(Self)
    }
}

impl<'de> Deserialize<'de> for PositiveSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Size::deserialize(deserializer)?.0 {
            0 => Err(D::Error::custom("`0` would let nothing in: write a size, as in \"50 MiB\"")),
            bytes => Ok(Self(bytes)),
        }
    }
}
