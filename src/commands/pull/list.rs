//! The list of mailboxes to be pulled: `host,port,tls,user,password,address`.
//!
//! A line that cannot be understood is an error before anything is pulled: half a list is nobody's wish.

use super::Job;
use crate::accounts::import::csv;
use crate::commands::old_server::Secured;
use crate::fetch::{Login, Security, Server};
use crate::finding::Finding;
use crate::import::words::cannot_be_read;
use crate::limits;
use crate::mail::{AccountAddress, Password, UserName};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The columns that must be there; `port` and `tls` may be missing or empty.
const NEEDED: [&str; 4] = ["host", "user", "password", "address"];

/// Reads a list. `common` says what the lines leave open: whose certificate is good.
///
/// # Errors
/// A finding that names the line.
pub(super) fn read(file: &Path, common: &Secured) -> Result<Vec<Job>, Finding> {
    let octets = File::open(file).and_then(read_all).map_err(|error| Finding {
        what: cannot_be_read(file, error),
        remedy: "name the list of mailboxes; nothing was imported".to_owned(),
    })?;
    let common = common.server(&Server::default())?;
    jobs(&octets, &common).map_err(|(line, what)| Finding {
        what: format!("{}:{line}: {what}", file.display()),
        remedy: "mend the line; nothing was imported".to_owned(),
    })
}

fn read_all(file: File) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    file.take(limits::PULL_LIST_MAX + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > limits::PULL_LIST_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(octets)
}

fn jobs(octets: &[u8], common: &Server) -> Result<Vec<Job>, (usize, String)> {
    let mut rows = csv::rows(octets).into_iter();
    let heading = rows.next().map(|row| row.fields.iter().map(|field| text(field).to_lowercase()).collect());
    let heading: Vec<String> = heading.unwrap_or_default();
    if let Some(missing) = NEEDED.iter().find(|name| !heading.iter().any(|known| known == *name)) {
        return Err((1, format!("the first line must name the columns, and {missing} is not among them")));
    }
    rows.map(|row| {
        // Before any of it is shown: what is too much may be a part of a password.
        if row.fields.len() > heading.len() {
            let what =
                "more fields than the first line names: put quotation marks around one with a comma in it";
            return Err((row.line, what.to_owned()));
        }
        let field = |name: &str| -> &[u8] {
            let at = heading.iter().position(|known| known == name);
            at.and_then(|at| row.fields.get(at)).map_or(&[], |field| field.as_ref())
        };
        job(field, common).map_err(|what| (row.line, what))
    })
    .collect()
}

fn job<'a>(field: impl Fn(&str) -> &'a [u8], common: &Server) -> Result<Job, String> {
    let word = |name: &str| text(field(name));
    let mut server = Server::parse(&word("host"))?;
    let port = word("port");
    if !port.is_empty() {
        let number = port.parse().ok().filter(|port| *port > 0);
        server.port = Some(number.ok_or_else(|| format!("{port:?} is no port"))?);
    }
    server.security = security(&word("tls"))?;
    server.trust.clone_from(&common.trust);
    let user = word("user");
    Ok(Job {
        server,
        login: Login {
            user: UserName::parse(&user).ok_or_else(|| format!("{user:?} is no user name"))?,
            // As it is, blanks and all; and never shown.
            password: Password::new(field("password")).ok_or("the password is empty, or none at all")?,
        },
        to: AccountAddress::parse(&word("address"))
            .map_err(|error| format!("{:?}: {error}", word("address")))?,
    })
}

fn security(word: &str) -> Result<Option<Security>, String> {
    Ok(match word.to_lowercase().as_str() {
        "" => None,
        "tls" | "ssl" | "yes" | "true" | "1" => Some(Security::Tls),
        "stls" | "starttls" => Some(Security::Stls),
        "plain" | "no" | "none" | "false" | "0" => Some(Security::Plain),
        _ => return Err(format!("{word:?} in the column tls: write tls, stls or plain")),
    })
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.trim_ascii()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(list: &str) -> Result<Vec<String>, (usize, String)> {
        let found = jobs(list.as_bytes(), &Server::default())?;
        let job = |job: Job| {
            let password = String::from_utf8_lossy(job.login.password.expose()).into_owned();
            format!("{} {:?} {} {password:?} {}", job.server, job.server.security, job.login.user, job.to)
        };
        Ok(found.into_iter().map(job).collect())
    }

    #[test]
    fn a_list_names_its_columns_in_any_order() {
        let list = "host,port,tls,user,password,address\r\n\
            pop.example.net,995,tls,anna,\"se,cr\"\"et \",anna@example.org\r\n\
            \r\n\
            192.0.2.1:2110,, STLS ,bert*admin,x,Bert@Example.org\n";
        assert_eq!(
            told(list).unwrap(),
            [
                "pop.example.net:995 Some(Tls) anna \"se,cr\\\"et \" anna@example.org",
                "192.0.2.1:2110 Some(Stls) bert*admin \"x\" bert@example.org"
            ]
        );
        // As Excel writes it.
        for list in ["", "\u{feff}"].map(|mark| format!("{mark}Address,Password,User,Host\na@b.org,x,a,h\n"))
        {
            assert_eq!(told(&list).unwrap(), ["h None a \"x\" a@b.org"]);
        }
        assert_eq!(told("host,user,password,address\n").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named_and_its_password_is_not() {
        let heading = "host,port,tls,user,password,address\n";
        let good = "h,1,,a,x,a@b.org\n";
        for (line, why) in [
            ("h,x,,a,x,a@b.org", "is no port"),
            ("h,0,,a,x,a@b.org", "is no port"),
            ("h,1,maybe,a,x,a@b.org", "in the column tls"),
            ("h,1,,,x,a@b.org", "is no user name"),
            ("h,1,,a,,a@b.org", "the password is empty"),
            ("h,1,,a,hunter2,b.org", "b.org"),
            (",1,,a,x,a@b.org", "is no server"),
        ] {
            let (at, what) = told(&format!("{heading}{good}{line}\n")).unwrap_err();
            assert!(at == 3 && what.contains(why) && !what.contains("hunter"), "{at}: {what}");
        }
        assert_eq!(told("").unwrap_err().0, 1);
        assert!(told("host,user,address\n").unwrap_err().1.contains("password"));
    }
}
