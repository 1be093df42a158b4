//! What this machine is called, when the configuration does not say. Knows no network: a name
//! server that does not answer must not hold up the start.

use crate::mail::Domain;
use std::fs;

/// The machine's name: with its domain if the machine knows it, else the short one; `localhost`
/// when what it is called is no name for a mail server.
pub(super) fn name() -> Domain {
    let called = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    choose(&called.unwrap_or_default(), &hosts)
}

fn choose(called: &str, hosts: &str) -> Domain {
    let full = if called.contains('.') { None } else { full_name(called, hosts) };
    let candidates = [full.unwrap_or(called), called, "localhost"];
    let chosen = candidates.into_iter().find_map(|name| Domain::parse(name).ok());
    // "localhost" always parses; said in a way that needs no `expect`.
    chosen.unwrap_or_else(|| unreachable!("localhost is a domain"))
}

/// The name in hosts(5) that begins with `short` and a dot, on a line that names `short`, too.
fn full_name<'a>(short: &str, hosts: &'a str) -> Option<&'a str> {
    let longer = |name: &&str| {
        name.split_once('.').is_some_and(|(first, rest)| {
            first.eq_ignore_ascii_case(short) && !rest.eq_ignore_ascii_case("localdomain")
        })
    };
    hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .find_map(|line| line.split_whitespace().skip(1).find(longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_name_that_is_one() {
        let hosts = "127.0.0.1 localhost\n# 127.0.1.1 post.comment.example post\n\
                     127.0.1.1\tpost.example.org post # ours\n::1 bare.localdomain bare\n";
        for (called, chosen) in [
            ("post", "post.example.org"),
            ("POST", "post.example.org"),
            ("mail.example.net", "mail.example.net"),
            ("other", "other"),
            ("bare", "bare"),
            ("", "localhost"),
            ("-", "localhost"),
            ("a b", "localhost"),
        ] {
            assert_eq!(choose(called, hosts).as_str(), chosen, "{called:?}");
        }
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!name().as_str().is_empty());
    }
}
