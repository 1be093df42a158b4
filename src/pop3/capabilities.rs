//! CAPA: what is true here and now, and nothing else (RFC 2449).

use super::response::{Lines, Response};
use super::session::Terms;
use crate::sasl::Mechanism;

/// The capabilities on a connection with these terms, before or after the login.
pub(super) fn list(terms: &Terms, logged_in: bool) -> Response {
    let mut lines = Lines::begin("+OK capabilities follow");
    lines.add("TOP");
    lines.add("UIDL");
    if !logged_in {
        before_login(terms, &mut lines);
    }
    for always in ["RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG"] {
        lines.add(always);
    }
    // The version is nobody's business who has not logged in: it tells which holes to try.
    lines.add(if logged_in {
        concat!("IMPLEMENTATION restante ", env!("CARGO_PKG_VERSION"))
    } else {
        "IMPLEMENTATION restante"
    });
    lines.end()
}

fn before_login(terms: &Terms, lines: &mut Lines) {
    if terms.may_log_in {
        lines.add("USER");
        let names: Vec<&str> = terms.mechanisms().map(Mechanism::name).collect();
        lines.line(format_args!("SASL {}", names.join(" ")));
    }
    if terms.tls.is_none() {
        lines.add("STLS");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::ChannelBindings;

    fn listed(terms: &Terms, logged_in: bool) -> Vec<String> {
        list(terms, logged_in).text().lines().map(str::to_owned).collect()
    }

    #[test]
    fn ways_to_log_in_are_listed_while_there_are_any() {
        let bindings = ChannelBindings { exporter: Some(vec![1]), server_end_point: None };
        let refused = Terms { may_log_in: false, tls: None, scram: true };
        let plain = Terms { may_log_in: true, ..refused.clone() };
        let bound = Terms { tls: Some(bindings), ..plain.clone() };
        let unbound = Terms { tls: Some(ChannelBindings::default()), ..plain.clone() };
        for (terms, logged_in, login, plus, stls) in [
            (&refused, false, false, false, true),
            (&plain, false, true, false, true),
            (&bound, false, true, true, false),
            (&unbound, false, true, false, false),
            (&plain, true, false, false, false),
            (&bound, true, false, false, false),
        ] {
            let lines = listed(terms, logged_in);
            let sasl = lines.iter().find(|line| line.starts_with("SASL "));
            assert_eq!(lines.contains(&"USER".to_owned()), login, "{terms:?}");
            assert_eq!(sasl.is_some(), login, "{terms:?}");
            assert_eq!(sasl.is_some_and(|line| line.ends_with("-PLUS")), plus, "{terms:?}");
            assert_eq!(lines.contains(&"STLS".to_owned()), stls, "{terms:?}");
            assert!(lines.contains(&"TOP".to_owned()) && lines.contains(&"UIDL".to_owned()));
        }
    }

    #[test]
    fn scram_is_left_out_where_it_does_not_work_for_all() {
        let bindings = ChannelBindings { exporter: Some(vec![1]), server_end_point: None };
        let terms = Terms { may_log_in: true, tls: Some(bindings), scram: false };
        assert!(listed(&terms, false).contains(&"SASL PLAIN LOGIN".to_owned()));
    }
}
